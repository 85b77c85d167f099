import { gzipSync } from 'node:zlib';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { describeInput } from '../../../test/contracts/input-contract.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { otlpProto } from '../../../test/fakes/otlp-proto.ts';
import type { ServedRoutes } from '../../../test/fakes/route-server.ts';
import { decodeLogBlock } from '../../codec/log-block/log-block.ts';
import { FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import { decodeSpans } from '../../codec/spans.ts';
import type { Input } from '../../contract/input.ts';
import { AccessPolicy } from '../../http/access.ts';
import { Listeners } from '../../http/listeners.ts';
import { systemClock } from '../../lib/clock.ts';
import { opentelemetry } from './opentelemetry.ts';

const json = { 'content-type': 'application/json' };
const proto = { 'content-type': 'application/x-protobuf' };
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

interface Rig {
  readonly runtime: FakeInputRuntime;
  readonly input: Input;
  readonly grpcAddress: string;
  post(body: string | Uint8Array, headers: Readonly<Record<string, string>>, path?: string): Promise<Response>;
}

/** The input behind the real listeners. */
async function rig(table: object = {}): Promise<Rig> {
  const runtime = fakeInputRuntime();
  const access = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token: 'not-asked-for-here' });
  const listeners = new Listeners({ log: runtime.log, clock: systemClock, access });
  const input = opentelemetry.create(opentelemetry.config.parse(table), { ...runtime, routes: listeners });
  await input.start();
  const [status, grpc, main] = await listeners.open([
    { name: 'otlp', host: '127.0.0.1', port: 0, onTaken: 'fail' },
    { name: 'otlp_grpc', host: '127.0.0.1', port: 0, onTaken: 'fail' },
    { name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' },
  ]);
  closing.push(
    () => listeners.close(),
    () => input.stop(),
  );
  const post: Rig['post'] = (body, headers, path = '/v1/traces') =>
    fetch(`http://${(path.startsWith('/api/') ? main : status)?.address}${path}`, {
      method: 'POST',
      body: Buffer.from(body),
      headers,
    });
  return { runtime, input, grpcAddress: grpc?.address ?? '', post };
}

function spanOf(spanId: string): object {
  return { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId, startTimeUnixNano: '1795253868467503999' };
}

function bodyOf(...spanIds: readonly string[]): string {
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: spanIds.map(spanOf) }] }] });
}

/** One span: ids of 16 and 8 bytes in ResourceSpans, ScopeSpans, Span. */
const protoBody = Buffer.concat([
  Buffer.from([0x0a, 32, 0x12, 30, 0x12, 28, 0x0a, 16]),
  Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex'),
  Buffer.from([0x12, 8]),
  Buffer.from('00f067aa0ba902b7', 'hex'),
]);

describe('what is taken', () => {
  test('is kept byte for byte, and answered in the encoding that it came in', async () => {
    const { runtime, post } = await rig({ tags: { env: 'prod' } });
    const answers = [await post(protoBody, proto), await post(bodyOf('00f067aa0ba902b7'), json)];
    expect(answers.map(({ status, headers }) => [status, headers.get('content-type')])).toEqual([
      [200, 'application/x-protobuf'],
      [200, 'application/json'],
    ]);
    expect([await answers[0]?.text(), await answers[1]?.text()]).toEqual(['', '{}']);
    const edits = { add: { env: 'prod' } };
    expect(runtime.emitted).toEqual([
      expect.objectContaining({ signal: 'traces', format: 'otlp-traces', items: 1, payload: protoBody, edits }),
      expect.objectContaining({ signal: 'traces', format: 'otlp-traces-json', items: 1, edits }),
    ]);
    expect(runtime.emitted.flatMap(decodeSpans).map(({ id, tags }) => [id, tags])).toEqual([
      ['00f067aa0ba902b7', { env: 'prod' }],
      ['00f067aa0ba902b7', { env: 'prod' }],
    ]);
  });

  test('may be gzip, and may have parameters in its content type', async () => {
    const { runtime, post } = await rig();
    const type = { 'content-type': 'Application/JSON; charset=utf-8', 'content-encoding': 'gzip' };
    expect((await post(gzipSync(bodyOf('00f067aa0ba902b7')), type)).status).toBe(200);
    expect(runtime.emitted).toHaveLength(1);
  });

  test('without spans is thanked for, and nothing is written', async () => {
    const { runtime, post } = await rig();
    expect([(await post('', proto)).status, (await post('{}', json)).status]).toEqual([200, 200]);
    expect([runtime.calls, runtime.refusals]).toEqual([0, []]);
  });

  test('in part is answered with how many spans were not, and why', async () => {
    const { runtime, post } = await rig();
    const answer = await post(bodyOf('', '00f067aa0ba902b7', '0'.repeat(16)), json);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { partialSuccess: { rejectedSpans: '2', errorMessage: expect.stringContaining('span 1: spanId is empty') } },
    ]);
    expect(runtime.emitted.map(({ items }) => items)).toEqual([1]);
    expect(runtime.refusals).toEqual([{ signal: 'traces', items: 2, reason: 'malformed' }]);
  });

  test('not at all, for its ids alone, is still no error of the request, in protobuf too', async () => {
    const { runtime, post } = await rig();
    const zeros = Buffer.from(protoBody).fill(0, 8, 24);
    const answer = await post(zeros, proto);
    const message = 'span 1: traceId is all zeros';
    const partial = Buffer.concat([Buffer.from([0x08, 1, 0x12, message.length]), Buffer.from(message)]);
    expect(answer.status).toBe(200);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(
      Buffer.concat([Buffer.from([0x0a, partial.length]), partial]),
    );
    expect(runtime.calls).toBe(0);
  });
});

