import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { startZipkinServer } from '../components/zipkin-server.ts';
import { otlpProto } from '../fakes/otlp-proto.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, freePort, startDaemon } from './daemon.ts';

type Fields = Readonly<Record<string, unknown>>;
type Line = Record<string, unknown>;

let dir: TempDir;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  dir = await tempDir();
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await dir.remove();
});

async function daemon(name: string, toml: string): Promise<Daemon> {
  const started = await startDaemon({ dir: join(dir.path, name), config: { 'a.conf': toml } });
  closing.push(() => started.end());
  return started;
}

const toFile = '[store]\n  enabled = false\n[[outputs.file]]\n  path = "got.ndjson"\n  batch_wait = "1ms"\n';

const nowMs = Date.now();
const timeUnixNano = `${nowMs}000001`;
const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const resource = {
  attributes: [
    attribute('service.namespace', 'shop'),
    attribute('service.name', 'cart'),
    attribute('service.instance.id', 'i-1'),
    attribute('k8s.namespace.name', 'prod'),
    attribute('k8s.pod.name', 'cart-1'),
    attribute('k8s.node.name', 'n1'),
  ],
};
const cumulative = 2;
const ids = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const histogram = { count: '6', sum: 12.5, bucketCounts: ['1', '2', '3'], explicitBounds: [0.5, 10] };
const metrics: readonly Fields[] = [
  { name: 'queue.length', unit: '{item}', gauge: { dataPoints: [{ timeUnixNano, asInt: '-3' }] } },
  {
    name: 'http.requests',
    sum: {
      aggregationTemporality: cumulative,
      isMonotonic: true,
      dataPoints: [{ timeUnixNano, asInt: '7', attributes: [attribute('http.method', 'GET')] }],
    },
  },
  {
    name: 'http.duration',
    unit: 's',
    histogram: { aggregationTemporality: cumulative, dataPoints: [{ timeUnixNano, ...histogram }] },
  },
  {
    name: 'rpc.duration',
    unit: 'ms',
    summary: {
      dataPoints: [{ timeUnixNano, count: '3', sum: 6, quantileValues: [{ quantile: 0.5, value: 1.5 }] }],
    },
  },
];
const metricsRequest = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
const logsRequest = {
  resourceLogs: [
    {
      resource,
      scopeLogs: [
        {
          scope: { name: 'lib', version: '1' },
          logRecords: [
            { timeUnixNano, severityNumber: 17, body: { stringValue: 'no ü' }, ...ids },
            {
              timeUnixNano,
              severityNumber: 10,
              body: { kvlistValue: { values: [{ key: 'a', value: { intValue: '1' } }] } },
              attributes: [{ key: 'code', value: { intValue: '200' } }, attribute('log.iostream', 'stderr')],
            },
          ],
        },
      ],
    },
  ],
};
const span = {
  ...ids,
  name: 'GET /cart',
  kind: 2,
  startTimeUnixNano: `${nowMs}000000`,
  endTimeUnixNano: `${nowMs + 5}000000`,
  attributes: [attribute('http.route', '/cart')],
  status: { code: 2, message: 'no' },
};
const tracesRequest = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'lib' }, spans: [span] }] }] };

async function post(to: Daemon, path: string, body: string | Buffer): Promise<void> {
  const type = typeof body === 'string' ? 'application/json' : 'application/x-protobuf';
  const bytes = Buffer.from(body);
  const response = await fetch(`${to.url}${path}`, { method: 'POST', body: bytes, headers: { 'content-type': type } });
  expect([path, response.status]).toEqual([path, 200]);
}

async function sendAll(to: Daemon): Promise<void> {
  await post(to, '/v1/traces', JSON.stringify(tracesRequest));
  await post(to, '/v1/metrics', otlpProto('Metrics', metricsRequest));
  await post(to, '/v1/logs', JSON.stringify(logsRequest));
}

/** What the file output of a daemon wrote of each signal, sorted. */
async function written(name: string): Promise<Readonly<Record<string, readonly Line[]>>> {
  const text = await readFile(join(dir.path, name, 'data', 'got.ndjson'), 'utf8').catch(() => '');
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .sort()
    .map((line): Line => JSON.parse(line));
  return Object.fromEntries(
    ['metrics', 'logs', 'traces'].map((signal) => [signal, lines.filter((line) => line['signal'] === signal)]),
  );
}

