import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { HubRig } from './hub-rig.ts';

jest.setTimeout(120_000);

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const sent = readFileSync(join(samples, 'rum/line-protocol.txt'));
const whole = new URLSearchParams({ start: '0', end: String(4e12), limit: '5000' });
const kinds = ['error', 'error', 'long_task', 'long_task', 'long_task', 'resource', 'resource', 'resource', 'view'];

let dir: TempDir;
let rig: HubRig;
let daemon: Daemon | undefined;

beforeEach(async () => {
  dir = await tempDir();
  rig = await HubRig.in(dir.path);
});

afterEach(async () => {
  await rig.end();
  await daemon?.end();
  daemon = undefined;
  await dir.remove();
});

async function post(to: Daemon): Promise<void> {
  const headers = { 'content-type': 'text/plain;charset=UTF-8', 'x-forwarded-for': '203.0.113.9' };
  const answer = await fetch(`${to.url}/v1/write/rum?precision=ms`, { method: 'POST', body: sent, headers });
  expect([answer.status, await answer.text()]).toEqual([200, '']);
}

interface Point {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly time: string;
}

async function pointsOf(of: Daemon): Promise<readonly Point[]> {
  const answer = await fetch(`${of.url}/api/native/rum/points?${whole}`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { points: readonly Point[] }).points;
}

test('what a browser sends to an agent is found in its hub, once, with the agent’s global tags', async () => {
  const hub = await rig.startHub();
  const inputs = '[[inputs.container]]\n  enabled = false\n[global_tags]\n  cluster = "c1"\n  env = "other"\n';
  const agent = await rig.startAgent({ node: 'node-a', inputs });
  await post(agent);
  const points = await until(
    async () => {
      const found = await pointsOf(hub);
      return found.length >= kinds.length ? found : undefined;
    },
    { what: 'the points in the hub' },
  );
  expect(points.map(({ measurement }) => measurement).sort()).toEqual(kinds);
  expect(points.find(({ measurement }) => measurement === 'view')).toMatchObject({
    tags: { cluster: 'c1', env: 'production', ip: '203.0.113.9', os: 'Mac OS' },
    fields: { loading_time: 1_252_500_000 },
    time: '1636524705288000000',
  });
  const here = await fetch(`${agent.url}/api/native/rum/points`);
  expect([here.status, await here.text()]).toEqual([404, expect.stringContaining('Its hub has it')]);
});

test('points go to files and to stdout as they came, and stay where the daemon is begun again', async () => {
  const outputs = '[[outputs.file]]\n  path = "out.ndjson"\n[[outputs.stdout]]\n  signals = ["rum"]\n';
  const start = () => startDaemon({ dir: dir.path, config: { 'outputs.conf': outputs } });
  daemon = await start();
  const first = daemon;
  await post(first);
  const path = join(dir.path, 'data', 'out.ndjson');
  const lines = await until(
    () => {
      const found = readFileSync(path, 'utf8').trim().split('\n');
      return found.length === kinds.length ? found.map((line) => JSON.parse(line)) : undefined;
    },
    { what: 'the points in the file' },
  );
  expect(lines.map(({ signal, measurement }) => `${signal} ${measurement}`).sort()).toEqual(
    kinds.map((kind) => `rum ${kind}`),
  );
  expect(lines.find(({ measurement }) => measurement === 'error')?.fields).toMatchObject({
    error_message: 'l.aa is not a function',
    error_stack: 'TypeError\n\tat <anonymous> @ http://localhost:5500/dist/bundle.js:1:821',
  });
  await until(() => first.output().match(/"signal":"rum"/g)?.length === kinds.length, {
    withinMs: 60_000,
    what: 'stdout',
  });
  expect(await first.end('SIGTERM')).toBe(0);
  daemon = await start();
  expect((await pointsOf(daemon)).map(({ measurement }) => measurement).sort()).toEqual(kinds);
});

test('the input can be switched off, and its routes are gone then', async () => {
  daemon = await startDaemon({ dir: dir.path, config: { 'rum.conf': '[inputs.rum]\n  enabled = false\n' } });
  for (const path of ['/v1/write/rum', '/v1/write/rum/replay']) {
    expect((await fetch(`${daemon.url}${path}`, { method: 'POST', body: sent })).status).toBe(404);
  }
  expect((await fetch(`${daemon.url}/v1/env_variable`)).status).toBe(404);
});
