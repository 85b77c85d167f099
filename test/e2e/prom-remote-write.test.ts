import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { compressSync } from 'snappy';
import { encodeShape } from '../../src/codec/metric-frame/metric-frame.ts';
import { WriteRequestEncoder } from '../../src/codec/remote-write/remote-write.ts';
import type { Series } from '../../src/model/metric.ts';
import { describeWith } from '../components/needs.ts';
import { type Prometheus, startPrometheus } from '../components/prometheus.ts';
import { closedAfterEach } from '../fakes/closing.ts';
import { type FakeFarSide, fakeFarSide } from '../fakes/far-side.ts';
import { freePort } from '../fakes/free-port.ts';
import { tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const bookinfo = readFileSync(join(samples, 'istio/bookinfo-15020.txt'), 'utf8');
const text = { 'content-type': 'text/plain; version=0.0.4' };

const atTheEnd = closedAfterEach();

async function newDir(): Promise<string> {
  const dir = await tempDir();
  atTheEnd(() => dir.remove());
  return dir.path;
}

async function started(dir: string, port: number, more = ''): Promise<Daemon> {
  const config = { 'write.conf': `${more}\n[[inputs.prom_remote_write]]\n` };
  const daemon = await startDaemon({ dir: join(dir, 'bridge'), port, config });
  atTheEnd(() => daemon.end());
  return daemon;
}

/** A page that counts its scrapes, until it is told to be another one. */
async function countingTarget(): Promise<{ readonly target: FakeFarSide; without(): void }> {
  const target = await fakeFarSide();
  atTheEnd(() => target.close());
  let scrapes = 0;
  let gone = false;
  target.answer(() => {
    scrapes += 1;
    const own = `# HELP scraped_times Scrapes\n# TYPE scraped_times counter\nscraped_times ${scrapes}\n`;
    const passing = gone
      ? ''
      : `# TYPE passing gauge\npassing{a="ü"} NaN\npassing{a="b"} ${scrapes / 3}\npassing +Inf\n`;
    return { status: 200, headers: text, body: `${bookinfo}\n${own}${passing}` };
  });
  const without = (): void => {
    gone = true;
  };
  return { target, without };
}

async function writing(
  program: string,
  { dir, target, port }: { dir: string; target: FakeFarSide; port: number },
): Promise<Prometheus> {
  const prometheus = await startPrometheus({
    program,
    dir: join(dir, 'prometheus'),
    config: `
      scrape_configs:
        - job_name: direct
          scrape_interval: 1s
          scrape_timeout: 1s
          metrics_path: /stats/prometheus
          static_configs: [{ targets: ["127.0.0.1:${target.port}"] }]
      remote_write:
        - url: http://127.0.0.1:${port}/api/v1/write
          queue_config: { batch_send_deadline: 200ms, min_backoff: 30ms, max_backoff: 200ms }
          metadata_config: { send_interval: 1s }`,
  });
  atTheEnd(() => prometheus.stop());
  return prometheus;
}

/** All samples of the last hour but stale markers, by series. */
async function historiesOf(url: string, atSeconds: number): Promise<Readonly<Record<string, readonly string[]>>> {
  const body = new URLSearchParams({ query: '{job="direct"}[1h]', time: String(atSeconds) });
  const answer = await fetch(`${url}/api/v1/query`, { method: 'POST', body });
  const { data } = (await answer.json()) as {
    readonly data: { readonly result: readonly { metric: Record<string, string>; values: [number, string][] }[] };
  };
  const rows = data.result.map(({ metric, values }) => {
    const labels = Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1));
    return [JSON.stringify(labels), values.map(([time, value]) => `${Number(value)}@${time}`)] as const;
  });
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function numberAt(url: string, query: string): Promise<number> {
  const body = new URLSearchParams({ query });
  const answer = await fetch(`${url}/api/v1/query`, { method: 'POST', body });
  const { data } = (await answer.json()) as {
    readonly data: { readonly result: readonly { value: [number, string] }[] };
  };
  return Number(data.result[0]?.value[1] ?? 0);
}

