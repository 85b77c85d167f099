import { type Chdb, startChdb } from '../../components/chdb.ts';
import { freePort } from '../../fakes/free-port.ts';
import { type Found, type Item, traceIdOf } from './load.ts';
import { type Running, Server } from './server.ts';

/** Where each signal is, and what stands there of an item. */
const rows = `
  SELECT Attributes['id'] AS id, toUnixTimestamp64Milli(Timestamp) AS atMs, toString(Value) AS facts FROM meshbridge.meshbridge_samples
  UNION ALL SELECT SpanName, toUnixTimestamp64Milli(Timestamp), concat(TraceId, ' ', toString(Duration)) FROM meshbridge.otel_traces
  UNION ALL SELECT extract(Body, 'line "(.*)" of a bad day'), toUnixTimestamp64Milli(Timestamp), Body FROM meshbridge.otel_logs`;

function factsOf(item: Item): string {
  switch (item.signal) {
    case 'metrics':
      return String(item.number + 0.25);
    case 'traces':
      return `${traceIdOf(item)} ${(1000 + item.number) * 1000}`;
    default:
      return `line "${item.id}" of a bad day`;
  }
}

export type Clickhouse = Running & Pick<Chdb, 'query'>;

export interface ClickhouseOptions {
  /** The virtual environment of the engine. */
  readonly environment: string;
  readonly dir: string;
}

export async function clickhouse({ environment, dir }: ClickhouseOptions): Promise<Clickhouse> {
  const port = await freePort();
  const server = await Server.of<Chdb>(() => startChdb({ environment, dir, port }));
  const query: Chdb['query'] = (statement) => server.now.query(statement);
  return {
    name: 'clickhouse',
    signals: ['metrics', 'traces', 'logs'],
    upstream: server.now.url,
    toml: (url) => `[[outputs.clickhouse]]\n  url = "${url}"\n`,
    read: async (items) => {
      const found = new Map<string, Found>();
      const wanted = items.map(({ id }) => `'${id}'`).join(', ');
      for (const [id = '', atMs, facts] of await query(`SELECT * FROM (${rows}) WHERE id IN (${wanted})`)) {
        found.set(id, { copies: (found.get(id)?.copies ?? 0) + 1, facts: { atMs: Number(atMs), facts } });
      }
      return found;
    },
    expected: (item) => ({ atMs: item.atMs, facts: factsOf(item) }),
    // The token of a request that is repeated.
    onTwice: 'one',
    kill: server.kill,
    restart: server.restart,
    stop: server.kill,
    query,
  };
}
