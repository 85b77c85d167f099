import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type handleUnaryCall, type Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { type FakeFarSide, type Received, refusedUrl, withFakeFarSide } from '../../../test/fakes/far-side.ts';
import { withForwardProxy } from '../../../test/fakes/forward-proxy.ts';
import { type FrameRecordOptions, frameRecord } from '../../../test/fakes/frames.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { otlpJson } from '../../../test/fakes/otlp-proto.ts';
import { requestOf, spanRecord } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import type { Attributes } from '../../codec/log-block/attributes.ts';
import { encodeFrame, FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import { readMetricsRequest } from '../../codec/otlp/messages-in.ts';
import { otlpMetricFrames } from '../../codec/otlp/otlp-metrics.ts';
import { checkOtlpTraces, otlpTraces, otlpTracesJson } from '../../codec/otlp/otlp-traces.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import type { Output, WriteResult } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { MetricType, Series } from '../../model/metric.ts';
import type { Span } from '../../model/span.ts';
import { otlp } from './otlp.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples', 'envoy');
const never = new AbortController().signal;
const ok: WriteResult = { status: 'delivered' };
const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

function span(id: number, rest: Partial<Span> = {}): Span {
  return { traceId: '000000000000000a', id: id.toString(16).padStart(16, '0'), ...rest };
}

function request(records: number) {
  const list = Array.from({ length: records }, (_, index) =>
    spanRecord([span(2 * index + 1), span(2 * index + 2)], { seq: index + 1, itemsBefore: 2 * index }),
  );
  return requestOf(list);
}

