import { expect, test } from '@jest/globals';
import { fileSystemBytes, freeBytesOf, laneCaps } from './disk-space.ts';

const gb = 1e9;
const configured = { metrics: gb, traces: 2 * gb, logs: 4 * gb, rum: 0.5 * gb };

test('the caps are as configured where there is room', () => {
  expect(laneCaps(configured, 100 * gb)).toEqual(configured);
});

test('together the caps stay under a tenth of the file system', () => {
  const caps = laneCaps(configured, 15 * gb);
  expect(caps.metrics + caps.traces + caps.logs + caps.rum).toBeLessThanOrEqual(1.5 * gb);
  expect(caps.logs / caps.metrics).toBeCloseTo(4);
});

test('free space is asked of the file system once a second', () => {
  let now = 5_000;
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const free = freeBytesOf('.', clock);
  expect(free()).toBeGreaterThan(0);
  expect(free()).toBeLessThan(fileSystemBytes('.'));
  const before = free();
  now += 999;
  expect(free()).toBe(before);
});
