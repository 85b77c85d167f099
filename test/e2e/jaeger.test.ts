import { readdirSync, readFileSync } from 'node:fs';
import { connect, constants } from 'node:http2';
import { join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

/** Written from the field lists of jaeger-idl, api_v2, for a client that shares nothing with the server. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Time { int64 seconds = 1; int32 nanos = 2; }
  message KeyValue { string key = 1; int32 v_type = 2; string v_str = 3; bool v_bool = 4; int64 v_int64 = 5; }
  message Ref { bytes trace_id = 1; bytes span_id = 2; int32 ref_type = 3; }
  message Log { Time timestamp = 1; repeated KeyValue fields = 2; }
  message Process { string service_name = 1; repeated KeyValue tags = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string operation_name = 3; repeated Ref references = 4; uint32 flags = 5;
    Time start_time = 6; Time duration = 7; repeated KeyValue tags = 8; repeated Log logs = 9; Process process = 10;
    string process_id = 11; repeated string warnings = 12;
  }
  message GetTraceRequest { bytes trace_id = 1; Time start_time = 2; Time end_time = 3; bool raw_traces = 4; }
  message ArchiveTraceRequest { bytes trace_id = 1; Time start_time = 2; Time end_time = 3; }
  message ArchiveTraceResponse {}
  message SpansResponseChunk { repeated Span spans = 1; }
  message TraceQueryParameters {
    string service_name = 1; string operation_name = 2; map<string, string> tags = 3; Time start_time_min = 4;
    Time start_time_max = 5; Time duration_min = 6; Time duration_max = 7; int32 search_depth = 8; bool raw_traces = 9;
  }
  message FindTracesRequest { TraceQueryParameters query = 1; }
  message GetServicesRequest {}
  message GetServicesResponse { repeated string services = 1; }
  message GetOperationsRequest { string service = 1; string span_kind = 2; }
  message Operation { string name = 1; string span_kind = 2; }
  message GetOperationsResponse { repeated string operation_names = 1; repeated Operation operations = 2; }
  message GetDependenciesRequest { Time start_time = 1; Time end_time = 2; }
  message DependencyLink { string parent = 1; string child = 2; uint64 call_count = 3; string source = 4; }
  message GetDependenciesResponse { repeated DependencyLink dependencies = 1; }
`);

type Fields = Readonly<Record<string, unknown>>;

interface ProtoSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly operationName: string;
  readonly process: { readonly serviceName: string };
}

interface UiTrace {
  readonly traceID: string;
  readonly spans: readonly { readonly spanID: string; readonly operationName: string; readonly processID: string }[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

interface Envelope<T> {
  readonly data: T;
  readonly total: number;
  readonly errors: readonly { readonly code: number; readonly msg: string; readonly traceID?: string }[] | null;
}

const from = 1_790_000_000_000_000;
const traceOf = (n: number): string => `4bf92f3577b34da6${n.toString(16).padStart(16, '0')}`;

/** Thirty calls of a gateway's route to reviews, each a millisecond longer than the one before; every tenth fails. */
function spansOf(n: number): object[] {
  const ids = { traceId: traceOf(n) };
  const timestamp = from + n * 1_000_000;
  const tags = { node_id: 'sidecar~10.0.0.1~reviews-v1-abc.default~default', ...(n % 10 === 0 && { error: 'true' }) };
  const gateway = { serviceName: 'istio-ingressgateway.istio-system' };
  const reviews = { serviceName: 'reviews.default', ipv4: '10.0.0.1' };
  const name = 'reviews.default.svc.cluster.local:9080/*';
  return [
    {
      ...ids,
      id: '000000000000000a',
      kind: 'CLIENT',
      name,
      timestamp,
      duration: n * 1000 + 500,
      localEndpoint: gateway,
    },
    {
      ...ids,
      id: '000000000000000b',
      parentId: '000000000000000a',
      kind: 'SERVER',
      name,
      timestamp: timestamp + 100,
      duration: n * 1000,
      localEndpoint: reviews,
      tags,
    },
  ];
}

describe('clients of Jaeger', () => {
  let dir: TempDir;
  let daemon: Daemon;
  let client: Client;
  let otlp: Client;

  beforeAll(async () => {
    dir = await tempDir();
    const config = `[server]\njaeger_grpc_listen = "127.0.0.1:0"\notlp_grpc_listen = "127.0.0.1:0"\n`;
    daemon = await startDaemon({ dir: dir.path, config: { 'main.conf': config } });
    const { listeners } = await daemon.status();
    const at = (name: string): string => listeners.find((one) => one.name === name)?.address ?? '';
    client = new Client(at('jaeger_grpc'), credentials.createInsecure());
    otlp = new Client(at('otlp_grpc'), credentials.createInsecure());
    const all = Array.from({ length: 30 }, (_, i) => spansOf(i + 1)).flat();
    const answer = await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify(all) });
    expect(answer.status).toBe(202);
    const isStored = async (): Promise<boolean> => {
      const answered = await fetch(`${daemon.url}/api/v2/services`);
      return (await answered.text()).includes('reviews.default');
    };
    await until(isStored, { withinMs: 60_000, what: 'the spans in the store' });
  }, 180_000);

  afterAll(async () => {
    client?.close();
    otlp?.close();
    await daemon?.end();
    await dir?.remove();
  });

  const asIs = (bytes: Buffer): Buffer => bytes;

  function encoded(type: string, fields: Fields): Buffer {
    const message = root.lookupType(type);
    return Buffer.from(message.encode(message.fromObject(fields)).finish());
  }

  function unary<T>(method: string, request: Fields): Promise<T> {
    const answer = root.lookupType(`${method}Response`);
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/jaeger.api_v2.QueryService/${method}`,
        asIs,
        asIs,
        encoded(`${method}Request`, request),
        (error: ServiceError | null, bytes = Buffer.alloc(0)) =>
          error === null
            ? resolve(answer.toObject(answer.decode(bytes), { longs: Number, arrays: true }) as T)
            : reject(error),
      );
    });
  }

  async function streamed(method: string, request: Fields): Promise<readonly ProtoSpan[]> {
    const chunk = root.lookupType('SpansResponseChunk');
    const path = `/jaeger.api_v2.QueryService/${method}`;
    const spans: ProtoSpan[] = [];
    for await (const bytes of client.makeServerStreamRequest(path, asIs, asIs, encoded(`${method}Request`, request))) {
      spans.push(...(chunk.toObject(chunk.decode(bytes), { longs: Number }) as { spans: ProtoSpan[] }).spans);
    }
    return spans;
  }

  async function http<T>(path: string): Promise<{ readonly status: number; readonly envelope: Envelope<T> }> {
    const answer = await fetch(`${daemon.url}${path}`);
    return { status: answer.status, envelope: (await answer.json()) as Envelope<T> };
  }

  async function pinned(): Promise<readonly string[]> {
    const answer = await fetch(`${daemon.url}/api/native/traces/pins`);
    const { traces } = (await answer.json()) as { readonly traces: readonly { readonly traceId: string }[] };
    return traces.map(({ traceId }) => traceId);
  }

  const time = (micros: number): Fields => ({ seconds: Math.floor(micros / 1e6), nanos: (micros % 1e6) * 1000 });
  const window = { startTimeMin: time(from), startTimeMax: time(from + 3_600e6) };
  const httpWindow = `start=${from}&end=${from + 3_600e6}`;

  describe('over gRPC, as Kiali does', () => {
    test('are told the services, by which it finds out that all is well, and their operations', async () => {
      const health = await new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest('/grpc.health.v1.Health/Check', asIs, asIs, Buffer.alloc(0), (error, bytes) =>
          error === null ? resolve(bytes ?? Buffer.alloc(0)) : reject(error),
        );
      });
      expect(health).toEqual(Buffer.from([8, 1]));
      expect(await unary('GetServices', {})).toEqual({
        services: ['istio-ingressgateway.istio-system', 'reviews.default'],
      });
      const name = 'reviews.default.svc.cluster.local:9080/*';
      expect(await unary('GetOperations', { service: 'reviews.default' })).toEqual({
        operationNames: [name],
        operations: [{ name }],
      });
    });

    test('find the newest traces of a service, whole', async () => {
      const query = { serviceName: 'reviews.default', ...window, searchDepth: 3 };
      const spans = await streamed('FindTraces', { query });
      expect(spans.map(({ traceId, process }) => [traceId.toString('hex'), process.serviceName])).toEqual(
        [30, 29, 28].flatMap((n) => [
          [traceOf(n), 'istio-ingressgateway.istio-system'],
          [traceOf(n), 'reviews.default'],
        ]),
      );
    });

    test('find those that failed, and those of a duration', async () => {
      const traces = async (more: Fields) =>
        new Set(
          (
            await streamed('FindTraces', {
              query: { serviceName: 'reviews.default', ...window, searchDepth: 100, ...more },
            })
          ).map(({ traceId }) => Number.parseInt(traceId.toString('hex').slice(16), 16)),
        );
      expect(await traces({ tags: { error: 'true' } })).toEqual(new Set([30, 20, 10]));
      const durations = { durationMin: time(5_000), durationMax: time(7_000) };
      expect(await traces(durations)).toEqual(new Set([7, 6, 5]));
      expect(await traces({ startTimeMax: time(from + 2_500_000) })).toEqual(new Set([2, 1]));
    });

    test('get one trace by its 16 bytes, and NOT_FOUND for another', async () => {
      const spans = await streamed('GetTrace', { traceId: Buffer.from(traceOf(7), 'hex').toString('base64') });
      expect(spans.map(({ spanId }) => spanId.toString('hex'))).toEqual(['000000000000000a', '000000000000000b']);
      const missing = streamed('GetTrace', { traceId: Buffer.from(traceOf(99), 'hex').toString('base64') });
      await expect(missing).rejects.toMatchObject({ code: 5, details: 'trace not found' });
      await expect(streamed('GetTrace', {})).rejects.toMatchObject({ code: 3 });
    });

    test('archive a trace, which is then pinned', async () => {
      const traceId = (n: number): Fields => ({ traceId: Buffer.from(traceOf(n), 'hex').toString('base64') });
      expect(await unary('ArchiveTrace', traceId(3))).toEqual({});
      await expect(unary('ArchiveTrace', traceId(99))).rejects.toMatchObject({ code: 5, details: 'trace not found' });
      expect(await pinned()).toContain(traceOf(3));
    });

    test('are told who calls whom', async () => {
      const range = { startTime: time(from), endTime: time(from + 3_600e6) };
      expect(await unary('GetDependencies', range)).toEqual({
        dependencies: [{ parent: 'istio-ingressgateway.istio-system', child: 'reviews.default', callCount: 30 }],
      });
    });
  });

  test('that speak the wrong protocol to a port are told which one it speaks', async () => {
    const { listeners } = await daemon.status();
    const address = listeners.find(({ name }) => name === 'jaeger_grpc')?.address ?? '';
    const answer = await fetch(`http://${address}/jaeger/api/services`);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('This port speaks gRPC')]);
    const session = connect(daemon.url);
    // The session fails for it, too.
    session.on('error', () => undefined);
    const { promise, resolve } = Promise.withResolvers<{ readonly code: number; readonly said: string }>();
    session.once('goaway', (code, _, data) => resolve({ code, said: Buffer.from(data ?? []).toString() }));
    const { code, said } = await promise;
    session.destroy();
    expect(code).toBe(constants.NGHTTP2_HTTP_1_1_REQUIRED);
    expect(said).toMatch(/This port speaks HTTP\/1\.1\..*16685/);
  });

  describe('over HTTP, as Kiali, Grafana and its own page do', () => {
    test.each(['/api', '/jaeger/api'])('are told services and operations under %s', async (prefix) => {
      expect((await http(`${prefix}/services`)).envelope).toEqual({
        data: ['istio-ingressgateway.istio-system', 'reviews.default'],
        total: 2,
        limit: 0,
        offset: 0,
        errors: null,
      });
      const operations = ['reviews.default.svc.cluster.local:9080/*'];
      expect((await http(`${prefix}/services/reviews.default/operations`)).envelope.data).toEqual(operations);
      const asked = await http(`${prefix}/operations?service=reviews.default&spanKind=server`);
      expect(asked.envelope.data).toEqual([{ name: operations[0], spanKind: 'server' }]);
    });

    test('find traces by tags as JSON, durations with units, and a limit', async () => {
      const tags = encodeURIComponent('{"error":"true"}');
      const path = `/api/traces?service=reviews.default&${httpWindow}&tags=${tags}&minDuration=15000us&limit=20`;
      const { envelope } = await http<UiTrace[]>(path);
      expect(envelope.data.map(({ traceID }) => traceID)).toEqual([traceOf(30), traceOf(20)]);
      const [trace] = envelope.data;
      expect(trace?.spans.map(({ processID }) => trace.processes[processID]?.serviceName)).toEqual([
        'istio-ingressgateway.istio-system',
        'reviews.default',
      ]);
      const most = await http<UiTrace[]>(
        `/api/traces?service=reviews.default&${httpWindow}&maxDuration=2ms&tag=error:no`,
      );
      expect(most.envelope.data).toEqual([]);
    });

    test.each(['/api', '/jaeger/api'])('archive a trace under %s, which is then pinned', async (prefix) => {
      const post = async (id: string): Promise<unknown> => {
        const answer = await fetch(`${daemon.url}${prefix}/archive/${id}`, { method: 'POST' });
        return [answer.status, (await answer.json()) as Envelope<unknown>];
      };
      const n = prefix === '/api' ? 4 : 5;
      expect(await post(traceOf(n))).toEqual([200, { data: [], total: 0, limit: 0, offset: 0, errors: null }]);
      expect(await post('77')).toMatchObject([404, { errors: [{ code: 404, msg: 'trace not found' }] }]);
      expect(await pinned()).toContain(traceOf(n));
    });

    test('get one trace by its id in any spelling, and 404 for another', async () => {
      const dashed = `${traceOf(7).slice(0, 8)}-${traceOf(7).slice(8).toUpperCase()}`;
      for (const id of [traceOf(7), traceOf(7).toUpperCase(), dashed]) {
        const { status, envelope } = await http<UiTrace[]>(`/api/traces/${id}`);
        expect([status, envelope.data.map(({ spans }) => spans.length)]).toEqual([200, [2]]);
      }
      expect(await http('/jaeger/api/traces/1234')).toEqual({
        status: 404,
        envelope: { data: null, total: 0, limit: 0, offset: 0, errors: [{ code: 404, msg: 'trace not found' }] },
      });
      const both = await http<UiTrace[]>(`/api/traces?traceID=${traceOf(7)}&traceID=77`);
      expect([both.envelope.data.length, both.envelope.errors]).toEqual([
        1,
        [{ code: 404, msg: 'trace not found', traceID: '77' }],
      ]);
    });

    test('are told who calls whom', async () => {
      const { envelope } = await http(`/api/dependencies?endTs=${from / 1000 + 3_600_000}&lookback=3600000`);
      expect(envelope.data).toEqual([
        { parent: 'istio-ingressgateway.istio-system', child: 'reviews.default', callCount: 30 },
      ]);
    });

    test.each([
      ['/api/traces?limit=5', "parameter 'service' is required"],
      ['/api/traces?service=a&limit=x', "unable to parse param 'limit'"],
      ['/api/traces?service=a&start=yesterday', "unable to parse param 'start'"],
      ['/api/traces?service=a&minDuration=fast', "unable to parse param 'minDuration'"],
      ['/api/traces?service=a&minDuration=2s&maxDuration=1s', "'maxDuration' should be greater"],
      ['/api/traces?service=a&tag=novalue', "malformed 'tag' parameter"],
      ['/api/traces?service=a&tags=[', "malformed 'tags' parameter"],
      ['/api/traces?service=a&tags={"a":1}', 'is not a string'],
      ['/api/traces/xyz', 'is not a trace id'],
      ['/api/operations', "parameter 'service' is required"],
      ['/api/dependencies?endTs=x', "unable to parse param 'endTs'"],
    ])('are told what is wrong with %s', async (path, message) => {
      const { status, envelope } = await http(path);
      expect([status, envelope.data, envelope.errors]).toEqual([
        400,
        null,
        [{ code: 400, msg: expect.stringContaining(message) }],
      ]);
    });
  });

  describe('over HTTP v3, as its newer page and Grafana do', () => {
    const v3 = async (path: string) => {
      const answer = await fetch(`${daemon.url}${path}`);
      return { status: answer.status, body: await answer.json() };
    };
    const iso = (micros: number): string => new Date(micros / 1000).toISOString();

    test('are told services and operations', async () => {
      expect((await v3('/api/v3/services')).body).toEqual({
        services: ['istio-ingressgateway.istio-system', 'reviews.default'],
      });
      expect((await v3('/jaeger/api/v3/operations?service=reviews.default')).body).toEqual({
        operations: [{ name: 'reviews.default.svc.cluster.local:9080/*', spanKind: '' }],
      });
    });

    test.each([
      {
        service: 'serviceName',
        min: 'startTimeMin',
        max: 'startTimeMax',
        duration: 'durationMin',
        depth: 'searchDepth',
      },
      {
        service: 'service_name',
        min: 'start_time_min',
        max: 'start_time_max',
        duration: 'duration_min',
        depth: 'search_depth',
      },
    ])('find traces as OTLP, by $service', async ({ service, min, max, duration, depth }) => {
      const query = new URLSearchParams({
        [`query.${service}`]: 'reviews.default',
        [`query.${min}`]: iso(from),
        [`query.${max}`]: iso(from + 3_600e6),
        [`query.${duration}`]: '15ms',
        [`query.${depth}`]: '2',
        'query.attributes': '{"error":"true"}',
      });
      const { body } = await v3(`/api/v3/traces?${query}`);
      const { resourceSpans } = (body as { result: { resourceSpans: { scopeSpans: { spans: object[] }[] }[] } }).result;
      const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
      expect(spans.map((span) => (span as { traceId: string }).traceId)).toEqual([
        traceOf(30),
        traceOf(30),
        traceOf(20),
        traceOf(20),
      ]);
    });

    test('find traces in a few numbers each', async () => {
      const query = new URLSearchParams({
        'query.serviceName': 'reviews.default',
        'query.startTimeMin': iso(from),
        'query.startTimeMax': iso(from + 3_600e6),
        'query.searchDepth': '1',
        'query.attributes': '{"error":"true"}',
      });
      const start = from + 30 * 1_000_000;
      expect(await v3(`/api/v3/trace-summaries?${query}`)).toEqual({
        status: 200,
        body: {
          summaries: [
            {
              traceId: traceOf(30),
              rootServiceName: 'istio-ingressgateway.istio-system',
              rootOperationName: 'reviews.default.svc.cluster.local:9080/*',
              minStartTimeUnixNano: `${start}000`,
              maxEndTimeUnixNano: `${start + 30_500}000`,
              spanCount: 2,
              errorSpanCount: 1,
              orphanSpanCount: 0,
              services: [
                { name: 'istio-ingressgateway.istio-system', spanCount: 1, errorSpanCount: 0 },
                { name: 'reviews.default', spanCount: 1, errorSpanCount: 1 },
              ],
            },
          ],
        },
      });
      query.set('query.serviceName', 'nobody');
      expect(await v3(`/jaeger/api/v3/trace-summaries?${query}`)).toEqual({ status: 200, body: { summaries: [] } });
      expect((await v3('/api/v3/trace-summaries')).status).toBe(400);
    });

    test('get one trace by its id', async () => {
      const { status, body } = await v3(`/api/v3/traces/${traceOf(7)}?start_time=x`);
      expect([status, body]).toMatchObject([
        200,
        {
          result: {
            resourceSpans: [
              { resource: { attributes: [{ key: 'service.name' }] } },
              { scopeSpans: [{ spans: [{ spanId: '000000000000000b', parentSpanId: '000000000000000a', kind: 2 }] }] },
            ],
          },
        },
      ]);
    });

    test.each([
      ['/api/v3/traces/77', 404, 'No traces found'],
      ['/api/v3/traces/xyz', 400, 'is not a trace id'],
      ['/api/v3/operations', 400, 'malformed parameter service: it is missing'],
      ['/api/v3/traces?query.serviceName=a', 400, 'malformed parameter query.startTimeMin: it is missing'],
      ['/api/v3/traces?query.startTimeMin=yesterday', 400, 'is not a time of RFC 3339'],
      [`/api/v3/traces?query.startTimeMin=${iso(from)}&query.startTimeMax=${iso(from)}`, 400, 'is not before'],
      [`/api/v3/traces?query.startTimeMin=${iso(from)}&query.startTimeMax=2030-01-01T00:00:00+02:00`, 404, 'No traces'],
    ])('are told what is wrong with %s', async (path, status, message) => {
      const answer = await v3(path.includes('+02:00') ? `${path}&query.serviceName=nobody` : path);
      const error = { httpCode: status, message: expect.stringContaining(message) };
      expect(answer).toEqual({ status, body: { error } });
    });
  });

  test('see real spans of Envoy with their tags as texts and their names as they were sent', async () => {
    const folder = join(samples, 'envoy', 'zipkin-v2-json');
    const [name = ''] = readdirSync(folder).filter((one) => one.endsWith('.body'));
    const body = readFileSync(join(folder, name));
    const sent: readonly { traceId: string; id: string; name: string; tags: Record<string, string> }[] = JSON.parse(
      body.toString(),
    );
    expect((await fetch(`${daemon.url}/api/v2/spans`, { method: 'POST', body })).status).toBe(202);
    const traceId = sent[0]?.traceId ?? '';
    const found = await until(
      async () => {
        const { status, envelope } = await http<(UiTrace & { spans: { tags: { key: string; value: unknown }[] }[] })[]>(
          `/api/traces/${traceId}`,
        );
        return status === 200 ? envelope.data[0] : undefined;
      },
      { withinMs: 60_000, what: 'the trace' },
    );
    for (const span of sent.filter((one) => one.traceId === traceId)) {
      const seen = found.spans.find(({ spanID }) => spanID === span.id) as
        | { operationName: string; tags: { key: string; value: unknown }[] }
        | undefined;
      expect(seen?.operationName).toBe(span.name);
      const { error: _, ...texts } = span.tags;
      expect(Object.fromEntries(seen?.tags.map(({ key, value }) => [key, value]) ?? [])).toMatchObject(texts);
    }
  });

  test('find what came in over OTLP by gRPC', async () => {
    const id = (field: number, hex: string): Buffer =>
      Buffer.concat([Buffer.from([(field << 3) | 2, hex.length / 2]), Buffer.from(hex, 'hex')]);
    const block = (field: number, ...parts: Buffer[]): Buffer => {
      const inner = Buffer.concat(parts);
      return Buffer.concat([Buffer.from([(field << 3) | 2, inner.length]), inner]);
    };
    const text = (field: number, value: string): Buffer => block(field, Buffer.from(value));
    const start = Buffer.alloc(9);
    start.writeUInt8((7 << 3) | 1);
    start.writeBigUInt64LE(BigInt(from) * 1000n, 1);
    const attribute = block(1, text(1, 'service.name'), block(2, text(1, 'waypoint')));
    const span = block(2, id(1, traceOf(500)), id(2, '00000000000000cc'), text(5, 'GET /otlp'), start);
    const request = block(1, block(1, attribute), block(2, span));
    const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
    const code = await new Promise<number>((resolve) => {
      otlp.makeUnaryRequest(path, asIs, asIs, request, (error: ServiceError | null) => resolve(error?.code ?? 0));
    });
    expect(code).toBe(0);
    const found = await until(
      async () => {
        const { status, envelope } = await http<UiTrace[]>(`/api/traces/${traceOf(500)}`);
        return status === 200 ? envelope.data[0] : undefined;
      },
      { withinMs: 60_000, what: 'the trace' },
    );
    expect([found.spans[0]?.operationName, found.processes['p1']?.serviceName]).toEqual(['GET /otlp', 'waypoint']);
  });
});
