import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

let dir: TempDir;
let far: FakeFarSide;
let daemon: Daemon | undefined;

beforeEach(async () => {
  dir = await tempDir();
  far = await fakeFarSide();
});

afterEach(async () => {
  await far.close();
  await daemon?.end();
  daemon = undefined;
  await dir.remove();
});

function start(toml: string): Promise<Daemon> {
  return startDaemon({ dir: dir.path, config: { 'outputs.conf': toml } });
}

async function post(running: Daemon, id: number): Promise<void> {
  const hex = id.toString(16).padStart(16, '0');
  const response = await fetch(`${running.url}/api/v2/spans`, {
    method: 'POST',
    body: JSON.stringify([{ traceId: hex, id: hex, timestamp: Date.now() * 1000 }]),
  });
  expect(response.status).toBe(202);
}

async function ownMetrics(running: Daemon): Promise<readonly string[]> {
  const response = await fetch(`${running.url}/metrics`);
  return (await response.text()).split('\n');
}

const zipkinTo = (url: string, rest = ''): string =>
  `[[outputs.zipkin]]\n  name = "far"\n  url = "${url}/api/v2/spans"\n  batch_wait = "1ms"\n${rest}`;

function idsIn({ requests }: FakeFarSide): readonly string[] {
  return requests.flatMap(({ body }) => JSON.parse(body.toString()).map(({ id }: { id: string }) => id));
}

test('attempts that did not go through are counted by their reason', async () => {
  daemon = await start(zipkinTo(far.url));
  const running = daemon;
  await until(async () => (await running.status()).outputs?.[0]?.check?.ok, { what: 'the look at the output' });
  far.once({ status: 503 }, { status: 429 }, { status: 500 }, { status: 401 }, 'drop');
  await post(running, 1);
  const wanted = ['busy 2', 'misconfigured 1', 'server_error 1', 'unreachable 1'];
  await until(
    async () => {
      const lines = await ownMetrics(running);
      return lines.includes('meshbridge_output_delivered_total{output="far",signal="traces"} 1');
    },
    { withinMs: 60_000, what: 'the delivery after five failures' },
  );
  const counted = (await ownMetrics(running)).flatMap((line) => {
    const found = /^meshbridge_output_retries_total\{output="far",reason="(\w+)"\} (\d+)$/.exec(line);
    return found === null ? [] : [`${found[1]} ${found[2]}`];
  });
  expect(counted.sort()).toEqual(wanted);
  expect(far.requests.slice(1)).toHaveLength(6);
}, 120_000);

test('as many requests are under way as concurrency says, and each span arrives', async () => {
  daemon = await start('');
  for (const id of [1, 2, 3, 4, 5, 6]) {
    await post(daemon, id);
  }
  await daemon.end();
  far.answer('hang');
  daemon = await start(
    zipkinTo(far.url, '  start = "beginning"\n  concurrency = 3\n  batch_items = 1\n  timeout = "5s"\n'),
  );
  const running = daemon;
  await until(() => new Set(idsIn(far)).size === 3, { what: 'three requests' });
  far.answer({ status: 202 });
  far.forget();
  await until(
    async () => {
      const { lanes } = await running.status();
      const cursor = lanes.find(({ signal }) => signal === 'traces')?.outputs.find(({ output }) => output === 'far');
      return cursor?.delivered === 6;
    },
    { withinMs: 60_000, what: 'everything delivered' },
  );
  expect(idsIn(far).toSorted()).toEqual([1, 2, 3, 4, 5, 6].map((id) => id.toString(16).padStart(16, '0')));
}, 120_000);

test('what would not take data is told before there is any, with what it is', async () => {
  far.answer({ status: 401, body: 'no such token' });
  daemon = await start(zipkinTo(far.url));
  const running = daemon;
  const check = await until(async () => (await running.status()).outputs?.find(({ name }) => name === 'far')?.check);
  expect(check).toMatchObject({ ok: false, reason: 'HTTP 401: no such token', cause: 'misconfigured' });
  await post(running, 1);
  const waits = 'meshbridge_output_circuit_open{output="far",signal="traces"} 1';
  await until(async () => (await ownMetrics(running)).includes(waits), { what: waits });
}, 120_000);

test('an output gets what its labels say, of records of both kinds their part, and the rest is counted', async () => {
  const config = zipkinTo(far.url, `  match = '{tenant="a"}'\n`) + zipkinTo(`${far.url}/all`).replace('"far"', '"all"');
  daemon = await start(config);
  const running = daemon;
  const spans = ['a', 'b', 'a'].map((tenant, i) => ({
    traceId: 'a'.repeat(16),
    id: `b${i}`.padStart(16, '0'),
    tags: { tenant },
  }));
  const response = await fetch(`${running.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify(spans) });
  expect(response.status).toBe(202);
  const booked = async (name: string) => {
    const lane = (await running.status()).lanes.find(({ signal }) => signal === 'traces');
    const { delivered, routedAway } = lane?.outputs.find(({ output }) => output === name) ?? {};
    return [delivered, routedAway].join();
  };
  await until(async () => `${await booked('far')} ${await booked('all')}` === '2,1 3,0', { what: 'both books' });
  const idsAt = (path: string) => idsIn({ ...far, requests: far.requests.filter((one) => one.path === path) });
  expect(idsAt('/api/v2/spans')).toEqual([spans[0]?.id, spans[2]?.id]);
  expect(idsAt('/all/api/v2/spans')).toEqual(spans.map(({ id }) => id));
}, 120_000);

test('docs/own-metrics.md names every number that /metrics shows, and only those', async () => {
  daemon = await start(
    `[tracing]\n  endpoint = "${far.url}/own"\n[[inputs.prom_remote_write]]\n[[inputs.container]]\n  root = "${dir.path}/pods"\n[[inputs.prom]]\n  url = "${far.url}"\n${zipkinTo(far.url)}`,
  );
  const running = daemon;
  far.answer({ status: 200, body: 'a 1\n' });
  await post(running, 1);
  const shown = await until(
    async () => {
      const names = (await ownMetrics(running)).flatMap(
        (line) => /^# TYPE (meshbridge_(?!nodejs_|process_)\w+) /.exec(line)?.[1] ?? [],
      );
      return names.includes('meshbridge_log_files') ? names : undefined;
    },
    { withinMs: 60_000 },
  );
  const page = readFileSync(join(import.meta.dirname, '../../docs/own-metrics.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `(meshbridge_\w+)/gm)].map(([, name]) => name);
  expect(documented.toSorted()).toEqual([...new Set(shown)].toSorted());
}, 120_000);
