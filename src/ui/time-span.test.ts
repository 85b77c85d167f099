import { expect, test } from '@jest/globals';
import { aligned, between, boundsOf, shifted, stepMsOf, timeSpanOf } from './time-span.ts';

const now = 1_795_253_153_900;

test('a span ends now, at a moment, or has two moments of its own', () => {
  expect(boundsOf({ range: '1h' }, now)).toEqual({ startMs: now - 3_600_000, endMs: now });
  expect(boundsOf({ range: '1h', until: now - 5 }, now)).toEqual({ startMs: now - 3_600_005, endMs: now - 5 });
  expect(boundsOf({ range: '1h', from: 7, until: 9 }, now)).toEqual({ startMs: 7, endMs: 9 });
});

test('moments of a URL that cannot be are left out', () => {
  const of = (query: string) => timeSpanOf(new URLSearchParams(query));
  expect(of('range=6h&from=5&until=9')).toEqual({ range: '6h', from: 5, until: 9 });
  expect(of('range=toString&from=9&until=5')).toEqual({ range: '15m', until: 5 });
  expect(of('from=5&until=soon')).toEqual({ range: '15m' });
});

test('earlier and later go by the length that is seen, and later ends at the present', () => {
  const earlier = shifted({ range: '1h' }, -1, now);
  expect(earlier).toEqual({ range: '1h', from: now - 7_200_000, until: now - 3_600_000 });
  expect(shifted(earlier, 1, now)).toEqual({ range: '1h' });
  expect(shifted({ range: '1h', from: 1_000, until: 3_000 }, 1, now)).toEqual({
    range: '1h',
    from: 3_000,
    until: 5_000,
  });
});

test('a chosen time is at least a second long, whichever way it was dragged', () => {
  expect(between({ range: '5m' }, 9_000.4, 4_000.2)).toEqual({ range: '5m', from: 4_000, until: 9_000 });
  expect(between({ range: '5m' }, 4_000, 4_001)).toEqual({ range: '5m', from: 4_000, until: 5_000 });
});

test.each([
  [900_000, 240, 5_000],
  [3_600_000, 240, 15_000],
  [604_800_000, 240, 3_600_000],
  [1_000, 90, 1_000],
  [40_000_000_000, 90, 518_400_000],
])('%i ms in at most %i steps are steps of %i ms', (lengthMs, most, stepMs) => {
  expect(stepMsOf({ startMs: 0, endMs: lengthMs }, most)).toBe(stepMs);
  expect(lengthMs / stepMs).toBeLessThanOrEqual(most);
});

test('aligned bounds hold what they were made from', () => {
  expect(aligned({ startMs: 1_001, endMs: 2_999 }, 1_000)).toEqual({ startMs: 1_000, endMs: 3_000 });
  expect(aligned({ startMs: 1_000, endMs: 3_000 }, 1_000)).toEqual({ startMs: 1_000, endMs: 3_000 });
});
