import { expect, test } from '@jest/globals';
import { until } from '../../test/fakes/until.ts';
import { LoopDelay } from './loop-delay.ts';

test('a loop that was held up says by how much, until it is asked to forget', async () => {
  const delay = new LoopDelay();
  expect(delay.seconds(99)).toBe(0);
  const end = performance.now() + 600;
  while (performance.now() < end) {
    // Holds up the loop.
  }
  await until(() => delay.seconds(99) > 0, { withinMs: 5_000, what: 'a delay' });
  expect(delay.seconds(100)).toBeGreaterThan(0.2);
  delay.reset();
  expect(delay.seconds(99)).toBe(0);
});