/** Resolves once everything that was sent has been written. */
async function complete(name: string): Promise<Readonly<Record<string, readonly Line[]>>> {
  const wanted = { metrics: 11, logs: 2, traces: 1 };
  let got = await written(name);
  await until(
    async () => {
      got = await written(name);
      return Object.entries(wanted).every(([signal, count]) => (got[signal]?.length ?? 0) >= count);
    },
    { withinMs: 30_000, what: `all that was sent at ${name}` },
  );
  expect(Object.fromEntries(Object.entries(got).map(([signal, lines]) => [signal, lines.length]))).toEqual(wanted);
  return got;
}

describe('what came over OTLP', () => {
  test('is the same at the next meshbridge, over HTTP with protobuf and JSON, and over gRPC', async () => {
    const grpcPort = await freePort();
    const far = {
      'http/protobuf': await daemon('http-protobuf', toFile),
      'http/json': await daemon('http-json', toFile),
      grpc: await daemon('grpc', `${toFile}[server]\n  otlp_grpc_listen = "127.0.0.1:${grpcPort}"\n`),
    };
    const urls = { ...far, grpc: { url: `http://127.0.0.1:${grpcPort}` } };
    const outputs = Object.entries(urls).map(
      ([protocol, { url }]) =>
        `[[outputs.otlp]]\n  name = "${protocol.replace('/', '-')}"\n  url = "${url}"\n  protocol = "${protocol}"\n  batch_wait = "1ms"\n`,
    );
    const near = await daemon('near', toFile + outputs.join(''));
    await sendAll(near);
    const here = await complete('near');
    expect(here['metrics']?.map(({ name }) => name)).toContain('http_duration_seconds_bucket');
    for (const name of ['http-protobuf', 'http-json', 'grpc']) {
      const there = await complete(name);
      expect([name, there]).toEqual([name, here]);
    }
    const { lanes } = await near.status();
    const left = lanes.flatMap(({ signal, outputs: cursors }) =>
      cursors.map(({ output, dropped }) => [signal, output, Object.values(dropped).reduce((a, b) => a + b, 0)]),
    );
    expect(left.filter(([, , dropped]) => dropped !== 0)).toEqual([]);
  }, 90_000);
});

describeWith('zipkin-server', (jar) => {
  test('spans that go out as protobuf are read by the real server as those that go out as JSON', async () => {
    const zipkin = await startZipkinServer({ jar });
    closing.push(() => zipkin.stop());
    const output = (encoding: string) =>
      `[store]\n  enabled = false\n[[outputs.zipkin]]\n  url = "${zipkin.url}/api/v2/spans"\n  encoding = "${encoding}"\n  batch_wait = "1ms"\n`;
    const bodyOf = (traceId: string) => [
      {
        traceId,
        id: 'b7ad6b7169203331',
        parentId: '00f067aa0ba902b7',
        kind: 'CLIENT',
        name: 'get /cart',
        timestamp: nowMs * 1000,
        duration: 1500,
        localEndpoint: { serviceName: 'cart', ipv4: '10.0.0.1', port: 8080 },
        remoteEndpoint: { serviceName: 'db', ipv6: '2001:db8::1' },
        annotations: [{ timestamp: nowMs * 1000 + 1, value: 'ws' }],
        tags: { 'http.path': '/cart', error: '' },
        shared: true,
      },
    ];
    const read: unknown[] = [];
    for (const [encoding, traceId] of [
      ['json', '000000000000000000000000000000a1'],
      ['protobuf', '4bf92f3577b34da6a3ce929d0e0e47a2'],
    ] as const) {
      const near = await daemon(encoding, output(encoding));
      const sent = await fetch(`${near.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify(bodyOf(traceId)) });
      expect(sent.status).toBe(202);
      await until(async () => (await fetch(`${zipkin.url}/api/v2/trace/${traceId}`)).status === 200, {
        withinMs: 30_000,
        what: `the span that went out as ${encoding}`,
      });
      const spans = (await (await fetch(`${zipkin.url}/api/v2/trace/${traceId}`)).json()) as Line[];
      read.push(spans.map(({ traceId: _, ...rest }) => rest));
    }
    expect(read[0]).toHaveLength(1);
    expect(read[1]).toEqual(read[0]);
  }, 120_000);
});
