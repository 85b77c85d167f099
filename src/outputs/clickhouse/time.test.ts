import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { microsTimeText, millisTimeText, nanosTimeText, timeText } from './time.ts';

const lastNanos = 4_102_444_800n * 1_000_000_000n;

function nanosOf(text: string): bigint {
  expect(text).toMatch(/^\d{10}\.\d{9}$/);
  return BigInt(text.replace('.', ''));
}

test('a time keeps all its digits, from 1970 to 2100', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: lastNanos }), (nanos) => {
      expect(nanosOf(nanosTimeText(nanos))).toBe(nanos);
    }),
  );
  fc.assert(
    fc.property(fc.nat({ max: Number(lastNanos / 1_000_000n) }), fc.nat({ max: 999 }), (ms, micros) => {
      expect(nanosOf(millisTimeText(ms))).toBe(BigInt(ms) * 1_000_000n);
      const all = Math.min(ms * 1000 + micros, Number(lastNanos / 1000n));
      expect(nanosOf(microsTimeText(all))).toBe(BigInt(all) * 1000n);
    }),
  );
});

test('a time outside of that is put to the nearer end', () => {
  const [first, last] = ['0000000000.000000000', '4102444800.000000000'];
  expect([nanosTimeText(-1n), millisTimeText(-1), microsTimeText(-1), timeText(Number.NaN, 0)]).toEqual(
    Array(4).fill(first),
  );
  expect([nanosTimeText(lastNanos + 1n), millisTimeText(9e15), microsTimeText(2 ** 63), timeText(2 ** 32, 5)]).toEqual(
    Array(4).fill(last),
  );
  expect(millisTimeText(1.9)).toBe('0000000000.001000000');
});