function inflated({ headers, body }: Received): Buffer {
  return headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

describeOutput({
  kind: 'http',
  definition: otlp,
  decode: new RecordDecoders(),
  request,
  config: (endpoint) => ({ url: endpoint }),
  itemsIn: (received) => {
    const checked = checkOtlpTraces(inflated(received));
    return checked.ok ? checked.items : -1;
  },
});

async function started(table: object): Promise<Output> {
  const runtime = { ...fakeRuntime(), name: 'otlp', decode: new RecordDecoders() };
  const output = otlp.create(otlp.config.parse(table), runtime);
  await output.start();
  closing.push(() => output.stop());
  return output;
}

function withOutput<T>(table: object, run: (output: Output, far: FakeFarSide) => Promise<T>): Promise<T> {
  return withFakeFarSide(async (far) => run(await started({ url: far.url, ...table }), far));
}

interface Sent {
  readonly path: string;
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** What the far side gets for these records. */
function sent(table: object, ...records: readonly QueueRecord[]): Promise<Sent> {
  return withOutput(table, async (output, far) => {
    expect(await output.write(requestOf(records), never)).toEqual(ok);
    const [received] = far.requests;
    if (received === undefined) {
      throw new Error('nothing was sent');
    }
    return { path: received.path, type: received.headers['content-type'], body: inflated(received) };
  });
}

interface OtlpJson {
  readonly resourceSpans: readonly {
    readonly resource: object;
    readonly scopeSpans: readonly {
      readonly scope: object;
      readonly spans: readonly Readonly<Record<string, unknown>>[];
    }[];
  }[];
}

async function asJson(table: object, ...spans: readonly Span[]): Promise<OtlpJson> {
  const { body } = await sent({ protocol: 'http/json', ...table }, spanRecord(spans, { seq: 1 }));
  return JSON.parse(body.toString());
}

describe('spans', () => {
  test('go to the path of their signal, below whatever the address says', async () => {
    expect(await sent({}, spanRecord([span(1)], { seq: 1 }))).toMatchObject({
      path: '/v1/traces',
      type: 'application/x-protobuf',
    });
    await withFakeFarSide(async (far) => {
      for (const base of ['', '/', '/otlp', '/otlp/', '/otlp/v1/traces', '/otlp/v1/logs']) {
        const output = await started({ url: `${far.url}${base}` });
        await output.write(request(1), never);
      }
      expect(far.requests.map(({ path }) => path)).toEqual([
        '/v1/traces',
        '/v1/traces',
        '/otlp/v1/traces',
        '/otlp/v1/traces',
        '/otlp/v1/traces',
        '/otlp/v1/traces',
      ]);
    });
  });

  test('are grouped by service and scope, with ids of full width and times in ns', async () => {
    const a = { serviceName: 'a', ipv4: '10.0.0.1', port: 80 };
    const b = { serviceName: 'b', ipv6: '::2' };
    const whole = span(1, {
      parentId: '00000000000000ff',
      kind: 'CLIENT',
      name: 'GET /X',
      timestamp: 1_795_253_868_467_503,
      duration: 7,
      localEndpoint: a,
      remoteEndpoint: b,
      annotations: [{ timestamp: 5, value: 'ws' }],
      tags: { 'otel.scope.name': 'lib', 'otel.scope.version': '2', 'w3c.tracestate': 'k=v', k: 'v' },
    });
    const json = await asJson({}, span(2), whole, span(3, { localEndpoint: { serviceName: 'a' }, timestamp: 1 }));
    expect(json.resourceSpans.map(({ resource }) => resource)).toEqual([
      { attributes: [] },
      { attributes: [{ key: 'service.name', value: { stringValue: 'a' } }] },
    ]);
    const [bare, ofA] = json.resourceSpans;
    expect(ofA?.scopeSpans.map(({ scope }) => scope)).toEqual([
      { name: '', version: '' },
      { name: 'lib', version: '2' },
    ]);
    expect(ofA?.scopeSpans[1]?.spans).toEqual([
      {
        traceId: '0000000000000000000000000000000a',
        spanId: '0000000000000001',
        parentSpanId: '00000000000000ff',
        traceState: 'k=v',
        name: 'GET /X',
        kind: 3,
        startTimeUnixNano: '1795253868467503000',
        endTimeUnixNano: '1795253868467510000',
        attributes: [
          { key: 'k', value: { stringValue: 'v' } },
          { key: 'network.local.address', value: { stringValue: '10.0.0.1' } },
          { key: 'network.local.port', value: { intValue: '80' } },
          { key: 'network.peer.address', value: { stringValue: '::2' } },
          { key: 'peer.service', value: { stringValue: 'b' } },
        ],
        events: [{ timeUnixNano: '5000', name: 'ws' }],
      },
    ]);
    expect(bare?.scopeSpans[0]?.spans[0]).toMatchObject({
      startTimeUnixNano: '0',
      attributes: [{ key: 'otel.zipkin.absentField.startTime', value: { stringValue: 'true' } }],
    });
  });

  test.each([
    [{ error: 'true' }, { code: 2 }],
    [{ error: '' }, { code: 2 }],
    [{ error: 'timeout' }, { code: 2, message: 'timeout' }],
    [
      { error: 'x', 'otel.status_description': 'why' },
      { code: 2, message: 'why' },
    ],
    [{ 'otel.status_code': 'ERROR' }, { code: 2 }],
    [{ 'otel.status_code': 'OK' }, { code: 1 }],
    [{ error: 'false' }, undefined],
    [{}, undefined],
  ])('with the tags %j have the status %j, and no attribute for it', async (tags, expected) => {
    const json = await asJson({}, span(1, { tags: tags as Record<string, string>, timestamp: 1 }));
    const [only] = json.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
    expect([only?.['status'], only?.['attributes']]).toEqual([expected, []]);
  });

  test('that share an id are kept so, or split, the same way in every request', async () => {
    const halves = [
      span(1, { kind: 'CLIENT' }),
      span(1, { kind: 'SERVER', shared: true, parentId: '00000000000000ee' }),
    ];
    const idsOf = (json: OtlpJson) =>
      json.resourceSpans[0]?.scopeSpans[0]?.spans.map((one) => [one['spanId'], one['parentSpanId']]);
    expect(idsOf(await asJson({}, ...halves))).toEqual([
      ['0000000000000001', undefined],
      ['0000000000000001', '00000000000000ee'],
    ]);
    const split = idsOf(await asJson({ shared_spans: 'split' }, ...halves));
    expect(split).toEqual([
      ['0000000000000001', undefined],
      ['5a5a5a5a5a5a5a5b', '0000000000000001'],
    ]);
    expect(idsOf(await asJson({ shared_spans: 'split' }, ...halves.slice(1)))).toEqual(split?.slice(1));
  });

  test('of real Envoys say the same in protobuf, in JSON, and read back', async () => {
    const payload = readFileSync(join(samples, 'zipkin-v2-json', '000.body'));
    const record = { ...spanRecord([span(1)], { seq: 1 }), payload };
    const proto = otlpTraces.decode((await sent({}, record)).body);
    const json = otlpTracesJson.decode((await sent({ protocol: 'http/json', compression: 'none' }, record)).body);
    expect(proto).toEqual(json);
    const before = new RecordDecoders().spans(record);
    const key = ({ traceId, id, rawName, name, timestamp, duration }: Span) =>
      `${traceId} ${id} ${rawName ?? name} ${timestamp} ${duration}`;
    expect(proto.map(key).sort()).toEqual(before.map(key).sort());
    for (const after of proto) {
      const sentSpan = before.find(({ id, traceId }) => id === after.id && traceId === after.traceId);
      const { error: _, ...tags } = sentSpan?.tags ?? {};
      expect(after.tags).toMatchObject(tags);
      expect([after.kind, after.parentId, after.localEndpoint?.serviceName]).toEqual([
        sentSpan?.kind,
        sentSpan?.parentId,
        sentSpan?.localEndpoint?.serviceName,
      ]);
    }
  });

  test('that came as OTLP go out as they came, beside others', async () => {
    const first = (await sent({}, spanRecord([span(1)], { seq: 1 }))).body;
    const record: QueueRecord = { ...spanRecord([span(1)], { seq: 2 }), format: 'otlp-traces', payload: first };
    const { body } = await sent({}, record, spanRecord([span(2)], { seq: 3 }), record);
    expect(body.subarray(0, first.length)).toEqual(first);
    expect(otlpTraces.decode(body).map(({ id }) => Number(id))).toEqual([1, 2, 1]);
    const edited = { ...record, edits: { add: { env: 'prod' } } };
    expect(otlpTraces.decode((await sent({}, edited)).body)[0]?.tags).toMatchObject({ env: 'prod' });
  });
});

test('lines go out with their times, levels and the pod that wrote them', async () => {
  const record = logRecord(
    [
      { message: '{"level":"error"}', timeNanos: 1_790_000_000_123_456_789n, level: 'error', stream: 'stderr' },
      { message: 'plain ü', timeNanos: 1_790_000_001_000_000_000n },
    ],
    {
      seq: 1,
      receivedAtMs: 1_790_000_002_000,
      origin: { node: 'n', namespace: 'ns', pod: 'p', container: 'c', source: 'svc' },
    },
  );
  const { path, body } = await sent({ protocol: 'http/json' }, record);
  expect(path).toBe('/v1/logs');
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  expect(JSON.parse(body.toString())).toEqual({
    resourceLogs: [
      {
        resource: {
          attributes: [
            text('k8s.node.name', 'n'),
            text('k8s.namespace.name', 'ns'),
            text('k8s.pod.name', 'p'),
            text('k8s.container.name', 'c'),
            text('service.name', 'svc'),
          ],
        },
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: '1790000000123456789',
                observedTimeUnixNano: '1790000002000000000',
                severityNumber: 17,
                severityText: 'error',
                body: { stringValue: '{"level":"error"}' },
                attributes: [text('log.iostream', 'stderr')],
              },
              {
                timeUnixNano: '1790000001000000000',
                observedTimeUnixNano: '1790000002000000000',
                body: { stringValue: 'plain ü' },
                attributes: [text('log.iostream', 'stdout')],
              },
            ],
          },
        ],
      },
    ],
  });
  const proto = await sent({}, record);
  expect([proto.body.includes('plain ü'), proto.body.includes('k8s.pod.name')]).toEqual([true, true]);
});

