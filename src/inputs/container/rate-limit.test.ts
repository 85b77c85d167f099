import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RateLimit } from './rate-limit.ts';

describe('a limit that pauses', () => {
  test('lets a second of the rate through at once, and then waits until what was read is made up for', () => {
    const limit = new RateLimit({ linesPerSecond: 10, over: 'pause' }, 0);
    expect(limit.take(5, 500, 0)).toEqual({ kept: 5 });
    expect(limit.paused(0)).toBeUndefined();
    expect(limit.take(25, 2_500, 0)).toEqual({ kept: 25 });
    expect([limit.paused(0), limit.paused(1_999), limit.paused(2_001)]).toEqual(['lines', 'lines', undefined]);
  });

  test('keeps the rate over time, however large the pieces are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 5 }),
        (rate, pieces) => {
          const limit = new RateLimit({ bytesPerSecond: rate, over: 'pause' }, 0);
          let nowMs = 0;
          let total = 0;
          for (const bytes of pieces) {
            while (limit.paused(nowMs) !== undefined) {
              nowMs += 100;
            }
            limit.take(1, bytes, nowMs);
            total += bytes;
          }
          expect(total - (pieces.at(-1) ?? 0)).toBeLessThanOrEqual(rate + (nowMs / 1_000) * rate + 1);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('says which of its limits was reached', () => {
    const limit = new RateLimit({ linesPerSecond: 10, bytesPerSecond: 100, over: 'pause' }, 0);
    limit.take(1, 101, 0);
    expect(limit.paused(0)).toBe('bytes');
  });

  test('gives nothing for a clock that is set back', () => {
    const limit = new RateLimit({ linesPerSecond: 10, over: 'pause' }, 100_000);
    limit.take(20, 0, 100_000);
    expect(limit.paused(0)).toBe('lines');
    expect(limit.paused(1_100)).toBeUndefined();
  });
});

describe('a limit that samples', () => {
  test('never pauses, and keeps as many lines as it may', () => {
    const limit = new RateLimit({ linesPerSecond: 10, over: 'sample' }, 0);
    expect(limit.take(40, 4_000, 0)).toEqual({ kept: 10, over: 'lines' });
    expect(limit.paused(0)).toBeUndefined();
    expect(limit.take(40, 4_000, 0)).toEqual({ kept: 0, over: 'lines' });
    expect(limit.take(4, 400, 1_000)).toEqual({ kept: 4 });
  });

  test('counts bytes too', () => {
    const limit = new RateLimit({ bytesPerSecond: 100, linesPerSecond: 1_000, over: 'sample' }, 0);
    expect(limit.take(10, 400, 0)).toEqual({ kept: 2, over: 'bytes' });
  });
});
