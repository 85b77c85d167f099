import { mkdir } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { type Influxdb, startInfluxdb } from '../../components/influxdb.ts';
import { type Prometheus, type Row, startPrometheus } from '../../components/prometheus.ts';
import { startVictoriaMetrics, type VictoriaMetrics } from '../../components/victoria-metrics.ts';
import { startZipkinServer, type ZipkinServer } from '../../components/zipkin-server.ts';
import { fakeFarSide } from '../../fakes/far-side.ts';
import { freePort } from '../../fakes/free-port.ts';
import { startDaemon } from '../daemon.ts';
import type { Backend } from './bad-day.ts';
import { type Found, type Item, traceIdOf } from './load.ts';
import { type Running, Server } from './server.ts';

interface ServerOptions {
  readonly program: string;
  readonly dir: string;
}

const numberOf = ({ number }: Item): number => number + 0.25;

export async function prometheus({ program, dir }: ServerOptions): Promise<Running> {
  const port = await freePort();
  const server = await Server.of<Prometheus>(() =>
    startPrometheus({ program, dir, port, config: 'scrape_configs: []\n' }),
  );
  return {
    name: 'prometheus',
    signals: ['metrics'],
    upstream: `http://127.0.0.1:${port}`,
    toml: (url) => `[[outputs.remote_write]]\n  url = "${url}/api/v1/write"\n`,
    read: async (items) => {
      const found = new Map<string, Found>();
      const ids = items.map(({ id }) => id).join('|');
      const atSeconds = Math.max(...items.map(({ atMs }) => atMs)) / 1000 + 1;
      const series = `bad_day_number{id=~"${ids}"}`;
      const [values, counts, times] = await Promise.all([
        server.now.query(series, atSeconds),
        server.now.query(`count_over_time(${series}[10m])`, atSeconds),
        server.now.query(`timestamp(${series})`, atSeconds),
      ]);
      const numbers = (rows: readonly Row[]): ReadonlyMap<string, number> =>
        new Map(rows.map(({ metric, value }) => [metric['id'] ?? '', Number(value)]));
      for (const [id, value] of numbers(values)) {
        const atMs = Math.round((numbers(times).get(id) ?? 0) * 1000);
        found.set(id, { copies: numbers(counts).get(id) ?? 0, facts: { value, atMs } });
      }
      return found;
    },
    expected: (item) => ({ value: numberOf(item), atMs: item.atMs }),
    onTwice: 'one',
    kill: server.kill,
    restart: server.restart,
    stop: server.kill,
  };
}

export async function victoriaMetrics({ program, dir }: ServerOptions): Promise<Running> {
  const port = await freePort();
  const server = await Server.of<VictoriaMetrics>(() =>
    startVictoriaMetrics({ program, dir, port, config: 'scrape_configs: []\n' }),
  );
  return {
    name: 'victoria-metrics',
    signals: ['metrics'],
    upstream: `http://127.0.0.1:${port}`,
    toml: (url) => `[[outputs.remote_write]]\n  url = "${url}/api/v1/write"\n`,
    read: async (items) => {
      const found = new Map<string, Found>();
      const series = await server.now.export('bad-day');
      for (const { labels, samples } of series) {
        const id = labels['id'] ?? '';
        if (items.some((item) => item.id === id)) {
          const [first] = samples;
          found.set(id, { copies: samples.length, facts: { value: first?.value, atMs: first?.timestampMs } });
        }
      }
      return found;
    },
    expected: (item) => ({ value: numberOf(item), atMs: item.atMs }),
    // Unless it is told to (-dedup.minScrapeInterval).
    onTwice: 'two',
    kill: server.kill,
    restart: server.restart,
    stop: server.kill,
  };
}

export async function influxdbOfMetrics({ program, dir }: ServerOptions): Promise<Running> {
  const port = await freePort();
  const server = await Server.of<Influxdb>(() => startInfluxdb({ program, dir: dir, port }));
  await server.now.query('', 'create database metrics');
  return {
    name: 'influxdb',
    signals: ['metrics'],
    upstream: `http://127.0.0.1:${port}`,
    toml: (url) => `[[outputs.influxdb]]\n  url = "${url}"\n  database = "metrics"\n`,
    read: async (items) => {
      const found = new Map<string, Found>();
      const ids = items.map(({ id }) => id).join('|');
      const rows = await server.now.query('metrics', `select * from bad where id =~ /^(${ids})$/`);
      for (const { id, day_number: value, time } of rows) {
        const before = found.get(String(id))?.copies ?? 0;
        found.set(String(id), { copies: before + 1, facts: { value, atMs: Math.round(Number(time) / 1e6) } });
      }
      return found;
    },
    expected: (item) => ({ value: numberOf(item), atMs: item.atMs }),
    onTwice: 'one',
    kill: server.kill,
    restart: server.restart,
    stop: server.kill,
  };
}

