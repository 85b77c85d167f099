import { type Influxdb, startInfluxdb } from '../../components/influxdb.ts';
import { type Prometheus, type Row, startPrometheus } from '../../components/prometheus.ts';
import { startVictoriaMetrics, type VictoriaMetrics } from '../../components/victoria-metrics.ts';
import { freePort } from '../daemon.ts';
import type { Backend } from './bad-day.ts';
import type { Found, Item } from './load.ts';

interface ServerOptions {
  readonly program: string;
  readonly dir: string;
}

/** A backend, and how to end it. */
export type Running = Backend & { stop(): Promise<void> };

/** A server that can be killed and started again. */
class Server<T extends { stop(): Promise<void> }> {
  readonly #start: () => Promise<T>;
  #now: T;

  private constructor(start: () => Promise<T>, now: T) {
    this.#start = start;
    this.#now = now;
  }

  static async of<T extends { stop(): Promise<void> }>(start: () => Promise<T>): Promise<Server<T>> {
    return new Server(start, await start());
  }

  get now(): T {
    return this.#now;
  }

  readonly kill = (): Promise<void> => this.#now.stop();

  readonly restart = async (): Promise<void> => {
    this.#now = await this.#start();
  };
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
