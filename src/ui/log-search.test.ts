import { expect, test } from '@jest/globals';
import { anyLines, logFilter, logsUrl, textsOf } from './log-search.ts';

test('words are looked for one by one, phrases as a whole', () => {
  expect(textsOf('  GET "not found"  503 "open')).toEqual(['GET', 'not found', '503', 'open']);
  expect(textsOf('""')).toEqual([]);
});

test('every filter goes to the API, each as often as it was given', () => {
  const filter = logFilter({ ...anyLines, match: ['a=b', 'c!=d'], text: 'x "y z"', level: ['error', 'warn'] });
  expect([...filter]).toEqual([
    ['match', 'a=b'],
    ['match', 'c!=d'],
    ['text', 'x'],
    ['text', 'y z'],
    ['level', 'error'],
    ['level', 'warn'],
  ]);
});

test('what has no value is not asked', () => {
  expect(logsUrl('tail', anyLines, { limit: 5, after: undefined })).toBe('/api/native/logs/tail?limit=5');
});

test('what begins with a selector is LogQL, of which the texts are marked', () => {
  const text = ' {pod="a"} |= "x y" |= `z` != "not" | json';
  expect([...logFilter({ ...anyLines, text })]).toEqual([['logql', text.trim()]]);
  expect(textsOf(text)).toEqual(['x y', 'z']);
});