describe('over gRPC', () => {
  const asIs = (bytes: Buffer): Buffer => bytes;

  async function exported(
    body: Buffer,
    service = 'trace.v1.TraceService',
  ): Promise<{ rig: Rig; code: number; details: string; answer: Buffer }> {
    const made = await rig();
    const client = new Client(made.grpcAddress, credentials.createInsecure());
    closing.push(async () => client.close());
    const path = `/opentelemetry.proto.collector.${service}/Export`;
    return await new Promise((resolve) => {
      client.makeUnaryRequest(path, asIs, asIs, body, (error: ServiceError | null, answer = Buffer.alloc(0)) =>
        resolve({ rig: made, code: error?.code ?? 0, details: error?.details ?? '', answer }),
      );
    });
  }

  test('the same request is taken, and kept byte for byte', async () => {
    const { rig: made, code, answer } = await exported(protoBody);
    expect([code, answer.length]).toEqual([0, 0]);
    expect(made.runtime.emitted).toEqual([
      expect.objectContaining({ format: 'otlp-traces', items: 1, payload: protoBody }),
    ]);
  });

  test('log records are taken', async () => {
    const { rig: made, code } = await exported(otlpProto('Logs', logsOf('a')), 'logs.v1.LogsService');
    expect([code, made.runtime.emitted.map(linesOf)]).toEqual([0, [['a']]]);
  });

  test('metrics are taken', async () => {
    const { rig: made, code } = await exported(otlpProto('Metrics', metricsOf('a')), 'metrics.v1.MetricsService');
    expect([code, made.runtime.emitted.map(seriesOf)]).toEqual([0, [['a']]]);
  });

  test('one that cannot be read is an invalid argument, with the byte where it breaks', async () => {
    const { rig: made, code, details } = await exported(protoBody.subarray(0, 20));
    expect([code, details]).toEqual([3, expect.stringMatching(/^\$ byte \d+: /)]);
    expect(made.runtime.refusals).toEqual([{ signal: 'traces', items: 1, reason: 'malformed' }]);
  });
});

function logsOf(...bodies: readonly string[]): object {
  const logRecords = bodies.map((stringValue) => ({ timeUnixNano: '1795253868467503999', body: { stringValue } }));
  const attributes = [{ key: 'k8s.pod.name', value: { stringValue: 'cart-1' } }];
  return { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] };
}

/** The lines of a batch, one behind the other. */
function linesOf({ payload }: { readonly payload: Uint8Array }): readonly string[] {
  const { count, bytes, offsets } = decodeLogBlock(payload);
  return Array.from({ length: count }, (_, i) => Buffer.from(bytes.subarray(offsets[i], offsets[i + 1])).toString());
}

describe('log records', () => {
  test('become lines of the pod that they name, in each encoding', async () => {
    const { runtime, post } = await rig({ tags: { env: 'prod' } });
    const answers = [
      await post(otlpProto('Logs', logsOf('a', 'b')), proto, '/v1/logs'),
      await post(JSON.stringify(logsOf('c')), json, '/v1/logs'),
    ];
    expect(await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]))).toEqual([
      [200, ''],
      [200, '{}'],
    ]);
    const common = { signal: 'logs', format: 'log-block', origin: { pod: 'cart-1' }, edits: { add: { env: 'prod' } } };
    expect(runtime.emitted).toEqual([
      expect.objectContaining({ ...common, items: 2 }),
      expect.objectContaining({ ...common, items: 1 }),
    ]);
    expect(runtime.emitted.map(linesOf)).toEqual([['a', 'b'], ['c']]);
  });

  test('that cannot be taken are counted as such, and named to the sender', async () => {
    const { runtime, post } = await rig();
    const late = { timeUnixNano: '9223372036854775807' };
    const answer = await post(
      JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [late] }] }] }),
      json,
      '/v1/logs',
    );
    expect(await answer.json()).toEqual({
      partialSuccess: { rejectedLogRecords: '1', errorMessage: expect.stringContaining('past the year 2106') },
    });
    expect(runtime.refusals).toEqual([{ signal: 'logs', items: 1, reason: 'malformed' }]);
  });
});

function metricsOf(...names: readonly string[]): object {
  const dataPoints = [{ asInt: '1', timeUnixNano: '1795253868467503999' }];
  const metrics = names.map((name) => ({ name, gauge: { dataPoints } }));
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] };
}

