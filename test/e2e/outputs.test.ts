import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
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

test('signal, namespace and label together say what an output gets', async () => {
  const kept = { all: '', logs: 'signals = ["logs"]', prod: 'namespaces = ["prod"]', cart: `match = '{app="cart"}'` };
  const both = `signals = ["logs"]\n  namespaces = ["prod"]\n  match = '{app="cart"}'`;
  const outputs = Object.entries({ ...kept, both }).map(
    ([name, lines]) => `[[outputs.file]]\n  name = "${name}"\n  path = "${name}.ndjson"\n  ${lines}\n`,
  );
  daemon = await start(`[store]\n  enabled = false\n${outputs.join('')}`);
  const running = daemon;
  const time = `${Date.now()}000000`;
  const places = ['prod/cart', 'prod/shop', 'dev/cart'];
  const resources = places.map((place) => {
    const [namespace = '', app = ''] = place.split('/');
    const attributes = { 'k8s.namespace.name': namespace, 'k8s.pod.name': `${app}-1`, 'service.name': app };
    return { attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })) };
  });
  const send = async (path: string, body: object): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${running.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect([response.status, await response.text()]).toEqual([200, expect.not.stringContaining('rejected')]);
  };
  const span = (name: string, n: number) => ({
    ...{ traceId: `${n}`.padStart(32, 'a'), spanId: `${n}`.padStart(16, 'b'), name, kind: 2 },
    ...{ startTimeUnixNano: time, endTimeUnixNano: time },
  });
  await send('/v1/logs', {
    resourceLogs: resources.map((resource, n) => ({
      resource,
      scopeLogs: [{ logRecords: [{ timeUnixNano: time, body: { stringValue: places[n] } }] }],
    })),
  });
  await send('/v1/traces', {
    resourceSpans: resources.map((resource, n) => ({ resource, scopeSpans: [{ spans: [span(places[n] ?? '', n)] }] })),
  });
  const books = async (): Promise<Readonly<Record<string, string>>> => {
    const lanes = (await running.status()).lanes.filter(({ signal }) => signal === 'logs' || signal === 'traces');
    const cursors = lanes.flatMap(({ signal, cumItems, outputs: cursors }) =>
      cursors.map((cursor) => ({ ...cursor, id: `${cursor.output} ${signal}`, cumItems })),
    );
    return Object.fromEntries(
      cursors.map(({ id, delivered, routedAway, queuedItems, cumItems }) => [
        id,
        `${delivered} + ${routedAway} of ${cumItems}${queuedItems === 0 ? '' : ', and more'}`,
      ]),
    );
  };
  await until(async () => Object.values(await books()).every((text) => text.endsWith(' of 3')), { what: 'all books' });
  expect(await books()).toEqual({
    'all logs': '3 + 0 of 3',
    'all traces': '3 + 0 of 3',
    'logs logs': '3 + 0 of 3',
    'prod logs': '2 + 1 of 3',
    'prod traces': '2 + 1 of 3',
    'cart logs': '2 + 1 of 3',
    'cart traces': '2 + 1 of 3',
    'both logs': '1 + 2 of 3',
  });
  const namesIn = async (name: string): Promise<readonly string[]> => {
    const lines = (await readFile(join(dir.path, 'data', `${name}.ndjson`), 'utf8')).trimEnd().split('\n');
    return lines
      .map((line) => JSON.parse(line))
      .map(({ signal, name: span, message }) => `${signal} ${span ?? message}`);
  };
  const ofBoth = (...found: readonly string[]) =>
    ['logs', 'traces'].flatMap((signal) => found.map((at) => `${signal} ${at}`));
  expect((await namesIn('prod')).toSorted()).toEqual(ofBoth('prod/cart', 'prod/shop'));
  expect((await namesIn('cart')).toSorted()).toEqual(ofBoth('dev/cart', 'prod/cart'));
  expect(await namesIn('both')).toEqual(['logs prod/cart']);
}, 120_000);

/** The books of an output's spans. */
async function spanBooks(running: Daemon, name: string) {
  const lane = (await running.status()).lanes.find(({ signal }) => signal === 'traces');
  const cursor = lane?.outputs.find(({ output }) => output === name);
  if (lane === undefined || cursor === undefined) {
    throw new Error(`${name} has no place in the queue`);
  }
  return { ...cursor, cumItems: lane.cumItems, full: lane.full };
}

