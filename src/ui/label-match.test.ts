import { expect, test } from '@jest/globals';
import { labelMatchOf, matchText, selectorOf, withMatch } from './label-match.ts';

test('a condition is read as the API writes it, whatever its value holds', () => {
  for (const written of ['namespace=prod', 'code!=200', 'pod=~web-.*|a=b', 'path!~/x=~y', 'empty=']) {
    const match = labelMatchOf(written);
    expect(match === undefined ? undefined : matchText(match)).toBe(written);
  }
  expect(labelMatchOf('pod=~a=b')).toEqual({ name: 'pod', op: '=~', value: 'a=b' });
  expect(labelMatchOf('nothing')).toBeUndefined();
  expect(labelMatchOf('=x')).toBeUndefined();
});

test('conditions become a selector with quoted values', () => {
  expect(selectorOf([])).toBe('');
  expect(selectorOf(['a=b', 'junk', 'c!~d"e\\f\ng'])).toBe('{a="b",c!~"d\\"e\\\\f\\ng"}');
});

test('a new condition takes the place of one that contradicts it', () => {
  expect(withMatch(['app=a', 'pod=p'], { name: 'app', op: '=', value: 'b' })).toEqual(['pod=p', 'app=b']);
  expect(withMatch(['app=a'], { name: 'app', op: '!=', value: 'a' })).toEqual(['app!=a']);
  expect(withMatch(['app!=a'], { name: 'app', op: '!=', value: 'b' })).toEqual(['app!=a', 'app!=b']);
});
