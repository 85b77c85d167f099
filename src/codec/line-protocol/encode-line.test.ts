import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Point } from '../points/point.ts';
import { encodeLine } from './encode-line.ts';
import { decodeLineProtocol } from './parse.ts';

function point(parts: Partial<Point>): Point {
  return { measurement: 'm', tags: {}, fields: { f: 1 }, timeNanos: 7n, ...parts };
}

test.each<[Partial<Point>, string | undefined]>([
  [{}, 'm f=1 7'],
  [{ tags: { b: 'x y', a: '1,2=3', none: '' } }, 'm,a=1\\,2\\=3,b=x\\ y f=1 7'],
  [{ measurement: 'a b,c=d' }, 'a\\ b\\,c=d f=1 7'],
  [{ fields: { i: 5n, f: 1.5e30, b: false, s: 'a"b\\c' } }, 'm i=5i,f=1.5e+30,b=false,s="a\\"b\\\\c" 7'],
  [{ tags: { a: 'x\ny\\' } }, 'm,a=x\\ y f=1 7'],
  [{ fields: { a: Number.NaN, b: Number.POSITIVE_INFINITY } }, undefined],
  [{ fields: { a: Number.NaN, b: 2 } }, 'm b=2 7'],
])('%j is written as %s', (parts, line) => {
  expect(encodeLine(point(parts))).toBe(line);
});

test('what is written is read as it was, but for what the protocol cannot hold', () => {
  const word = fc
    .string({ minLength: 1, maxLength: 8 })
    .filter((text) => !/[\\\r\n"#]/.test(text) && text.trim() === text);
  const fields = fc.dictionary(
    word,
    fc.oneof(fc.string(), fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    {
      minKeys: 1,
      maxKeys: 4,
    },
  );
  fc.assert(
    fc.property(word, fc.dictionary(word, word, { maxKeys: 4 }), fields, (measurement, tags, values) => {
      const line = encodeLine({ measurement, tags, fields: values, timeNanos: 1_795_253_153_000_000_007n });
      const [read] = decodeLineProtocol(Buffer.from(line ?? ''), { precision: 'ns', nowNanos: 0n });
      expect(read).toEqual({ measurement, tags, fields: plus(values), timeNanos: 1_795_253_153_000_000_007n });
    }),
  );
});

/** −0 has no sign in text. */
function plus(fields: Readonly<Record<string, number | string | boolean>>): object {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value === 0 ? 0 : value]));
}