const spanBytes = 100 * 1024;

/** One span a request, larger than the steps in which limits are told apart; gives the status. */
async function postLarge(running: Daemon, id: number): Promise<Response> {
  const hex = id.toString(16).padStart(16, '0');
  const span = { traceId: hex, id: hex, timestamp: Date.now() * 1000, tags: { ballast: 'x'.repeat(spanBytes) } };
  return fetch(`${running.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify([span]) });
}

const largeIds = (first: number, last: number): readonly string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => (first + i).toString(16).padStart(16, '0'));

test('what waits for an output is capped by bytes or age as its policy says, and no other output notices', async () => {
  const capped = (name: string, lines: string): string =>
    zipkinTo(`${far.url}/${name}`, `  ${lines}\n`).replace('"far"', `"${name}"`);
  daemon = await start(
    [
      capped('oldest', 'on_full = "drop_oldest"\n  queue_bytes = "1MiB"'),
      capped('newest', 'on_full = "drop_newest"\n  queue_bytes = "1MiB"'),
      capped('aged', 'queue_age = "1s"'),
      capped('well', 'on_full = "block"'),
    ].join(''),
  );
  const running = daemon;
  far.answer(({ path }) => ({ status: path.startsWith('/well') ? 202 : 503 }));
  const sent = 30;
  for (let id = 1; id <= sent; id++) {
    expect((await postLarge(running, id)).status).toBe(202);
  }
  await until(async () => (await spanBooks(running, 'well')).delivered === sent, { what: 'the one that is well' });
  await until(async () => (await spanBooks(running, 'aged')).dropped['age'] === sent, { what: 'all of it too old' });
  const aged = await spanBooks(running, 'aged');
  expect(aged).toMatchObject({ delivered: 0, dropped: { age: sent }, queuedItems: 0 });
  far.forget();
  far.answer({ status: 202 });
  const drained = async (name: string) =>
    until(
      async () => {
        const books = await spanBooks(running, name);
        return books.queuedItems === 0 ? books : undefined;
      },
      { what: `nothing waits for ${name}` },
    );
  const [oldest, newest] = [await drained('oldest'), await drained('newest')];
  // A limit of 1 MiB holds ten of these; what is under way is not given up, and limits are told apart in steps.
  for (const { delivered } of [oldest, newest]) {
    expect(delivered).toBeGreaterThanOrEqual(10);
    expect(delivered).toBeLessThanOrEqual(14);
  }
  expect(oldest.dropped).toEqual({ queue_full: sent - oldest.delivered });
  expect(newest.dropped).toEqual({ newest: sent - newest.delivered });
  const idsAt = (name: string) => [
    ...new Set(idsIn({ ...far, requests: far.requests.filter(({ path }) => path.startsWith(`/${name}`)) })),
  ];
  expect(idsAt('oldest')).toEqual(largeIds(sent - oldest.delivered + 1, sent));
  expect(idsAt('newest')).toEqual(largeIds(1, newest.delivered));
  expect(idsAt('aged')).toEqual([]);
}, 240_000);

test('an output that blocks makes senders come again, and gets all that was taken', async () => {
  far.answer({ status: 503 });
  daemon = await start(zipkinTo(far.url, '  on_full = "block"\n  queue_bytes = "1MiB"\n'));
  const running = daemon;
  const first = await postLarge(running, 1);
  expect(first.status).toBe(202);
  let taken = 1;
  let refusal = first;
  await until(
    async () => {
      refusal = await postLarge(running, taken + 1);
      taken += refusal.status === 202 ? 1 : 0;
      return refusal.status !== 202;
    },
    { what: 'a refusal' },
  );
  expect([refusal.status, Number(refusal.headers.get('retry-after')) > 0]).toEqual([503, true]);
  const { full, queuedItems } = await spanBooks(running, 'far');
  expect([full, queuedItems]).toEqual([expect.stringContaining('far'), taken]);
  far.answer({ status: 202 });
  await until(async () => (await postLarge(running, taken + 1)).status === 202, { what: 'it takes again' });
  await until(async () => (await spanBooks(running, 'far')).delivered === taken + 1, { what: 'everything delivered' });
  expect(await spanBooks(running, 'far')).toMatchObject({ dropped: {}, cumItems: taken + 1, lost: 0 });
  expect([...new Set(idsIn(far))]).toEqual(largeIds(1, taken + 1));
}, 240_000);

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
