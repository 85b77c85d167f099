import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { otlpProto } from '../../fakes/otlp-proto.ts';
import { until } from '../../fakes/until.ts';
import type { Daemon } from '../daemon.ts';

type Fields = Readonly<Record<string, unknown>>;
type Line = Record<string, unknown>;

/** Configuration of a daemon that keeps nothing but what its file says. */
export const toFile = '[store]\n  enabled = false\n[[outputs.file]]\n  path = "got.ndjson"\n  batch_wait = "1ms"\n';

export const nowMs = Date.now();
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
export const metricsRequest = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
export const logsRequest = {
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
  assert.equal(response.status, 200, path);
}

/** Some of each signal. */
export async function sendAll(to: Daemon): Promise<void> {
  await post(to, '/v1/traces', JSON.stringify(tracesRequest));
  await post(to, '/v1/metrics', otlpProto('Metrics', metricsRequest));
  await post(to, '/v1/logs', JSON.stringify(logsRequest));
}

/** What the file output of a daemon wrote of each signal, sorted. */
async function written(dataDir: string): Promise<Readonly<Record<string, readonly Line[]>>> {
  const text = await readFile(join(dataDir, 'got.ndjson'), 'utf8').catch(() => '');
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
export async function complete(dataDir: string): Promise<Readonly<Record<string, readonly Line[]>>> {
  const wanted = { metrics: 11, logs: 2, traces: 1 };
  let got = await written(dataDir);
  await until(
    async () => {
      got = await written(dataDir);
      return Object.entries(wanted).every(([signal, count]) => (got[signal]?.length ?? 0) >= count);
    },
    { what: `all that was sent at ${dataDir}` },
  );
  assert.deepEqual(Object.fromEntries(Object.entries(got).map(([signal, lines]) => [signal, lines.length])), wanted);
  return got;
}
