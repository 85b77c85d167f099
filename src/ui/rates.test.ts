import { expect, test } from '@jest/globals';
import { readStatus, type StatusView } from './api.ts';
import { inputKey, laneKey, outputKey, RateBook } from './rates.ts';

const look = (nowMs: number, count: number, startedAtMs = 1): StatusView =>
  readStatus({
    startedAtMs,
    nowMs,
    inputs: [{ id: 'inputs.zipkin[0]', signal: 'traces', accepted: count }],
    lanes: [{ signal: 'traces', cumItems: count * 2, outputs: [{ output: 'store', delivered: count * 3 }] }],
  });

test('a rate is known from the second look on', () => {
  const book = new RateBook();
  book.add(look(0, 100));
  expect(book.rate(laneKey('traces'))).toBeUndefined();
  book.add(look(2_000, 300));
  expect(book.rate(inputKey('inputs.zipkin[0]', 'traces'))).toBe(100);
  expect(book.rate(laneKey('traces'))).toBe(200);
  expect(book.rate(outputKey('traces', 'store'))).toBe(300);
  expect(book.rate('in other')).toBeUndefined();
});

test('only the last thirty seconds count for the rate, and each look for the history', () => {
  const book = new RateBook();
  for (const [atMs, count] of [
    [0, 0],
    [30_000, 3_000],
    [60_000, 3_000],
  ] as const) {
    book.add(look(atMs, count));
  }
  expect(book.rate(inputKey('inputs.zipkin[0]', 'traces'))).toBe(0);
  expect(book.history(inputKey('inputs.zipkin[0]', 'traces'))).toEqual([100, 0]);
});

test('a new process begins a new book, and the same look counts once', () => {
  const book = new RateBook();
  book.add(look(0, 100));
  book.add(look(0, 100));
  expect(book.history(laneKey('traces'))).toEqual([]);
  book.add(look(2_000, 5, 2));
  expect(book.rate(laneKey('traces'))).toBeUndefined();
});
