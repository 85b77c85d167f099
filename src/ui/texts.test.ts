import { expect, test } from '@jest/globals';
import { say, type TextKey, tables } from './texts.ts';

const keys = Object.keys(tables.en) as TextKey[];
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();

test('both languages have every text, with the same values to fill in', () => {
  for (const key of keys) {
    expect(tables.zh[key].trim()).not.toBe('');
    expect([key, holes(tables.zh[key])]).toEqual([key, holes(tables.en[key])]);
  }
});

test('values are filled in, whatever they hold', () => {
  expect(say('en', 'traceGone', { id: '$1 {id}' })).toBe('There is no trace $1 {id} in the store.');
  expect(say('zh', 'spanCount', { count: '3' })).toBe('3 个 Span');
});