test('what is known of lines beside their text goes out in its place, under the scope that they name', async () => {
  const ids = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', span_id: '00f067aa0ba902b7' };
  const line = (attributes: Attributes) => ({ message: 'm', timeNanos: 1_790_000_000_000_000_000n, attributes });
  const record = logRecord(
    [
      line({ ...ids, event_name: 'e', severity_number: 10, severity_text: 'Notice', scope_name: 'lib', code: 200 }),
      line({ trace_id: 'short', slow: true, ratio: 0.5 }),
    ],
    {
      seq: 1,
      receivedAtMs: 1_790_000_002_000,
      origin: { pod: 'p' },
      edits: { add: { env: 'prod', 'k8s.pod.name': 'other' }, drop: ['none'] },
    },
  );
  const { body } = await sent({}, record);
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const common = {
    timeUnixNano: '1790000000000000000',
    observedTimeUnixNano: '1790000002000000000',
    body: { stringValue: 'm' },
  };
  const stdout = text('log.iostream', 'stdout');
  expect(otlpJson('Logs', body)).toEqual({
    resourceLogs: [
      {
        resource: { attributes: [text('env', 'prod'), text('k8s.pod.name', 'p')] },
        scopeLogs: [
          {
            scope: { name: 'lib' },
            logRecords: [
              {
                ...common,
                severityNumber: 10,
                severityText: 'Notice',
                attributes: [stdout, { key: 'code', value: { intValue: '200' } }],
                traceId: ids.trace_id,
                spanId: ids.span_id,
                eventName: 'e',
              },
            ],
          },
          {
            logRecords: [
              {
                ...common,
                attributes: [
                  stdout,
                  text('trace_id', 'short'),
                  { key: 'slow', value: { boolValue: true } },
                  { key: 'ratio', value: { doubleValue: 0.5 } },
                ],
              },
            ],
          },
        ],
      },
    ],
  });
});