describeWith('prometheus', (program) => {
  test('all that Prometheus scraped can be asked here as there, through kills, and ended series have ended', async () => {
    const dir = await newDir();
    const port = await freePort();
    const { target, without } = await countingTarget();
    const first = await started(dir, port);
    const prometheus = await writing(program, { dir, target, port });
    const arrived = (url: string, count: number) =>
      until(async () => (await numberAt(url, 'scraped_times')) >= count, { what: `${count} scrapes` });
    const counted = (url: string, selector: string, count: number) =>
      until(async () => (await numberAt(url, `count(${selector})`)) === count, { what: `${count} of ${selector}` });
    await arrived(first.url, 3);
    await first.end('SIGKILL');
    const missed = (await numberAt(prometheus.url, 'scraped_times')) + 2;
    await arrived(prometheus.url, missed);
    const second = await started(dir, port);
    await arrived(second.url, missed + 2);
    await second.end('SIGKILL');
    const third = await started(dir, port);
    await arrived(third.url, missed + 3);
    const types = async () => (await fetch(`${third.url}/api/v1/metadata?metric=scraped_times`)).json();
    await until(async () => JSON.stringify(await types()).includes('"Scrapes"'), { what: 'what is said of a family' });
    expect(await types()).toMatchObject({ data: { scraped_times: [{ type: 'counter', help: 'Scrapes' }] } });
    await counted(third.url, 'passing', 3);
    without();
    await counted(third.url, 'passing', 0);
    target.answer({ status: 503 });
    await counted(third.url, '{job="direct"}', 5);
    const atSeconds = Date.now() / 1000;
    const histories = () => Promise.all([third, prometheus].map(({ url }) => historiesOf(url, atSeconds)));
    await until(
      async () => {
        const [ours, theirs] = await histories();
        return JSON.stringify(ours) === JSON.stringify(theirs);
      },
      { withinMs: 60_000 },
    ).catch(() => undefined);
    const [ours = {}, theirs = {}] = await histories();
    expect(Object.keys(theirs).length).toBeGreaterThan(100);
    expect(ours).toEqual(theirs);
    await nothingGivenUp(prometheus);
  }, 240_000);
});

/** By its own account. */
async function nothingGivenUp({ url }: Prometheus): Promise<void> {
  const page = await (await fetch(`${url}/metrics`)).text();
  expect(page).toMatch(/^prometheus_remote_storage_samples_failed_total\{.*\} 0$/m);
  expect(page).toMatch(/^prometheus_remote_storage_samples_dropped_total\{.*\} 0$/m);
}

function requestOf(timestampMs: number): Buffer {
  const series: Series[] = [{ name: 'written', labels: [['job', 'far']], type: 'gauge', measurement: 'm', field: 'f' }];
  const encoder = new WriteRequestEncoder({ maxRequestBytes: 2 ** 20, maxTemplateBytes: 2 ** 20 });
  const frame = { shape: { id: encodeShape(series).id, series }, timestampMs, values: Float64Array.of(42) };
  return [...encoder.encode([frame])][0] ?? Buffer.alloc(0);
}

test('from another machine it takes the ingest token, and nothing without it', async () => {
  const dir = await newDir();
  const token = 'of-those-who-may-write-0123456789';
  await writeFile(join(dir, 'token'), `${token}\n`);
  const server = `[server]\n  ingest_token_file = "${join(dir, 'token')}"`;
  const daemon = await started(dir, await freePort(), server);
  const post = (body: Buffer, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${daemon.url}/api/v1/write`, {
      method: 'POST',
      body,
      headers: { 'x-forwarded-for': '10.1.2.3', ...headers },
    });
  const body = requestOf(Date.now());
  expect((await post(body)).status).toBe(401);
  expect((await post(body, { authorization: 'Bearer wrong' })).status).toBeGreaterThanOrEqual(401);
  expect((await post(body, { authorization: `Bearer ${token}` })).status).toBe(204);
  expect((await post(compressSync('no message'), { authorization: `Bearer ${token}` })).status).toBe(400);
  await until(async () => (await numberAt(daemon.url, 'written{job="far"}')) === 42, { what: 'the sample' });
  const { inputs } = await daemon.status();
  expect(inputs.find(({ id }) => id.startsWith('inputs.prom_remote_write'))?.detail).toMatchObject({
    path: '/api/v1/write',
    lastRefusal: { reason: 'malformed' },
  });
}, 120_000);

test('is not there where nobody configured it', async () => {
  const daemon = await startDaemon({ dir: await newDir() });
  atTheEnd(() => daemon.end());
  const answer = await fetch(`${daemon.url}/api/v1/write`, { method: 'POST', body: requestOf(Date.now()) });
  expect(answer.status).toBe(404);
}, 120_000);
