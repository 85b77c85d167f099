import { expect, test } from '@jest/globals';
import { partsOf } from './marked-parts.ts';

const shown = (text: string, ...words: string[]): string =>
  partsOf(text, words)
    .map(({ part, found }) => (found ? `<${part}>` : part))
    .join('');

test('what was looked for stands out, in letters of either case', () => {
  expect(shown('GET /Reviews/0 503', 'reviews', '503')).toBe('GET /<Reviews>/0 <503>');
  expect(shown('a+b (c)', '+', '(c)')).toBe('a<+>b <(c)>');
  expect(shown('plain', 'none')).toBe('plain');
  expect(shown('plain')).toBe('plain');
  expect(shown('')).toBe('');
});
