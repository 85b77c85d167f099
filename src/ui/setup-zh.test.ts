import { expect, test } from '@jest/globals';
import { setupTexts } from '../api/setup/texts.ts';
import { setupZh } from './setup-zh.ts';

const holes = (sentence = ''): string[] =>
  [...new Set([...sentence.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort();

test('every sentence about the set-up is said in Chinese too, with the same values', () => {
  expect(Object.keys(setupZh).sort()).toEqual(Object.keys(setupTexts).sort());
  for (const [key, text] of Object.entries(setupTexts)) {
    const english: { readonly seen: string; readonly todo?: string } = text;
    const chinese = setupZh[key];
    expect([key, holes(chinese?.seen)]).toEqual([key, holes(english.seen)]);
    expect([key, chinese?.todo === undefined]).toEqual([key, english.todo === undefined]);
    expect([key, holes(chinese?.todo)]).toEqual([key, holes(english.todo)]);
  }
});
