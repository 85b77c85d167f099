import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseSelector } from './selector.ts';

const labels = { app: 'web', tier: 'front', 'app.kubernetes.io/name': 'shop', level: '7', empty: '' };

describe('a selector', () => {
  test.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web', true],
    ['app=back', false],
    ['app!=back', true],
    ['app!=web', false],
    ['zone!=a', true],
    ['zone=a', false],
    ['app.kubernetes.io/name=shop,tier=front', true],
    ['app=web,tier=back', false],
    ['tier in (front, back)', true],
    ['tier in (back),app=web', false],
    ['tier notin (back,side),app=web', true],
    ['tier notin (front)', false],
    ['zone notin (a)', true],
    ['app', true],
    ['zone', false],
    ['!zone', true],
    ['!app', false],
    ['empty=', true],
    ['app=', false],
    ['level>6', true],
    ['level > 7', false],
    ['level<8', true],
    ['app>6', false],
    ['app=w*', true],
    ['app in (x,?eb)', true],
    ['app!=w*', false],
    ['app=w.*', false],
  ])('%s: %s', (text, expected) => {
    expect(parseSelector(text)?.(labels)).toBe(expected);
  });

  test.each(['=web', 'app=a=b', 'app in front', 'app in (a', 'a b', 'app>x', ',', 'app=web,', '!'])(
    '"%s" is none',
    (text) => {
      expect(parseSelector(text)).toBeUndefined();
    },
  );

  test('of any text at all is read or refused', () => {
    void fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.string()), (text, found) => {
        expect(['boolean', 'undefined']).toContain(typeof parseSelector(text)?.(found));
      }),
    );
  });
});
