import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { fakeFarSide } from '../fakes/far-side.ts';
import { freePort } from '../fakes/free-port.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

interface Span {
  readonly id: string;
  readonly traceId: string;
  readonly parentId?: string;
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
}

let dir: TempDir;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  dir = await tempDir();
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await dir.remove();
});

interface Options {
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
}

async function daemon(name: string, toml: string, options: Options = {}): Promise<Daemon> {
  const started = await startDaemon({ dir: join(dir.path, name), config: { 'a.conf': toml }, ...options });
  closing.push(() => started.end());
  return started;
}

async function ownSpans(of: Daemon): Promise<readonly Span[]> {
  const response = await fetch(`${of.url}/api/v2/traces?serviceName=meshbridge&limit=1000&lookback=3600000`);
  return ((await response.json()) as Span[][]).flat();
}

async function post(to: Daemon, id: string): Promise<void> {
  const body = JSON.stringify([
    { traceId: id, id, timestamp: Date.now() * 1000, duration: 5, localEndpoint: { serviceName: 'cart' } },
  ]);
  expect((await fetch(`${to.url}/api/v2/spans`, { method: 'POST', body })).status).toBe(202);
}

/** Counters of `/metrics` with these beginnings, added up. */
async function counted(of: Daemon, ...beginnings: readonly string[]): Promise<number> {
  const page = await (await fetch(`${of.url}/metrics`)).text();
  return page
    .split('\n')
    .filter((line) => beginnings.some((beginning) => line.startsWith(beginning)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const tracing = (url: string): string => `[tracing]\n  endpoint = "${url}/api/v2/spans"\n`;
const zipkin = (url: string): string => `[[outputs.zipkin]]\n  url = "${url}/api/v2/spans"\n  batch_wait = "1ms"\n`;

/** Says on stderr which modules of the exporter are loaded. */
const probe = `
import { registerHooks } from 'node:module';
registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('@opentelemetry/')) {
      process.stderr.write('loads ' + specifier + '\\n');
    }
    return next(specifier, context);
  },
});
`;

test('tells of requests, commits, scrapes and deliveries, and of nothing that is about that', async () => {
  const page = await fakeFarSide();
  closing.push(() => page.close());
  page.answer({ status: 200, body: 'up_and_well 1\n' });
  const b = await daemon('b', '');
  const prom = `[[inputs.prom]]\n  url = "${page.url}/metrics"\n  interval = "1s"\n`;
  const a = await daemon('a', tracing(b.url) + zipkin(b.url) + prom);
  await post(a, '000000000000000a');
  const names = new Set<string>();
  const wanted = ['post /api/v2/spans', 'commit traces', 'deliver traces', 'scrape', 'commit metrics'];
  await until(
    async () => {
      for (const { name } of await ownSpans(b)) {
        names.add(name);
      }
      return wanted.every((name) => names.has(name));
    },
    { what: `spans about ${wanted.join(', ')}` },
  );
  const spans = await ownSpans(b);
  const commit = spans.find(({ name, parentId }) => name === 'commit traces' && parentId !== undefined);
  const request = spans.find(({ id }) => id === commit?.parentId);
  expect(request).toMatchObject({ name: 'post /api/v2/spans', traceId: commit?.traceId });
  expect(request?.tags).toMatchObject({ 'http.response.status_code': '202', 'meshbridge.self': 'span' });
  expect(spans.filter(({ name }) => name === 'post /api/v2/spans' || name === 'deliver traces')).toHaveLength(2);
}, 180_000);

test('tells nothing of what was told, in a ring of two that tell each other', async () => {
  const [portA, portB] = [await freePort(), await freePort()];
  const [urlA, urlB] = [`http://127.0.0.1:${portA}`, `http://127.0.0.1:${portB}`];
  // What A tells B is sent on by B to A, and what B tells of that would be told to A, and so on.
  const a = await daemon('a', tracing(urlB), { port: portA });
  const b = await daemon('b', tracing(urlA) + zipkin(urlA), { port: portB });
  const posts = async (of: Daemon): Promise<number> =>
    (await ownSpans(of)).filter(({ name }) => name === 'post /api/v2/spans').length;
  const seen = async (of: Daemon, count: number, what: string): Promise<void> => {
    await until(async () => (await posts(of)) >= count, { what });
  };
  await post(a, '000000000000000a');
  await post(b, '000000000000000b');
  // A had both, B the second one.
  await seen(b, 2, 'what A told of them');
  await seen(a, 3, 'what B told, beside what it sent on of what A told');
  // All that was told has been round now. What is told next stands behind whatever was told of that.
  await post(a, '000000000000000c');
  await seen(b, 3, 'what A told of the third');
  expect(await posts(b)).toBe(3);
  await seen(a, 4, 'the same, sent on');
  expect(await posts(a)).toBe(4);
}, 120_000);

test('is not even loaded where nobody asks for it', async () => {
  const file = join(dir.path, 'probe.mjs');
  await writeFile(file, probe);
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` };
  const far = await fakeFarSide();
  closing.push(() => far.close());
  const off = await daemon('off', '', { env });
  await post(off, '000000000000000a');
  expect(await counted(off, 'meshbridge_own_spans_total')).toBe(0);
  expect(off.output()).not.toContain('loads @opentelemetry/exporter-zipkin');
  const on = await daemon('on', tracing(far.url), { env });
  expect(on.output()).toContain('loads @opentelemetry/exporter-zipkin');
  await post(on, '000000000000000a');
  await until(async () => far.requests.length > 0, { what: 'spans at the far side' });
}, 180_000);
