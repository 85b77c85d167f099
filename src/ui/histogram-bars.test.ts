import { expect, test } from '@jest/globals';
import { axisTexts, bucketsOf, levelTotals, piecesOf } from './histogram-bars.ts';
import type { CountsView } from './logs-api.ts';

const counts: CountsView = {
  startMs: 1_000,
  stepMs: 500,
  total: 111,
  levels: new Map([
    ['info', [100, 0]],
    ['error', [10, 1]],
  ]),
};

test('buckets have their times and their levels, worst first', () => {
  expect(bucketsOf(counts)).toEqual([
    {
      startMs: 1_000,
      endMs: 1_500,
      total: 110,
      levels: [
        ['error', 10],
        ['info', 100],
      ],
    },
    { startMs: 1_500, endMs: 2_000, total: 1, levels: [['error', 1]] },
  ]);
  expect(levelTotals(counts)).toEqual([
    ['error', 11],
    ['info', 100],
  ]);
});

test('bars stand on the ground, stacked, and one line of a hundred is still seen', () => {
  const pieces = piecesOf(bucketsOf(counts), { width: 20, height: 55 });
  expect(pieces).toEqual([
    { level: 'error', x: 0, y: 50, width: 9, height: 5 },
    { level: 'info', x: 0, y: 0, width: 9, height: 50 },
    { level: 'error', x: 10, y: 54, width: 9, height: 1 },
  ]);
});

test('no counts are no bars', () => {
  expect(piecesOf(bucketsOf({ ...counts, levels: new Map() }), { width: 10, height: 10 })).toEqual([]);
});

test('times below the bars are as exact as their distance asks for', () => {
  const over = (lengthMs: number): readonly string[] =>
    axisTexts(bucketsOf({ ...counts, startMs: new Date(2026, 10, 21, 23, 0).getTime(), stepMs: lengthMs / 2 }));
  expect(over(240_000)).toEqual(['23:00:00', '23:01:00', '23:02:00', '23:03:00', '23:04:00']);
  expect(over(3_600_000)).toEqual(['23:00', '23:15', '23:30', '23:45', '00:00']);
  expect(over(4 * 86_400_000)[1]).toBe('11-22 23:00');
  expect(axisTexts([])).toEqual([]);
});
