import { expect, test } from '@jest/globals';
import { serviceHue, serviceHues } from './colour.ts';

test('services that are seen together have hues of their own while there are enough', () => {
  const names = Array.from({ length: 13 }, (_, i) => `service-${i}`);
  expect(new Set(serviceHues(names).values()).size).toBe(13);
  expect(serviceHues([...names, 'one-more']).size).toBe(14);
});

test('a service alone has the hue that lists show', () => {
  expect(serviceHues(['reviews.bookinfo']).get('reviews.bookinfo')).toBe(serviceHue('reviews.bookinfo'));
});