/** The names of the series of a frame. */
function seriesOf({ payload, dictionary }: Pick<Emission, 'payload' | 'dictionary'>): readonly string[] {
  return new FrameDecoder().decode(payload, dictionary).shape.series.map(({ name }) => name);
}

describe('metrics', () => {
  test('become frames, in each encoding, and where Prometheus takes them', async () => {
    const { runtime, post } = await rig({ tags: { env: 'prod' } });
    const answers = [
      await post(otlpProto('Metrics', metricsOf('a', 'b')), proto, '/v1/metrics'),
      await post(JSON.stringify(metricsOf('c')), json, '/v1/metrics'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const common = { signal: 'metrics', format: 'metric-frame', edits: { add: { env: 'prod' } } };
    expect(runtime.emitted).toEqual([
      expect.objectContaining({ ...common, items: 2 }),
      expect.objectContaining({ ...common, items: 1 }),
    ]);
    expect(runtime.emitted.map(seriesOf)).toEqual([['a', 'b'], ['c']]);
    const there = await post(JSON.stringify(metricsOf('d')), json, '/api/v1/otlp/v1/metrics');
    expect([there.status, runtime.emitted.map(seriesOf).at(-1)]).toEqual([200, ['d']]);
  });

  test('of delta temporality are named to the sender and counted; what was converted is counted too', async () => {
    const { runtime, post } = await rig();
    const dataPoints = [{ count: '1', positive: { bucketCounts: ['1'] } }];
    const metrics = [
      { name: 'm', sum: { aggregationTemporality: 1, dataPoints: [{}, {}] } },
      { name: 'e', exponentialHistogram: { aggregationTemporality: 2, dataPoints } },
    ];
    const answer = await post(
      JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }),
      json,
      '/v1/metrics',
    );
    expect(await answer.json()).toEqual({
      partialSuccess: { rejectedDataPoints: '2', errorMessage: 'metric "m" has delta temporality; send it cumulative' },
    });
    expect(runtime.refusals).toEqual([{ signal: 'metrics', items: 2, reason: 'malformed' }]);
    expect(runtime.emitted.map(seriesOf)).toEqual([['e_bucket', 'e_bucket', 'e_count']]);
    expect(
      runtime.meter.value('meshbridge_otlp_converted_points_total', { from: 'exponential_histogram', to: 'histogram' }),
    ).toBe(1);
  });
});

describe('what is refused', () => {
  test('says why in the encoding that it came in, and counts', async () => {
    const { runtime, input, post } = await rig();
    const inJson = await post('{"resourceSpans":5}', json);
    const message = '$.resourceSpans is a number; expected a list';
    expect([inJson.status, await inJson.json()]).toEqual([400, { code: 3, message }]);
    const inProto = await post(protoBody.subarray(0, 20), proto);
    expect(inProto.status).toBe(400);
    expect(Buffer.from(await inProto.arrayBuffer()).subarray(0, 3)).toEqual(Buffer.from([0x08, 3, 0x12]));
    expect((await post('x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post(Buffer.alloc(10 * 1024 * 1024 + 1), proto)).status).toBe(413);
    expect(runtime.refusals.map(({ reason }) => reason)).toEqual([
      'malformed',
      'malformed',
      'unsupported',
      'too_large',
    ]);
    expect(runtime.emitted).toEqual([]);
    expect(input.status?.()).toMatchObject({ lastRefusal: { reason: 'too_large' } });
  });
});

describeInput({
  definition: opentelemetry,
  source: async ({ runtime }) => {
    let served: ServedRoutes | undefined;
    const told = async (body: string) => {
      const { status } = await fetch(`${served?.url}/v1/traces`, { method: 'POST', body, headers: json });
      return status === 200 ? 'accepted' : status === 503 ? 'try later' : 'refused';
    };
    return {
      config: {},
      open: async () => {
        served = await runtime.serve('otlp');
      },
      send: (id) => told(bodyOf(id)),
      sendGarbage: () => told('garbage'),
      close: async () => served?.close(),
    };
  },
  ids: (emission) => decodeSpans(emission).map(({ id }) => id),
  count: (emission) => decodeSpans(emission).length,
});

describeInput({
  definition: opentelemetry,
  source: async ({ runtime }) => {
    let served: ServedRoutes | undefined;
    const told = async (body: string | Uint8Array) => {
      const options = { method: 'POST', body: Buffer.from(body), headers: proto };
      const { status } = await fetch(`${served?.url}/v1/logs`, options);
      return status === 200 ? 'accepted' : status === 503 ? 'try later' : 'refused';
    };
    return {
      config: {},
      open: async () => {
        served = await runtime.serve('otlp');
      },
      send: (id) => told(otlpProto('Logs', logsOf(id))),
      sendGarbage: () => told('garbage'),
      close: async () => served?.close(),
    };
  },
  ids: linesOf,
  count: (emission) => linesOf(emission).length,
});
