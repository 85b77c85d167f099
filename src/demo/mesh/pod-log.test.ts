import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PodLog, rfc3339Nanos } from './pod-log.ts';

let folder: string;
const atMs = Date.UTC(2026, 10, 21, 9, 39, 0, 695);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meshbridge-pod-log-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const lines = (name = '0.log') => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1);

test('writes lines as a container runtime does', () => {
  const log = new PodLog(folder, { maxBytes: 1000, maxFiles: 3 });
  log.write('stdout', 'one', atMs + 0.25);
  log.write('stderr', '', atMs + 1);
  log.close();
  expect(lines()).toEqual(['2026-11-21T09:39:00.695250000Z stdout F one', '2026-11-21T09:39:00.696000000Z stderr F ']);
});

test('splits a long line into parts of 16 KiB, all but the last marked as partial', () => {
  const log = new PodLog(folder, { maxBytes: 1_000_000, maxFiles: 3 });
  const long = 'a'.repeat(16_384) + 'b'.repeat(16_384);
  log.write('stdout', `${long}c`, atMs);
  log.write('stdout', long, atMs);
  log.close();
  const parts = lines().map((line) => line.split(' '));
  expect(parts.map(([, , tag, text]) => [tag, text?.length])).toEqual([
    ['P', 16_384],
    ['P', 16_384],
    ['F', 1],
    ['P', 16_384],
    ['F', 16_384],
  ]);
});

test('renames the file when it is full, loses no line, and keeps the newest files only', () => {
  const log = new PodLog(folder, { maxBytes: 200, maxFiles: 3 });
  for (let i = 0; i < 20; i++) {
    log.write('stdout', `line ${i}`, atMs + i * 250);
  }
  log.close();
  const names = readdirSync(folder).sort();
  expect(names).toHaveLength(3);
  expect(names[1]).toMatch(/^0[.]log[.]20261121-0939\d\d$/);
  const kept = [...names.slice(1), '0.log']
    .flatMap((name) => lines(name))
    .map((line) => Number(line.split(' ').at(-1)));
  expect(kept).toEqual(kept.map((_, i) => 20 - kept.length + i));
  expect(kept.length).toBeGreaterThan(8);
});

test('goes on in the file that is there', () => {
  for (const text of ['before', 'after']) {
    const log = new PodLog(folder, { maxBytes: 1000, maxFiles: 3 });
    log.write('stdout', text, atMs);
    log.close();
  }
  expect(lines().map((line) => line.split(' ').at(-1))).toEqual(['before', 'after']);
  expect(statSync(join(folder, '0.log')).mode & 0o777).toBe(0o640);
});

test('a time keeps its nanoseconds', () => {
  expect(rfc3339Nanos(0)).toBe('1970-01-01T00:00:00.000000000Z');
  expect(rfc3339Nanos(1.5)).toBe('1970-01-01T00:00:00.001500000Z');
});
