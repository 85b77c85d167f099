import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { until } from '../../../test/fakes/until.ts';
import { ContainerLife } from './container-life.ts';
import { PodLog } from './pod-log.ts';

let folder: string;
let events: string[];
let running: number;
let started: number;
let failing: boolean;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meshbridge-container-'));
  events = [];
  running = 0;
  started = 0;
  failing = false;
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function life(pauseMs: number): ContainerLife {
  return new ContainerLife({
    make: () => ({
      start: async () => {
        if (failing) {
          throw new Error('its port is taken');
        }
        running += 1;
        started += 1;
      },
      stop: async () => {
        running = 0;
      },
    }),
    log: new PodLog(folder, { maxBytes: 10_000, maxFiles: 2 }),
    onChange: (state, restarts, exitCode) => events.push(`${state} ${restarts} ${exitCode}`),
    livesMs: 1,
    pauseMs,
  });
}

const linesOf = (name: string) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');

test('crashes again and again, with last words, and keeps the log of the life before', async () => {
  const container = life(1);
  await container.start();
  await container.crash('again and again');
  await container.crash('again and again');
  await until(() => started >= 4);
  await container.crash('no more');
  expect(running).toBe(1);
  expect(events.slice(0, 5)).toEqual([
    'running 0 undefined',
    'waiting 0 1',
    'running 1 1',
    'waiting 1 1',
    'running 2 1',
  ]);
  const [before = '', ...more] = readdirSync(folder).sort();
  expect(more).toHaveLength(1);
  expect(linesOf(before).at(-1)).toMatch(/Z stderr F exit status 1$/);
  await container.stop();
  expect(running).toBe(0);
});

test('runs again at once when it is to crash no more', async () => {
  const container = life(3_600_000);
  await container.start();
  await container.crash('again and again');
  await until(() => events.at(-1) === 'waiting 0 1');
  expect(running).toBe(0);
  await container.crash('no more');
  expect(events.at(-1)).toBe('running 1 1');
  expect(running).toBe(1);
  await container.stop();
});

test('what cannot begin says why in its log, and stays down', async () => {
  const container = life(3_600_000);
  await container.start();
  await container.crash('again and again');
  await until(() => events.length === 2);
  failing = true;
  await container.crash('no more');
  expect(events.at(-1)).toBe('waiting 0 1');
  expect(linesOf('1.log')).toEqual([expect.stringMatching(/stderr F FATAL its port is taken$/)]);
  await container.stop();
});

test('a start goes on with the log that is there', async () => {
  const first = life(1);
  await first.start();
  await first.crash('again and again');
  await until(() => started >= 2);
  await first.stop();
  const restarts = Math.max(...readdirSync(folder).map((name) => Number.parseInt(name, 10)));
  events = [];
  const second = life(1);
  await second.start();
  expect(events).toEqual([`running ${restarts} undefined`]);
  await second.stop();
});
