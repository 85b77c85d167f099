import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { type Chdb, type ChdbOptions, startChdb } from '../components/chdb.ts';
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
  const text = '# TYPE demo_requests counter\ndemo_requests_total{code="200",path="/a b"} 7\ndemo_nan NaN\n';
  const server: Server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

const fromNanos = BigInt(Date.now()) * 1_000_000n;

async function post(url: string, body: string, contentType: string): Promise<void> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': contentType }, body });
  expect([200, 202, 204]).toContain(answer.status);
}

async function pushLines(daemon: Daemon, from: number, count: number): Promise<void> {
  const values = Array.from({ length: count }, (_, i) => [
    `${fromNanos + BigInt(from + i)}`,
    `line "${from + i}" \\ end`,
  ]);
  const stream = { app: 'reviews', namespace: 'default', service_name: 'reviews', level: 'error' };
  await post(`${daemon.url}/loki/api/v1/push`, JSON.stringify({ streams: [{ stream, values }] }), 'application/json');
}

async function pushSpans(daemon: Daemon, from: number, count: number): Promise<void> {
  const spans = Array.from({ length: count }, (_, i) => ({
    traceId: (from + i).toString(16).padStart(32, '0'),
    id: (from + i).toString(16).padStart(16, '0'),
    name: 'get /',
    timestamp: Math.trunc(Date.now() * 1000),
    duration: 1000 + from + i,
    localEndpoint: { serviceName: 'reviews' },
  }));
  await post(`${daemon.url}/api/v2/spans`, JSON.stringify(spans), 'application/json');
}

