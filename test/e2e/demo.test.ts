import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parse } from 'toml';
import { type Demo, startDemo } from '../../src/demo/demo.ts';
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

let dir: TempDir;
let log: MemoryLog;
let sink: Server;
let spans: SentSpan[];

beforeEach(async () => {
  dir = await tempDir('meshbridge-demo-');
  log = new MemoryLog();
  spans = [];
  sink = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST' && request.url === '/api/v2/spans') {
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** Processes that run with the demo's own folder in their command line. */
function envoyPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return command.includes(join(dir.path, 'demo', 'envoy.json')) && !command.startsWith('/bin/sh');
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** A program that starts the demo and prints one member of what it gets. */
function startingProgram(member: string): string {
  return `
    import { startDemo } from ${JSON.stringify(join(import.meta.dirname, '../../src/demo/demo.ts'))};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const options = { dataDir: ${JSON.stringify(dir.path)}, zipkin: ${JSON.stringify(zipkin())}, log };
    console.log((await startDemo(options, new AbortController().signal))[${member}]);`;
}

describeWith('envoy', (environment) => {
  test('spans of both directions, metrics and log lines come out of it, and nothing is left when it stops', async () => {
    const demo = await startWith(environment);
    const [pid = 0] = envoyPids();
    try {
      const pair = await until(
        () => {
          const client = spans.find(({ kind }) => kind === 'CLIENT');
          const server = spans.find(({ traceId, kind }) => kind === 'SERVER' && traceId === client?.traceId);
          return client && server && { client, server };
        },
        { withinMs: 15_000, what: 'a trace of two spans' },
      );
      expect(pair.client.parentId).toBe(pair.server.id);
      expect(pair.server.name).toBe('reviews.bookinfo.svc.cluster.local:9080/*');
      expect(pair.server.traceId).toHaveLength(32);
      expect(pair.server.tags).toMatchObject({ 'istio.canonical_service': 'reviews', component: 'proxy' });
      expect(pair.server.tags['node_id']).toMatch(/^sidecar~.*[.]bookinfo~bookinfo[.]svc[.]cluster[.]local$/);
      await until(() => spans.find(({ tags }) => tags['http.status_code'] === '500' && tags['error'] === 'true'), {
        withinMs: 15_000,
        what: 'a span of a failed request',
      });

      const config = parse(demo.configToml);
      const [prom] = config.inputs.prom;
      const page = await (await fetch(prom.url)).text();
      expect(page).toMatch(/^envoy_cluster_upstream_rq_total\{envoy_cluster_name="inbound[^\n]+ [1-9]/m);

      const [container] = config.inputs.container;
      const pods = readdirSync(container.root);
      expect(pods).toEqual([expect.stringMatching(/^bookinfo_reviews-v1-[^_]+_[0-9a-f-]{36}$/)]);
      const lines = (name: string) =>
        readFileSync(join(container.root, pods[0] ?? '', name, '0.log'), 'utf8').split('\n');
      const access = await until(() => lines('istio-proxy').find((line) => line.includes('"response_code":500')), {
        withinMs: 15_000,
      });
      expect(access).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.]\d{9}Z stdout F \{/);
      const { trace_id: traceId } = JSON.parse(access.slice(access.indexOf('{')));
      expect(lines('reviews').some((line) => line.includes(traceId) && line.includes('"level":"error"'))).toBe(true);

      expect(isAlive(pid)).toBe(true);
      expect(demo.describe()[0]).toContain('http://127.0.0.1:');
    } finally {
      await demo.stop();
    }
    expect(isAlive(pid)).toBe(false);
    const [container] = parse(demo.configToml).inputs.container;
    expect(existsSync(container.root)).toBe(true);
    await demo.stop();
  }, 60_000);

  test('the end of its Envoy is noticed and named', async () => {
    const demo = await startWith(environment);
    try {
      const [pid = 0] = envoyPids();
      process.kill(pid, 'SIGKILL');
      await until(() => log.at('error').length > 0, { what: 'the error' });
      expect(demo.describe()).toEqual([expect.stringContaining('its Envoy ended (SIGKILL')]);
    } finally {
      await demo.stop();
    }
  }, 60_000);

  test('Envoy ends when the process that started it is killed', async () => {
    await mkdir(join(dir.path, 'demo'), { recursive: true });
    symlinkSync(environment, join(dir.path, 'demo', basename(environment)));
    const holder = spawn(process.execPath, ['--input-type=module', '-e', startingProgram("'configToml'")], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = await new Promise<string>((resolve) => holder.stdout.once('data', (chunk) => resolve(String(chunk))));
    expect(said).toContain('[[inputs.prom]]');
    const [pid = 0] = envoyPids();
    expect(isAlive(pid)).toBe(true);
    holder.kill('SIGKILL');
    await until(() => !isAlive(pid), { withinMs: 10_000, what: 'the end of Envoy' });
  }, 60_000);
});

test('without python3 it says what is missing, and starts nothing', () => {
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', startingProgram("'unavailable'")], {
    encoding: 'utf8',
    env: { PATH: dir.path },
  });
  expect(stdout).toMatch(/^python3 with its venv module is missing \(.*ENOENT/);
});

test('an Envoy that cannot run is named, and nothing stays behind', async () => {
  const bin = join(dir.path, 'demo', 'envoy-1.40.0', 'bin');
  await mkdir(bin, { recursive: true });
  writeFileSync(join(bin, 'envoy'), '#!/bin/sh\necho "no such luck" >&2\nexit 3\n', { mode: 0o755 });
  expect(await startDemo({ dataDir: dir.path, zipkin: zipkin(), log }, never)).toEqual({
    unavailable: 'Envoy did not start (exit 3: no such luck)',
  });
});
