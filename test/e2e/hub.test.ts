import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LineWriter, SpanSender } from '../crash/load.ts';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { freePort } from '../fakes/free-port.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { flowOf, HubRig, isDrained } from './hub-rig.ts';

let dir: TempDir;
let rig: HubRig;
const targets: FakeFarSide[] = [];

beforeEach(async () => {
  dir = await tempDir();
  rig = await HubRig.in(dir.path);
});

afterEach(async () => {
  await rig.end();
  await Promise.all(targets.splice(0).map((target) => target.close()));
  await dir.remove();
});

const quiet = '[[inputs.container]]\n  enabled = false\n';
const withinMs = 60_000;
/** How long the hub is away at least; `npm run test:long` has it away for two minutes. */
const awayMs = Number(process.env['HUB_AWAY_SECONDS'] ?? 0) * 1000;

async function targetOf(page: string): Promise<FakeFarSide> {
  const target = await fakeFarSide();
  targets.push(target);
  target.answer({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4' }, body: page });
  return target;
}

interface Row {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

async function json<T>(daemon: Daemon, path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
  const answer = await fetch(`${daemon.url}${path}?${new URLSearchParams(query)}`);
  const text = await answer.text();
  if (answer.status !== 200) {
    throw new Error(`${path}: ${answer.status} ${text}`);
  }
  return JSON.parse(text) as T;
}

/** `label=value` → the number. */
async function query(daemon: Daemon, promql: string): Promise<Record<string, number>> {
  const { data } = await json<{ data: { result: readonly Row[] } }>(daemon, '/api/v1/query', { query: promql });
  return Object.fromEntries(
    data.result.map(({ metric, value }) => [
      Object.entries(metric)
        .map(([name, text]) => `${name}=${text}`)
        .join(),
      Number(value[1]),
    ]),
  );
}

async function postSpan(daemon: Daemon, span: object): Promise<void> {
  const answer = await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify([span]) });
  expect(answer.status).toBe(202);
}

test('a hub shows what the agents of two nodes collect as one whole, and the agents say where that is', async () => {
  const hub = await rig.startHub();
  const pages = await Promise.all([1, 2].map((n) => targetOf(`# TYPE requests_total counter\nrequests_total ${n}0\n`)));
  const agents = await Promise.all(
    ['node-a', 'node-b'].map((node, i) => {
      const prom = `[[inputs.prom]]\n  url = "${pages[i]?.url}/metrics"\n  source = "mesh"\n  interval = "1s"\n`;
      const split = '  measurement_name = "bookinfo"\n  [inputs.prom.tags]\n    host_node = "';
      const logs = `[[inputs.container]]\n  root = "${join(dir.path, `pods-${node}`)}"\n`;
      return rig.startAgent({ node, inputs: `${prom}${split}${node}"\n${logs}` });
    }),
  );
  const [one, two] = agents as [Daemon, Daemon];

  // Metrics: one sum over both, DataKit's split, and the end of a series as soon as its target is gone.
  await until(async () => (await query(hub, 'sum(requests_total)'))[''] === 30, {
    withinMs,
    what: 'the sum over both',
  });
  expect(await query(hub, 'sum by (host_node) (requests_total)')).toEqual({
    'host_node=node-a': 10,
    'host_node=node-b': 20,
  });
  const catalogue = await json<readonly { name: string }[]>(hub, '/api/native/metrics/catalogue');
  expect(catalogue.find(({ name }) => name === 'requests_total')).toMatchObject({ measurement: 'bookinfo', series: 2 });
  pages[1]?.answer('drop');
  await until(async () => Object.keys(await query(hub, 'requests_total')).length === 1, { withinMs, what: 'its end' });

  // One trace whose halves came to two nodes.
  const [traceId, id] = ['00000000000000aa00000000000000bb', '00000000000000cc'];
  const common = { traceId, id, name: 'get', timestamp: Date.now() * 1000, duration: 1000 };
  await postSpan(one, { ...common, kind: 'CLIENT', localEndpoint: { serviceName: 'productpage' } });
  await postSpan(two, { ...common, kind: 'SERVER', shared: true, localEndpoint: { serviceName: 'reviews' } });
  const trace = await until(
    async () => {
      const spans = await json<readonly { kind: string; shared?: boolean }[]>(hub, `/api/v2/trace/${traceId}`);
      return spans.length === 2 ? spans : undefined;
    },
    { withinMs, what: 'both halves' },
  );
  expect(trace.map(({ kind, shared }) => [kind, shared === true]).toSorted()).toEqual([
    ['CLIENT', false],
    ['SERVER', true],
  ]);

  // Lines of both, each under its node.
  for (const node of ['node-a', 'node-b']) {
    const pod = join(dir.path, `pods-${node}`, 'prod_web-0_9c1f0000-0000-4000-8000-000000000001', 'app');
    await mkdir(pod, { recursive: true });
    await writeFile(join(pod, '0.log'), `${new Date().toISOString()} stdout F hello from ${node}\n`);
  }
  const lines = await until(
    async () => {
      const found = await json<{ lines: readonly { message: string; labels: Record<string, string> }[] }>(
        hub,
        '/api/native/logs/search',
        { text: 'hello' },
      );
      return found.lines.length === 2 ? found.lines : undefined;
    },
    { withinMs, what: 'a line of each node' },
  );
  expect(lines.map(({ message, labels }) => [message, labels['node']]).toSorted()).toEqual([
    ['hello from node-a', 'node-a'],
    ['hello from node-b', 'node-b'],
  ]);

  // Who is who.
  const status = await hub.status();
  const { detail } = status.inputs.find(({ type }) => type === 'hub') ?? {};
  expect(status).toMatchObject({ role: 'hub' });
  expect(detail).toMatchObject({ agents: [{ node: 'node-a' }, { node: 'node-b' }] });
  const metrics = await (await fetch(`${hub.url}/metrics`)).text();
  expect(metrics).toMatch(/^meshbridge_hub_agent_silence_seconds\{node="node-b"\} [\d.]+$/m);
  expect(await one.status()).toMatchObject({
    role: 'agent',
    node: 'node-a',
    hub: { urls: [hub.url], page: `${hub.url}/` },
  });
  const elsewhere = await fetch(`${one.url}/api/v1/query?query=up`);
  expect([elsewhere.status, await elsewhere.text()]).toEqual([
    404,
    expect.stringContaining(`Its hub has it: ${hub.url}/`),
  ]);
  expect((await fetch(`${one.url}/api/native/records`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${one.url}/`)).status).toBe(200);
}, 120_000);

test(
  'what comes while the hub is away is there afterwards, once, and the books balance on both sides',
  async () => {
    let hub = await rig.startHub();
    const nodes = ['node-a', 'node-b'];
    const writers = nodes.map((node) => new LineWriter(join(dir.path, `pods-${node}`), node));
    const agents = await Promise.all(
      nodes.map((node) =>
        rig.startAgent({ node, inputs: `[[inputs.container]]\n  root = "${join(dir.path, `pods-${node}`)}"\n` }),
      ),
    );
    const senders = agents.map(({ port }) => new SpanSender(port));
    const fed = Promise.all([...writers.map((writer) => writer.run()), ...senders.map((sender) => sender.run(2))]);
    await until(
      async () =>
        (await hub.status()).lanes.every(
          ({ signal, cumItems }) => signal === 'rum' || signal === 'metrics' || cumItems > 100,
        ),
      { withinMs },
    );
    expect(await hub.end('SIGTERM')).toBe(0);
    const before = senders.map(({ acknowledged }) => acknowledged.length);
    const backAtMs = performance.now() + awayMs;
    await until(
      () =>
        performance.now() >= backAtMs &&
        senders.every(({ acknowledged }, i) => acknowledged.length > (before[i] ?? 0) + 5_000),
      { withinMs: awayMs + withinMs, what: 'enough that waits' },
    );
    const cursor = await until(
      async () => {
        const away = await agents[0]?.status();
        const [found] = away?.lanes.find(({ signal }) => signal === 'traces')?.outputs ?? [];
        return found?.state === 'retrying' ? found : undefined;
      },
      { withinMs, what: 'the agent between two attempts' },
    );
    expect(cursor).toMatchObject({ output: 'hub', onFull: 'block' });
    expect(cursor.queuedItems).toBeGreaterThan(2_000);
    for (const one of [...writers, ...senders]) {
      one.stop();
    }
    await fed;
    hub = await rig.startHub();
    for (const daemon of [...agents, hub]) {
      await until(() => isDrained(daemon), { withinMs: awayMs + withinMs, what: 'nothing that waits' });
    }

    const atHub = new Map((await hub.status()).lanes.map(({ signal, cumItems }) => [signal as string, cumItems]));
    for (const [signal, sent] of [
      ['traces', senders.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)],
      ['logs', writers.reduce((sum, { written }) => sum + written, 0)],
    ] as const) {
      const flows = await Promise.all(agents.map((agent) => flowOf(agent, signal)));
      for (const flow of flows) {
        expect({ signal, ...flow }).toEqual({
          signal,
          accepted: flow.accepted,
          delivered: flow.accepted,
          queued: 0,
          dropped: 0,
        });
      }
      const delivered = flows.reduce((sum, flow) => sum + flow.delivered, 0);
      expect({ signal, delivered, atHub: atHub.get(signal) }).toEqual({ signal, delivered: sent, atHub: sent });
    }
  },
  120_000 + 3 * awayMs,
);

test('a hub takes nothing from who has not its token, says which setting opens it, and takes all once it is right', async () => {
  const hub = await rig.startHub();
  const tokenFile = join(dir.path, 'token-of-the-agent');
  const agent = await rig.startAgent({ node: 'node-a', inputs: quiet, tokenFile });
  await postSpan(agent, { traceId: 'ab', id: 'cd', timestamp: Date.now() * 1000 });
  const refusal = (part: string) =>
    until(
      async () => {
        const { lanes } = await agent.status();
        const [cursor] = lanes.find(({ signal }) => signal === 'traces')?.outputs ?? [];
        return cursor?.lastError?.includes(part) ? cursor : undefined;
      },
      { withinMs, what: part },
    );
  const missing = await refusal(`there is no token in ${tokenFile}`);
  expect(missing.lastError).toContain('[server] token_file, [server] ingest_token_file');
  expect(missing.retriesByCause?.['misconfigured']).toBeGreaterThan(0);
  await writeFile(tokenFile, 'not the token of the hub');
  await refusal(`the token in ${tokenFile}`);
  expect((await hub.status()).lanes.map(({ cumItems }) => cumItems)).toEqual([0, 0, 0, 0]);
  await writeFile(tokenFile, 'the-ingest-token-of-the-hub');
  await until(async () => (await flowOf(agent, 'traces')).delivered === 1, { withinMs, what: 'the delivery' });
  // The ingest token opens nothing else.
  const headers = { authorization: 'Bearer the-ingest-token-of-the-hub', 'x-forwarded-for': '192.0.2.7' };
  expect((await fetch(`${hub.url}/api/native/status`, { headers })).status).toBe(401);
}, 120_000);

test('a hub that is told to send to itself keeps what waits, and says what is wrong', async () => {
  const port = await freePort();
  const config = `[[inputs.hub]]\n[[outputs.hub]]\nurls = ["http://127.0.0.1:${port}"]\n`;
  const own = await startDaemon({ dir: join(dir.path, 'own'), port, config: { 'hub.conf': config } });
  try {
    await postSpan(own, { traceId: 'ab', id: 'cd', timestamp: Date.now() * 1000 });
    await until(
      async () =>
        (await own.status()).lanes.some(({ outputs }) => outputs[0]?.lastError?.includes('must name another one')),
      {
        withinMs,
        what: 'what is wrong',
      },
    );
    const { lanes } = await own.status();
    expect(lanes.find(({ signal }) => signal === 'traces')?.cumItems).toBe(1);
  } finally {
    await own.end();
  }
}, 120_000);