export async function influxdbOfLogs({ program, dir }: ServerOptions): Promise<Running> {
  const port = await freePort();
  const server = await Server.of<Influxdb>(() => startInfluxdb({ program, dir, port }));
  await server.now.query('', 'create database logs');
  return {
    name: 'influxdb',
    signals: ['logs'],
    upstream: `http://127.0.0.1:${port}`,
    toml: (url) => `[[outputs.influxdb]]\n  url = "${url}"\n  database = "logs"\n`,
    read: async (items) => {
      const rows = await server.now.query('logs', 'select message from "bad-day"');
      return linesAmong(
        items,
        rows.map(({ message, time }) => ({ message: String(message), atMs: Math.round(Number(time) / 1e6) })),
      );
    },
    expected: lineFacts,
    // A point is known by its tags and its time.
    onTwice: 'one',
    kill: server.kill,
    restart: server.restart,
    stop: server.kill,
  };
}

export async function zipkin({ jar }: { readonly jar: string }): Promise<Running> {
  const port = await freePort();
  const server = await Server.of<ZipkinServer>(() => startZipkinServer({ jar, port }));
  const upstream = `http://127.0.0.1:${port}`;
  return {
    name: 'zipkin',
    signals: ['traces'],
    upstream,
    toml: (url) => `[[outputs.zipkin]]\n  url = "${url}/api/v2/spans"\n`,
    read: (items) => spansOf(upstream, items),
    expected: spanFacts,
    // Of two that are the same its query shows one.
    onTwice: 'one',
    kill: server.kill,
    restart: server.restart,
    stop: server.kill,
  };
}

interface MeshbridgeOptions {
  readonly dir: string;
  readonly name: string;
  readonly signals: Backend['signals'];
  readonly toml: (url: string) => string;
  /** Inputs of the far one. */
  readonly inputs?: string;
  readonly onTwice: Backend['onTwice'];
}

/** Another meshbridge with its store, as the far side. */
export async function meshbridge({ dir, inputs = '', ...rest }: MeshbridgeOptions): Promise<Running> {
  const port = await freePort();
  await mkdir(dir, { recursive: true });
  const config = { 'far.conf': `[[inputs.container]]\n  enabled = false\n${inputs}` };
  const start = async () => {
    const daemon = await startDaemon({ dir, port, config });
    return { daemon, stop: async () => void (await daemon.end('SIGKILL')) };
  };
  const server = await Server.of(start);
  const upstream = `http://127.0.0.1:${port}`;
  const isOfLogs = rest.signals.includes('logs');
  return {
    ...rest,
    upstream,
    read: (items) => (isOfLogs ? linesOf(upstream, items) : spansOf(upstream, items)),
    expected: isOfLogs ? lineFacts : spanFacts,
    kill: server.kill,
    restart: server.restart,
    stop: server.kill,
  };
}

/** Not a real Dataway, of which there is none to be had: it keeps the lines of line protocol. */
export async function fakeDataway(): Promise<Running> {
  const lines: string[] = [];
  const far = await fakeFarSide();
  far.answer(({ body, headers }) => {
    const text = (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
    lines.push(...text.split('\n'));
    return { status: 200, body: '{}' };
  });
  return {
    name: 'dataway',
    signals: ['logs'],
    upstream: far.url,
    toml: (url) => `[[outputs.dataway]]\n  url = "${url}?token=tkn_bad_day"\n  encoding = "line-protocol"\n`,
    read: async (items) => {
      const kept = lines.map((line) => ({
        message: (/message="((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? '').replaceAll('\\"', '"'),
        atMs: Math.round(Number(line.split(' ').at(-1)) / 1e6),
      }));
      return linesAmong(items, kept);
    },
    expected: lineFacts,
    onTwice: 'two',
    stop: () => far.close(),
  };
}

interface ZipkinSpan {
  readonly name: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly tags: Readonly<Record<string, string>>;
}

function spanFacts(item: Item): unknown {
  const { id, atMs, number } = item;
  return { name: id, timestamp: atMs * 1000, duration: 1000 + number, path: `/${id}` };
}

/** From whatever answers Zipkin's queries. */
async function spansOf(url: string, items: readonly Item[]): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  for (const item of items) {
    const answer = await fetch(`${url}/api/v2/trace/${traceIdOf(item)}`);
    const text = await answer.text();
    if (answer.ok) {
      const spans: readonly ZipkinSpan[] = JSON.parse(text);
      const facts = spans.map(({ name, timestamp, duration, tags }) => ({
        ...{ name, timestamp, duration },
        path: tags['http.path'],
      }));
      found.set(item.id, { copies: spans.length, facts: facts[0] });
    }
  }
  return found;
}

interface Line {
  readonly message: string;
  readonly atMs: number;
}

function lineFacts({ id, atMs }: Item): unknown {
  return { message: `line "${id}" of a bad day`, atMs };
}

function linesAmong(items: readonly Item[], lines: readonly Line[]): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>();
  for (const { id } of items) {
    const own = lines.filter(({ message }) => message.includes(`"${id}"`));
    if (own.length > 0) {
      found.set(id, { copies: own.length, facts: own[0] });
    }
  }
  return found;
}

/** From the store of a meshbridge. */
async function linesOf(url: string, items: readonly Item[]): Promise<ReadonlyMap<string, Found>> {
  const query = new URLSearchParams({ match: 'app=bad-day', limit: '5000', start: '2020-01-01T00:00:00Z' });
  const answer = await fetch(`${url}/api/native/logs/search?${query}`);
  const { lines } = (await answer.json()) as { lines: readonly { time: string; message: string }[] };
  return linesAmong(
    items,
    lines.map(({ time, message }) => ({ message, atMs: Date.parse(time) })),
  );
}
