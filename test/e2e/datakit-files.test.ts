import { readFileSync } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const shared = process.env['MESHBRIDGE_SHARED'] ?? '../shared';
const { data: files }: { readonly data: Readonly<Record<string, string>> } = parse(
  readFileSync(join(shared, 'walkthrough/datakit-conf.configmap.yaml'), 'utf8'),
);
const page = readFileSync(join(shared, 'samples/istio/istiod-15014.txt'), 'utf8');
const istiod = 'istiod.istio-system.svc.cluster.local';
/** Of a whole network of addresses that are this machine: istiod's port is written in the file, and must be free. */
const istiodAddress =
  process.platform === 'linux' ? `127.${100 + (process.pid % 100)}.${process.ppid % 250}.7` : '127.0.0.1';

let dir: TempDir;
let daemon: Daemon | undefined;
let server: Server | undefined;

beforeEach(async () => {
  dir = await tempDir();
});

afterEach(async () => {
  await daemon?.end();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server?.closeAllConnections();
  daemon = undefined;
  server = undefined;
  await dir.remove();
});

/** Under conf.d as DataKit's DaemonSet mounts them, beside a file of the user's own: a file only adds. */
async function startWithBoth(env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
  const own = `[[inputs.container]]\n  root = "${dir.path}/pods"\n[[outputs.file]]\n  path = "out.ndjson"\n`;
  await mkdir(join(dir.path, 'pods/prod_web-1_7d1f/app'), { recursive: true });
  return startDaemon({
    dir: dir.path,
    config: {
      'zipkin/zipkin.conf': files['zipkin.conf'] ?? '',
      'prom/prom_istiod.conf': files['prom_istiod.conf'] ?? '',
      'own.conf': own,
    },
    env,
  });
}

interface Target {
  readonly url: string;
  readonly intervalMs: number;
  readonly state: string;
  readonly error?: string;
  readonly hint?: string;
}

async function targets(running: Daemon): Promise<readonly Target[]> {
  const { inputs } = await running.status();
  const detail = inputs.find(({ type }) => type === 'prom')?.detail;
  return detail !== undefined && 'targets' in detail ? (detail.targets as readonly Target[]) : [];
}

interface Row {
  readonly signal: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | string;
  readonly timestamp: number | string;
  readonly measurement?: string;
  readonly field?: string;
  readonly message?: string;
  readonly traceId?: string;
}

async function rows(): Promise<readonly Row[]> {
  const text = await readFile(join(dir.path, 'data', 'out.ndjson'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line));
}

/** How many samples of those types the page has, read with nothing but string functions. */
function samplesOf(types: readonly string[]): number {
  let type = 'untyped';
  return page.split('\n').filter((line) => {
    type = line.startsWith('# TYPE ') ? (line.split(' ')[3] ?? '') : type;
    return line !== '' && !line.startsWith('#') && types.includes(type);
  }).length;
}

async function post(running: Daemon, path: string, traceId: string): Promise<number> {
  const response = await fetch(running.url + path, {
    method: 'POST',
    body: JSON.stringify([{ traceId, id: traceId, name: 'get', timestamp: Date.now() * 1000 }]),
  });
  return response.status;
}

test("DataKit's two files act, in a cluster that knows istiod, and all else stays on", async () => {
  const asked: string[] = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(page);
  });
  const port = 15014;
  await new Promise<void>((resolve, reject) => {
    server?.once('error', reject).listen(port, istiodAddress, resolve);
  });
  // The file's own address, unchanged: only the cluster's DNS is stood in for.
  const dns = join(dir.path, 'cluster-dns.mjs');
  await writeFile(
    dns,
    `import dns from 'node:dns';
     import { syncBuiltinESMExports } from 'node:module';
     const { lookup } = dns;
     dns.lookup = (name, ...rest) => lookup(name === '${istiod}' ? '${istiodAddress}' : name, ...rest);
     syncBuiltinESMExports();`,
  );
  daemon = await startWithBoth({ NODE_OPTIONS: `--import=${pathToFileURL(dns)}` });
  const running = daemon;

  expect((await running.status()).configFiles.map((file) => file.split('/conf.d/')[1]).sort()).toEqual([
    'own.conf',
    'prom/prom_istiod.conf',
    'zipkin/zipkin.conf',
  ]);
  const url = `http://${istiod}:${port}/metrics`;
  await until(async () => (await targets(running))[0]?.state === 'up', { withinMs: 60_000, what: 'istiod is up' });
  expect(await targets(running)).toEqual([expect.objectContaining({ url, intervalMs: 10_000, state: 'up' })]);
  expect(asked[0]).toBe(`GET /metrics ${istiod}:${port}`);

  const wanted = samplesOf(['counter', 'gauge', 'histogram']);
  expect(wanted).toBeGreaterThan(100);
  expect(samplesOf(['summary'])).toBeGreaterThan(0);
  const found = await until(
    async () => {
      const metrics = (await rows()).filter(({ measurement }) => measurement === 'istio_prom');
      const first = metrics.filter(({ timestamp }) => timestamp === metrics[0]?.timestamp);
      return first.length >= wanted ? first : undefined;
    },
    { withinMs: 60_000, what: `${wanted} samples of istio_prom` },
  );
  expect(found.length).toBe(wanted);
  for (const { labels, name, field } of found) {
    expect(labels).toMatchObject({ app_id: 'istiod', job: 'prom-istiod', instance: `${istiod}:${port}` });
    expect(field).toBe(name);
  }

  const [v1, v2] = ['00000000000000a1', '00000000000000a2'];
  expect(await post(running, '/api/v1/spans', v1)).toBe(202);
  expect(await post(running, '/api/v2/spans', v2)).toBe(202);
  const stamp = new Date().toISOString().replace('Z', '000000Z');
  await appendFile(join(dir.path, 'pods/prod_web-1_7d1f/app/0.log'), `${stamp} stdout F hello\n`);
  await until(
    async () => {
      const all = await rows();
      return (
        [v1, v2].every((id) => all.some(({ traceId }) => traceId === id)) && all.some((row) => row.message === 'hello')
      );
    },
    { withinMs: 60_000, what: 'both spans and the line in the file' },
  );
  for (const id of [v1, v2]) {
    await until(async () => (await fetch(`${running.url}/api/v2/trace/${id}`)).status === 200, {
      withinMs: 60_000,
      what: `trace ${id} in the store`,
    });
  }
  const home = await fetch(`${running.url}/`);
  expect([home.status, home.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
}, 240_000);

test("DataKit's two files act on a machine that does not know istiod: the target is down, and says why", async () => {
  daemon = await startWithBoth();
  const running = daemon;
  await until(async () => (await targets(running))[0]?.state === 'down', { withinMs: 60_000, what: 'istiod is down' });
  expect(await targets(running)).toEqual([
    expect.objectContaining({
      url: `http://${istiod}:15014/metrics`,
      state: 'down',
      error: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
      hint: expect.stringContaining('DNS'),
    }),
  ]);
  expect(await post(running, '/api/v2/spans', '00000000000000a3')).toBe(202);
}, 120_000);