describe('metrics', () => {
  const timestampMs = 1_790_000_000_000;
  const timeUnixNano = '1790000000000000000';
  const series = (name: string, type: MetricType, labels: Readonly<Record<string, string>> = {}): Series => ({
    name,
    labels: Object.entries({ instance: 'i:1', job: 'shop/cart', ...labels }).sort(([a], [b]) => (a < b ? -1 : 1)),
    type,
    help: `Help of ${type}.`,
    measurement: 'm',
    field: 'f',
  });
  const bytes = { ...series('io_bytes', 'gauge', { k: 'v' }), unit: 'bytes' };
  const perSecond = { ...series('io_bytes_per_second', 'gauge'), unit: 'bytes_per_second' };
  const all: readonly (readonly [Series, number])[] = [
    [series('x_total', 'counter', { code: '200' }), 7],
    [series('x_created', 'counter', { code: '200' }), 1_780_000_000.5],
    [bytes, 2.5],
    [perSecond, 4],
    [series('h_bucket', 'histogram', { le: '0.5' }), 1],
    [series('h_bucket', 'histogram', { le: '+Inf' }), 6],
    [series('h_bucket', 'histogram', { le: '10' }), 3],
    [series('h_count', 'histogram'), 6],
    [series('h_sum', 'histogram'), 12.5],
    [series('s', 'summary', { quantile: '0.99' }), Number.NaN],
    [series('s', 'summary', { quantile: '0.5' }), 2],
    [series('s_count', 'summary'), 3],
    [series('s_sum', 'summary'), 9],
    [series('u', 'unknown'), Number.NEGATIVE_INFINITY],
    [series('target_info', 'gauge', { k8s_pod_name: 'own', zone: 'z' }), 1],
  ];
  const record = (options: Partial<FrameRecordOptions> = {}): QueueRecord => ({
    ...frameRecord(
      all.map(([one]) => one),
      all.map(([, value]) => value),
      { seq: 1, timestampMs, ...options },
    ),
    origin: { pod: 'cart-1', namespace: 'shop' },
  });
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

  test('are put together again by their types, as the service that their job names', async () => {
    const { path, body } = await sent({}, record());
    expect(path).toBe('/v1/metrics');
    const metric = (name: string, type: string, rest: object) => ({ name, description: `Help of ${type}.`, ...rest });
    expect(otlpJson('Metrics', body)).toEqual({
      resourceMetrics: [
        {
          resource: {
            attributes: [
              text('k8s.namespace.name', 'shop'),
              text('k8s.pod.name', 'cart-1'),
              text('service.name', 'cart'),
              text('service.namespace', 'shop'),
              text('service.instance.id', 'i:1'),
              text('zone', 'z'),
            ],
          },
          scopeMetrics: [
            {
              metrics: [
                metric('x_total', 'counter', {
                  sum: {
                    aggregationTemporality: 2,
                    isMonotonic: true,
                    dataPoints: [
                      {
                        attributes: [text('code', '200')],
                        startTimeUnixNano: '1780000000500000000',
                        timeUnixNano,
                        asDouble: 7,
                      },
                    ],
                  },
                }),
                metric('io_bytes', 'gauge', {
                  unit: 'By',
                  gauge: { dataPoints: [{ attributes: [text('k', 'v')], timeUnixNano, asDouble: 2.5 }] },
                }),
                metric('io_bytes_per_second', 'gauge', { gauge: { dataPoints: [{ timeUnixNano, asDouble: 4 }] } }),
                metric('h', 'histogram', {
                  histogram: {
                    aggregationTemporality: 2,
                    dataPoints: [
                      { timeUnixNano, count: '6', sum: 12.5, bucketCounts: ['1', '2', '3'], explicitBounds: [0.5, 10] },
                    ],
                  },
                }),
                metric('s', 'summary', {
                  summary: {
                    dataPoints: [
                      {
                        timeUnixNano,
                        count: '3',
                        sum: 9,
                        quantileValues: [
                          { quantile: 0.5, value: 2 },
                          { quantile: 0.99, value: null },
                        ],
                      },
                    ],
                  },
                }),
                metric('u', 'unknown', {
                  metadata: [text('prometheus.type', 'unknown')],
                  gauge: { dataPoints: [{ timeUnixNano, asDouble: null }] },
                }),
              ],
            },
          ],
        },
      ],
    });
  });

  test.each(['http/protobuf', 'http/json'] as const)(
    'say the same when they are read back, in %s',
    async (protocol) => {
      const { body } = await sent({ protocol }, record());
      const request = readMetricsRequest(body, protocol === 'http/json' ? 'json' : 'protobuf');
      const { frames, rejected } = otlpMetricFrames(request, { nowMs: 0, promote: [] });
      const decoder = new FrameDecoder();
      const back = frames.flatMap(({ payload, dictionary }) => {
        const { shape, values } = decoder.decode(Buffer.concat(payload), dictionary);
        return shape.series.map(({ name, labels, type }, i) => `${name} ${labels} ${type} ${values[i]}`);
      });
      const wanted = all
        .filter(([{ name }]) => name !== 'x_created' && name !== 'target_info')
        .map(([{ name, labels, type }, value]) => `${name} ${labels} ${type === 'unknown' ? 'gauge' : type} ${value}`);
      const target =
        'target_info instance,i:1,job,shop/cart,k8s_namespace_name,shop,k8s_pod_name,cart-1,zone,z gauge 1';
      expect([rejected, back.sort()]).toEqual([0, [...wanted, target].sort()]);
    },
  );

  test('that end are points without a value, and samples keep times of their own', async () => {
    const stale = [0, 4, 5, 6, 7, 8];
    const { body } = await sent({ protocol: 'http/json' }, record({ stale, timesMs: [timestampMs - 5] }));
    const { resourceMetrics } = JSON.parse(body.toString());
    const [x, , , h, s] = resourceMetrics[0].scopeMetrics[0].metrics;
    expect(x.sum.dataPoints[0]).toMatchObject({ flags: 1, timeUnixNano: '1789999999995000000' });
    expect([x.sum.dataPoints[0].asDouble, h.histogram.dataPoints[0]]).toEqual([
      undefined,
      { attributes: [], timeUnixNano, flags: 1, count: '0' },
    ]);
    expect(s.summary.dataPoints[0].flags).toBeUndefined();
  });

  test('take their exemplars along', async () => {
    const bare = record();
    const { shape: _, ...frame } = new FrameDecoder().decode(bare.payload, bare.dictionary);
    const labels = [
      ['span_id', '00f067aa0ba902b7'],
      ['trace_id', '4bf92f3577b34da6a3ce929d0e0e4736'],
      ['zone', 'a'],
    ] as const;
    const payload = Buffer.concat(encodeFrame({ ...frame, exemplars: [{ index: 6, labels, value: 9, timestampMs }] }));
    const { body } = await sent({}, { ...bare, payload });
    const json = otlpJson('Metrics', body);
    const exemplar = {
      filteredAttributes: [text('zone', 'a')],
      timeUnixNano,
      asDouble: 9,
      spanId: '00f067aa0ba902b7',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    };
    const dataPoints = [expect.objectContaining({ exemplars: [exemplar] })];
    const metrics = expect.arrayContaining([
      expect.objectContaining({ histogram: expect.objectContaining({ dataPoints }) }),
    ]);
    expect(json).toMatchObject({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
  });

  test('are refused in part by their own name', () =>
    withOutput({ protocol: 'http/json' }, async (output, far) => {
      far.answer({ status: 200, body: '{"partialSuccess":{"rejectedDataPoints":"2","errorMessage":"no"}}' });
      expect(await output.write(requestOf([record()]), never)).toEqual({
        status: 'partial',
        rejected: 2,
        reason: 'no',
      });
    }));

  test('alone are enough for the check', () =>
    withOutput({}, async (output, far) => {
      far.once({ status: 404 });
      expect(await output.check()).toEqual({ ok: true });
      expect(far.requests.map(({ path }) => path)).toEqual(['/v1/traces', '/v1/metrics']);
      far.answer({ status: 403, body: 'no' });
      expect(await output.check()).toEqual({ ok: false, reason: 'HTTP 403: no', cause: 'misconfigured' });
    }));
});

describe('an answer', () => {
  test.each([
    ['http/json', '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}'],
    ['http/protobuf', Buffer.from([0x0a, 11, 0x08, 3, 0x12, 7, ...Buffer.from('too old')])],
  ])('by %s may say that some spans were rejected', (protocol, body) =>
    withOutput({ protocol }, async (output, far) => {
      far.answer({ status: 200, body });
      expect(await output.write(request(1), never)).toEqual({ status: 'partial', rejected: 3, reason: 'too old' });
      far.answer({ status: 200, body: protocol === 'http/json' ? '{"partialSuccess":{}}' : '' });
      expect(await output.write(request(1), never)).toEqual(ok);
      far.answer({ status: 200, body: 'no such message' });
      expect(await output.write(request(1), never)).toEqual(ok);
    }),
  );
});

describe('over gRPC', () => {
  interface Call {
    readonly path: string;
    readonly body: Buffer;
    readonly metadata: Metadata;
  }
  type Reply = { readonly code: number; readonly details: string } | Buffer;

  /** A server that is not ours. */
  async function receiver(reply: (call: Call) => Reply): Promise<{ url: string; calls: Call[] }> {
    const server = new Server();
    const calls: Call[] = [];
    const handle =
      (path: string): handleUnaryCall<Buffer, Buffer> =>
      ({ request: body, metadata }, callback) => {
        calls.push({ path, body, metadata });
        const answer = reply(calls.at(-1) ?? { path, body, metadata });
        if (Buffer.isBuffer(answer)) {
          callback(null, answer);
        } else {
          callback({ ...answer, name: 'x', message: answer.details });
        }
      };
    const asIs = (bytes: Buffer): Buffer => bytes;
    for (const [service, path] of [
      ['trace.v1.TraceService', 'traces'],
      ['logs.v1.LogsService', 'logs'],
    ]) {
      const full = `/opentelemetry.proto.collector.${service}/Export`;
      const method = {
        path: full,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      };
      server.addService({ Export: method }, { Export: handle(path ?? '') });
    }
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    closing.push(() => server.forceShutdown());
    return { url: `http://127.0.0.1:${port}`, calls };
  }

  test('requests arrive with their headers, over one connection', async () => {
    const { url, calls } = await receiver(() => Buffer.alloc(0));
    const output = await started({
      url: url.replace('//', '//me:p@'),
      protocol: 'grpc',
      headers: { 'X-Team': 'mesh' },
    });
    expect(await output.check()).toEqual({ ok: true });
    expect(await output.write(request(3), never)).toEqual(ok);
    expect(calls.map(({ path, body }) => [path, otlpTraces.decode(body).length])).toEqual([
      ['traces', 0],
      ['traces', 6],
    ]);
    const { metadata } = calls[1] ?? {};
    expect([metadata?.get('x-team'), metadata?.get('authorization')]).toEqual([
      ['mesh'],
      [`Basic ${Buffer.from('me:p').toString('base64')}`],
    ]);
  });

  test('goes through a proxy where one is set, and says which one refuses', async () => {
    const { url, calls } = await receiver(() => Buffer.alloc(0));
    await withForwardProxy('Basic bWU6cA==', async (proxy) => {
      const proxyUrl = proxy.url.replace('//', '//me:p@');
      const output = await started({ url, protocol: 'grpc', proxy_url: proxyUrl });
      expect(await output.write(request(3), never)).toEqual(ok);
      expect([calls.length, proxy.asked]).toEqual([1, [`CONNECT ${new URL(url).host} Basic bWU6cA==`]]);
      const refused = await started({ url, protocol: 'grpc', proxy_url: proxy.url });
      const reason = `the proxy ${new URL(proxy.url).host} answers HTTP 407 to CONNECT ${new URL(url).host}`;
      expect(await refused.write(request(1), never)).toEqual({ status: 'retry', reason, cause: 'unreachable' });
    });
  });

  test.each([
    [status.UNAVAILABLE, { status: 'retry', reason: 'gRPC 14: é', cause: 'busy' }],
    [status.RESOURCE_EXHAUSTED, { status: 'retry', reason: 'gRPC 8: é', cause: 'busy' }],
    [status.UNAUTHENTICATED, { status: 'retry', reason: 'gRPC 16: é', cause: 'misconfigured' }],
    [status.UNIMPLEMENTED, { status: 'retry', reason: 'gRPC 12: é', cause: 'misconfigured' }],
    [status.INVALID_ARGUMENT, { status: 'rejected', reason: 'gRPC 3: é' }],
    [status.INTERNAL, { status: 'rejected', reason: 'gRPC 13: é' }],
  ])('the code %d ends as %j', async (code, result) => {
    const { url } = await receiver(() => ({ code, details: 'é' }));
    const output = await started({ url, protocol: 'grpc' });
    expect(await output.write(request(1), never)).toEqual(result);
  });

  test('one bad record of several is looked for, and a partial success is told', async () => {
    const { url } = await receiver(({ body }) =>
      otlpTraces.decode(body).length > 2
        ? { code: status.INVALID_ARGUMENT, details: '' }
        : Buffer.from([0x0a, 4, 0x08, 1, 0x12, 0]),
    );
    const output = await started({ url, protocol: 'grpc' });
    expect(await output.write(request(2), never)).toEqual({ status: 'split', reason: 'gRPC 3' });
    expect(await output.write(request(1), never)).toEqual({
      status: 'partial',
      rejected: 1,
      reason: 'no reason given',
    });
  });

  test('a receiver that is not there, goes away, or speaks HTTP/1, is tried again later', async () => {
    const away = await started({ url: await refusedUrl(), protocol: 'grpc' });
    expect(await away.write(request(1), never)).toMatchObject({ status: 'retry', cause: 'unreachable' });
    await withFakeFarSide(async (far) => {
      const http1 = await started({ url: far.url, protocol: 'grpc' });
      expect(await http1.write(request(1), never)).toMatchObject({ status: 'retry' });
    });
    const { url } = await receiver(() => Buffer.alloc(0));
    const output = await started({ url, protocol: 'grpc' });
    expect(await output.write(request(1), never)).toEqual(ok);
    await closing.splice(closing.length - 2, 1)[0]?.();
    expect(await output.write(request(1), never)).toMatchObject({ status: 'retry' });
  });

  test('an attempt that takes too long is cut', async () => {
    const { url, calls } = await receiver(() => ({ code: status.OK, details: '' }));
    const output = await started({ url, protocol: 'grpc' });
    const tooLong = new AbortController();
    tooLong.abort(new Error('too long'));
    await expect(output.write(request(1), tooLong.signal)).rejects.toThrow('too long');
    expect(calls).toEqual([]);
  });
});
