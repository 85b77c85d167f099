import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import type { Question } from '../contract/store.ts';
import type { JaegerDeps } from './jaeger.ts';
import { type JaegerSearch, traceQueryOf } from './jaeger-parameters.ts';

const service = '/jaeger.api_v2.QueryService/';
const dayMs = 86_400_000;
const defaultDepth = 100;

interface Time {
  readonly seconds: number;
  readonly nanos: number;
}

interface TraceQueryMessage {
  readonly serviceName: string;
  readonly operationName: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly startTimeMin: Time | null;
  readonly startTimeMax: Time | null;
  readonly durationMin: Time | null;
  readonly durationMax: Time | null;
  readonly searchDepth: number;
}

interface TraceIdMessage {
  readonly traceId: Uint8Array;
}

interface DependenciesMessage {
  readonly startTime: Time | null;
  readonly endTime: Time | null;
}

/**
 * jaeger.api_v2.QueryService, which Kiali dials by default (spec/tracing.md §3.4), and the health check that such clients
 * ask first.
 */
export function jaegerGrpcRoutes(deps: JaegerDeps): HttpRoute[] {
  const methods = { ...nameMethods(deps), ...traceMethods(deps), '/grpc.health.v1.Health/Check': serving };
  return Object.entries(methods).map(
    ([path, handle]): HttpRoute => ({
      method: 'POST',
      path,
      listeners: ['jaeger_grpc'],
      access: 'reader',
      maxBodyBytes: 1024 * 1024,
      handle,
    }),
  );
}

type Methods = Readonly<Record<string, (request: HttpRequest) => Promise<HttpResponse>>>;

/** Loaded when somebody calls. */
const messages = () => import('./jaeger-messages.ts');

/** grpc.health.v1, HealthCheckResponse. */
async function serving(): Promise<HttpResponse> {
  return { status: 200, body: Buffer.from([0x08, 1]) };
}

function nameMethods({ store, now }: JaegerDeps): Methods {
  const list = async <T>({ signal }: HttpRequest, question: Question): Promise<readonly T[]> =>
    JSON.parse(Buffer.from((await store.ask(question, signal)).body).toString());
  return {
    [`${service}GetServices`]: async (request) => {
      const { written } = await messages();
      return written('GetServicesResponse', { services: await list<string>(request, { kind: 'zipkin.services' }) });
    },
    [`${service}GetOperations`]: async (request) => {
      const { read, written } = await messages();
      const asked = read<{ readonly service: string }>('GetOperationsRequest', request.body);
      const serviceName = asked.service.toLowerCase();
      const operationNames = await list<string>(request, { kind: 'zipkin.spans', serviceName });
      const operations = operationNames.map((name) => ({ name }));
      return written('GetOperationsResponse', { operationNames, operations });
    },
    [`${service}GetDependencies`]: async (request) => {
      const { read, written } = await messages();
      const asked = read<DependenciesMessage>('GetDependenciesRequest', request.body);
      const endTsMs = msOf(asked.endTime) ?? now();
      const lookbackMs = Math.max(1, endTsMs - (msOf(asked.startTime) ?? endTsMs - dayMs));
      const dependencies = await list<object>(request, { kind: 'zipkin.dependencies', endTsMs, lookbackMs });
      return written('GetDependenciesResponse', { dependencies });
    },
  };
}

function traceMethods({ store, now }: JaegerDeps): Methods {
  return {
    [`${service}GetTrace`]: async ({ body, signal }) => {
      const { read } = await messages();
      const traceId = hexOf(read<TraceIdMessage>('GetTraceRequest', body));
      const answer = await store.ask({ kind: 'jaeger.trace', traceId, encoding: 'chunks' }, signal);
      if (answer.count === 0) {
        throw new BridgeError('BRIDGE_NOT_FOUND', 'trace not found');
      }
      return { status: 200, body: chunksOf(answer.body) };
    },
    [`${service}ArchiveTrace`]: async ({ body, signal }) => {
      const { read, written } = await messages();
      const traceId = hexOf(read<TraceIdMessage>('ArchiveTraceRequest', body));
      if ((await store.ask({ kind: 'traces.pin', traceId }, signal)).count === 0) {
        throw new BridgeError('BRIDGE_NOT_FOUND', 'trace not found');
      }
      return written('ArchiveTraceResponse', {});
    },
    [`${service}FindTraces`]: async ({ body, signal }) => {
      const { read } = await messages();
      const { query } = read<{ readonly query: TraceQueryMessage | null }>('FindTracesRequest', body);
      if (query === null) {
        throw new BridgeError('BRIDGE_DECODE', 'the request has no query');
      }
      const search = traceQueryOf(searchOf(query, now()));
      const answer = await store.ask({ kind: 'jaeger.traces', query: search, encoding: 'chunks' }, signal);
      return { status: 200, body: chunksOf(answer.body) };
    },
  };
}

function hexOf({ traceId }: TraceIdMessage): string {
  if (traceId.length === 0 || traceId.length > 16) {
    throw new BridgeError('BRIDGE_DECODE', `a trace id has 1 to 16 bytes, not ${traceId.length}`);
  }
  return Buffer.from(traceId).toString('hex');
}

/** Go's zero time, year 1, stands for none; as does the protobuf message with nothing in it. */
function msOf(time: Time | null): number | undefined {
  const ms = time === null ? 0 : time.seconds * 1000 + time.nanos / 1_000_000;
  return ms > 0 ? ms : undefined;
}

function searchOf(query: TraceQueryMessage, nowMs: number): JaegerSearch {
  const endMs = msOf(query.startTimeMax) ?? nowMs;
  const least = msOf(query.durationMin);
  const most = msOf(query.durationMax);
  return {
    service: query.serviceName,
    ...(query.operationName !== '' && { operation: query.operationName }),
    tags: query.tags,
    startMs: msOf(query.startTimeMin) ?? endMs - 2 * dayMs,
    endMs,
    ...(least !== undefined && { minDurationMicros: least * 1000 }),
    ...(most !== undefined && { maxDurationMicros: most * 1000 }),
    limit: query.searchDepth > 0 ? query.searchDepth : defaultDepth,
  };
}

async function* chunksOf(body: Uint8Array): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    yield bytes.subarray(at + 4, end);
    at = end;
  }
}
