import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import { systemClock } from '../lib/clock.ts';
import { diskStatusOf, fileSystemBytes, floorBytes, freeBytesOf, laneCaps } from './disk-space.ts';

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

test('the status has the room of the disk, and what must stay free of it', () => {
  const dir = tmpdir();
  expect(floorBytes({ percent: 12 }, 1_000)).toBe(120);
  expect(floorBytes({ bytes: 7 }, 1_000)).toBe(7);
  const status = diskStatusOf(dir, { bytes: 7 }, systemClock)();
  expect(status).toMatchObject({ dir, minFreeBytes: 7, totalBytes: fileSystemBytes(dir) });
  expect(status.freeBytes).toBeGreaterThan(0);
});
