import { join } from 'node:path';
import { afterAll, beforeAll, test } from '@jest/globals';
import { type Chdb, startChdb } from '../components/chdb.ts';
import { describeWith } from '../components/needs.ts';
import { freePort } from '../fakes/free-port.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { type Backend, BadDay, killed, troubles } from './bad-day/bad-day.ts';
import { type Found, type Item, itemsOf, traceIdOf } from './bad-day/load.ts';

const hourMs = 3_600_000;
const seed = Number(process.env['BAD_DAY_SEED'] ?? Date.now() % 1_000_000);
const name = 'clickhouse';

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

describeWith('chdb', (environment) => {
  let dir: TempDir;
  let engine: Chdb;
  let day: BadDay;

  beforeAll(async () => {
    dir = await tempDir();
    const port = await freePort();
    const start = () => startChdb({ environment, dir: join(dir.path, 'engine'), port });
    engine = await start();
    const backend: Backend = {
      name,
      signals: ['metrics', 'traces', 'logs'],
      upstream: engine.url,
      toml: (url) => `[[outputs.clickhouse]]\n  url = "${url}"\n`,
      read: async (items) => {
        const found = new Map<string, Found>();
        const wanted = items.map(({ id }) => `'${id}'`).join(', ');
        for (const [id = '', atMs, facts] of await engine.query(`SELECT * FROM (${rows}) WHERE id IN (${wanted})`)) {
          found.set(id, { copies: (found.get(id)?.copies ?? 0) + 1, facts: { atMs: Number(atMs), facts } });
        }
        return found;
      },
      expected: (item) => ({ atMs: item.atMs, facts: factsOf(item) }),
      // The token of a request that is repeated.
      onTwice: 'one',
      kill: () => engine.stop(),
      restart: async () => {
        engine = await start();
      },
    };
    day = await BadDay.start({ dir: dir.path, seed, backends: [backend], toml: '[[inputs.loki]]\n' });
  }, 240_000);

  afterAll(async () => {
    await day?.end();
    await engine?.stop();
    await dir.remove();
  }, 120_000);

  test('everything is there, once its tables are', async () => day.check(await day.post(3)), 240_000);

  test.each([...troubles, killed])(
    `ClickHouse, which $name, misses nothing and has nothing twice (seed ${seed})`,
    (trouble) => day.suffer(trouble, [name]),
    240_000,
  );

  test(
    'one poisoned item among many is given up with the reason, and it alone',
    () =>
      day.refuse({
        by: [name],
        good: itemsOf('logs', 20),
        bad: itemsOf('logs', 1),
        says: /^HTTP 400: one of these is poisoned$/,
        poison: true,
      }),
    240_000,
  );

  test('what the engine itself refuses is in the dead letters with its words', async () => {
    const good = itemsOf('logs', 20);
    await engine.query(
      `ALTER TABLE meshbridge.otel_logs ADD CONSTRAINT not_old CHECK Timestamp > now() - INTERVAL 3 HOUR`,
    );
    await day.refuse({ by: [name], good, bad: itemsOf('logs', 2, 6 * hourMs), says: /Code: 469.*not_old/ });
  }, 240_000);

  test('of the books nothing is missing, in the status and in the queue on disk', () => day.books(), 240_000);
});
