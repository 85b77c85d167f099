import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { type Influxdb, startInfluxdb } from '../components/influxdb.ts';
import { describeWith } from '../components/needs.ts';
import { freePort } from '../fakes/free-port.ts';
import { tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

/** A page whose numbers never change. */
async function page(): Promise<string> {
  const text = '# TYPE demo_requests counter\ndemo_requests_total{code="200",path="/a b,c=d"} 7\ndemo_nan NaN\n';
  const server: Server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

async function push(daemon: Daemon, numbers: readonly number[]): Promise<void> {
  const values = numbers.map((number) => [`${1_795_253_153_000_000_000n + BigInt(number)}`, `line "${number}" \\ end`]);
  const stream = { app: 'reviews', namespace: 'default', service_name: 'reviews', level: 'error' };
  const response = await fetch(`${daemon.url}/loki/api/v1/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ streams: [{ stream, values }] }),
  });
  expect(response.status).toBe(204);
}

function numbersFrom(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

describeWith('influxdb', (program) => {
  async function influx(dir: string, port: number): Promise<Influxdb> {
    const started = await startInfluxdb({ program, dir, port });
    cleanups.push(() => started.stop());
    return started;
  }

  test('what is scraped and pushed arrives there as it was, through a kill of the server', async () => {
    const dir = await tempDir();
    cleanups.push(() => dir.remove());
    const port = await freePort();
    const first = await influx(join(dir.path, 'influx'), port);
    await first.query('', 'create database meshbridge');
    const config = `[[inputs.prom]]\nurl = "${await page()}"\nsource = "demo"\ninterval = "1s"\n[[inputs.loki]]\n[[outputs.influxdb]]\nurl = "${first.url}"\nbatch_wait = "10ms"\n`;
    const daemon = await startDaemon({ dir: dir.path, config: { 'influx.conf': config } });
    cleanups.push(() => daemon.end());
    await push(daemon, numbersFrom(0, 500));
    await until(async () => (await first.query('meshbridge', 'select * from reviews limit 1')).length === 1, {
      what: 'the first line',
    });
    await first.stop();
    await push(daemon, numbersFrom(500, 500));
    const second = await influx(join(dir.path, 'influx'), port);
    const counted = (): Promise<readonly Readonly<Record<string, unknown>>[]> =>
      second.query('meshbridge', 'select count(message) from reviews');
    await until(async () => (await counted())[0]?.['count'] === 1000, { withinMs: 60_000, what: 'all lines' });

    const lines = await second.query('meshbridge', 'select * from reviews order by time');
    expect(lines.map(({ time, message }) => [time, message])).toEqual(
      numbersFrom(0, 1000).map((number) => [expect.any(Number), `line "${number}" \\ end`]),
    );
    expect(lines[0]).toMatchObject({ app: 'reviews', namespace: 'default', service: 'reviews', status: 'error' });

    const values = await until(
      async () => {
        const rows = await second.query(
          'meshbridge',
          "select requests_total from demo where code = '200' and path = '/a b,c=d'",
        );
        return rows.length > 1 ? rows : undefined;
      },
      { withinMs: 60_000, what: 'two scrapes' },
    );
    expect(new Set(values.map((row) => row['requests_total']))).toEqual(new Set([7]));
    expect(await second.query('meshbridge', 'select nan from demo')).toEqual([]);

    const { lanes } = await daemon.status();
    const metrics = lanes.find(({ signal }) => signal === 'metrics');
    const cursor = metrics?.outputs.find(({ output }) => output === 'influxdb');
    const dropped = Object.values(cursor?.dropped ?? {}).reduce((sum, count) => sum + count, 0);
    expect(dropped).toBeGreaterThan(0);
  }, 120_000);

  test('a database that is not there is said, and what waits is delivered once it is', async () => {
    const dir = await tempDir();
    cleanups.push(() => dir.remove());
    const server = await influx(join(dir.path, 'influx'), await freePort());
    const config = `[[inputs.loki]]\n[[outputs.influxdb]]\nurl = "${server.url}"\ndatabase = "later"\nbatch_wait = "10ms"\n`;
    const daemon = await startDaemon({ dir: dir.path, config: { 'influx.conf': config } });
    cleanups.push(() => daemon.end());
    await push(daemon, [1]);
    const cursor = async () => {
      const { lanes } = await daemon.status();
      return lanes
        .flatMap(({ outputs }) => outputs)
        .find(({ output, queuedItems }) => output === 'influxdb' && queuedItems > 0);
    };
    await until(async () => (await cursor())?.lastError?.includes('database not found'), {
      what: 'what the server said',
    });
    await server.query('', 'create database later');
    await until(async () => (await server.query('later', 'select * from reviews')).length === 1, {
      withinMs: 60_000,
      what: 'the line',
    });
  }, 120_000);
});