describeWith('chdb', (environment) => {
  async function engine(options: Omit<ChdbOptions, 'environment'>): Promise<Chdb> {
    const started = await startChdb({ environment, ...options });
    cleanups.push(() => started.stop());
    return started;
  }

  async function dirOf(): Promise<string> {
    const dir = await tempDir();
    cleanups.push(() => dir.remove());
    return dir.path;
  }

  test('all signals arrive as they were, each item once, through a kill of the server', async () => {
    const dir = await dirOf();
    const port = await freePort();
    const data = join(dir, 'engine');
    const first = await engine({ dir: data, port });
    const config = `[[inputs.prom]]\nurl = "${await page()}"\nsource = "demo"\ninterval = "1s"\n[[inputs.loki]]\n[[outputs.clickhouse]]\nurl = "${first.url}"\nbatch_wait = "50ms"\n`;
    const daemon = await startDaemon({ dir, config: { 'clickhouse.conf': config } });
    cleanups.push(() => daemon.end());
    await pushLines(daemon, 1, 500);
    await pushSpans(daemon, 1, 500);
    await post(
      `${daemon.url}/v1/write/rum?precision=n`,
      `view,app_id=shop,session_id=s1,view_name=/cart loading_time=1500000000i,is_active=true ${fromNanos}`,
      'text/plain',
    );
    await until(async () => (await first.query('SELECT count() FROM meshbridge.otel_traces'))[0]?.[0] === '500', {
      what: 'the first spans',
    });
    await first.stop();
    await pushLines(daemon, 501, 500);
    await pushSpans(daemon, 501, 500);
    const second = await engine({ dir: data, port });
    const value = async (statement: string) => (await second.query(statement))[0]?.[0];
    await until(async () => (await value('SELECT count() FROM meshbridge.otel_traces')) === '1000', {
      what: 'all spans',
    });
    await until(async () => (await value('SELECT count() FROM meshbridge.otel_logs')) === '1000', {
      what: 'all lines',
    });
    await until(async () => (await value('SELECT count() FROM meshbridge.meshbridge_rum')) === '1', {
      what: 'the view',
    });
    await until(
      async () =>
        Number(
          await value(`SELECT count() FROM meshbridge.meshbridge_samples WHERE MetricName = 'demo_requests_total'`),
        ) > 1,
      { what: 'two scrapes' },
    );

    const lines = await second.query(
      `SELECT toUnixTimestamp64Nano(Timestamp), hex(Body), ServiceName, SeverityText, ResourceAttributes['k8s.namespace.name'] FROM meshbridge.otel_logs ORDER BY Timestamp`,
    );
    expect(lines).toEqual(
      Array.from({ length: 1000 }, (_, i) => [
        `${fromNanos + BigInt(i + 1)}`,
        Buffer.from(`line "${i + 1}" \\ end`)
          .toString('hex')
          .toUpperCase(),
        ...['reviews', 'error', 'default'],
      ]),
    );
    expect(
      await second.query(
        `SELECT TraceId, Duration FROM meshbridge.otel_traces WHERE ServiceName = 'reviews' ORDER BY SpanId`,
      ),
    ).toEqual(
      Array.from({ length: 1000 }, (_, i) => [(i + 1).toString(16).padStart(32, '0'), String((1001 + i) * 1000)]),
    );
    expect(
      await second.query(
        `SELECT DISTINCT Value, Attributes['code'], Attributes['path'], Measurement, Field, MetricType FROM meshbridge.meshbridge_samples WHERE MetricName = 'demo_requests_total'`,
      ),
    ).toEqual([['7', '200', '/a b', 'demo', 'requests_total', 'counter']]);
    expect(
      await second.query(
        `SELECT DISTINCT isNaN(Value) FROM meshbridge.meshbridge_samples WHERE MetricName = 'demo_nan'`,
      ),
    ).toEqual([['1']]);
    expect(
      await second.query(
        `SELECT AppId, SessionId, ViewName, Numbers['loading_time'], Texts['is_active'] FROM meshbridge.meshbridge_rum`,
      ),
    ).toEqual([['shop', 's1', '/cart', '1500000000', 'true']]);

    const { lanes } = await daemon.status();
    const cursors = lanes.flatMap(({ signal, outputs }) =>
      outputs.filter(({ output }) => output === 'clickhouse').map((cursor) => ({ signal, ...cursor })),
    );
    expect(cursors.map(({ signal }) => signal).toSorted()).toEqual(['logs', 'metrics', 'rum', 'traces']);
    expect(cursors.filter(({ dropped }) => Object.values(dropped).some((count) => count > 0))).toEqual([]);
  }, 180_000);

  test('a wrong password is said with what to do, and all that waited is inserted once it is right', async () => {
    const dir = await dirOf();
    const port = await freePort();
    const secured = await engine({ dir: join(dir, 'engine'), port, login: { user: 'mesh', password: 'right' } });
    await writeFile(join(dir, 'password'), 'wrong\n');
    const config = `[[inputs.loki]]\n[[outputs.clickhouse]]\nurl = "${secured.url}"\nuser = "mesh"\npassword = "file:${join(dir, 'password')}"\nbatch_wait = "10ms"\n`;
    const start = () => startDaemon({ dir, config: { 'clickhouse.conf': config } });
    const first = await start();
    cleanups.push(() => first.end('SIGKILL'));
    await pushLines(first, 1, 3);
    const saidBy = async (daemon: Daemon) => {
      const { lanes } = await daemon.status();
      return lanes
        .flatMap(({ outputs }) => outputs)
        .find(({ output, lastError }) => output === 'clickhouse' && lastError);
    };
    const cursor = await until(() => saidBy(first), { what: 'what the server said' });
    expect(cursor.lastError).toContain('Code: 516');
    expect(cursor.lastError).toContain('check user and password');
    expect(cursor.lastError).not.toContain('wrong');
    const program = join(import.meta.dirname, '../../dist/main.js');
    const check = () =>
      spawnSync(process.execPath, [program, 'check', '--connect', '--config-dir', join(dir, 'conf.d')], {
        encoding: 'utf8',
      });
    const refused = check();
    expect([refused.status, refused.stdout + refused.stderr]).toEqual([78, expect.stringContaining('Code: 516')]);
    await first.end();
    await writeFile(join(dir, 'password'), 'right\n');
    expect(check().status).toBe(0);
    const second = await start();
    cleanups.push(() => second.end());
    await until(async () => (await secured.query('SELECT count() FROM meshbridge.otel_logs'))[0]?.[0] === '3', {
      what: 'the lines',
    });
  }, 180_000);

  test('a daemon that is killed again and again loses nothing, and repeats at most one request each time', async () => {
    const dir = await dirOf();
    const server = await engine({ dir: join(dir, 'engine') });
    const config = `[[outputs.clickhouse]]\nurl = "${server.url}"\nsignals = ["traces"]\nbatch_wait = "10ms"\nbatch_items = 100\n`;
    const start = () => startDaemon({ dir, config: { 'clickhouse.conf': config } });
    const [kills, each] = [3, 200];
    for (let life = 0; life < kills; life++) {
      const daemon = await start();
      cleanups.push(() => daemon.end('SIGKILL'));
      for (let from = 1; from <= each; from += 20) {
        await pushSpans(daemon, life * each + from, 20);
      }
      await daemon.end('SIGKILL');
    }
    const last = await start();
    cleanups.push(() => last.end());
    const posted = String(kills * each);
    await until(
      async () => (await server.query('SELECT uniqExact(SpanId) FROM meshbridge.otel_traces'))[0]?.[0] === posted,
      {
        what: 'all spans',
      },
    );
    const queued = async () => {
      const { lanes } = await last.status();
      return lanes.flatMap(({ outputs }) => outputs).reduce((sum, { queuedItems }) => sum + queuedItems, 0);
    };
    await until(async () => (await queued()) === 0, { what: 'nothing waits any more' });
    const [[count] = []] = await server.query('SELECT count() FROM meshbridge.otel_traces');
    expect(Number(count) - kills * each).toBeLessThanOrEqual(kills * 100);
  }, 180_000);
});
