import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import type { JaegerDeps } from './jaeger.ts';
import { durationMicros, type JaegerSearch, jaegerTraceId, parsedTags, traceQueryOf } from './jaeger-parameters.ts';

type Handle = (request: HttpRequest) => Promise<HttpResponse>;

const defaultDepth = 100;

/** Each parameter under its name of today and the one of before, which Grafana still sends. */
const names = {
  service: ['query.serviceName', 'query.service_name'],
  operation: ['query.operationName', 'query.operation_name'],
  startMin: ['query.startTimeMin', 'query.start_time_min'],
  startMax: ['query.startTimeMax', 'query.start_time_max'],
  durationMin: ['query.durationMin', 'query.duration_min'],
  durationMax: ['query.durationMax', 'query.duration_max'],
  depth: ['query.searchDepth', 'query.search_depth', 'query.num_traces'],
  attributes: ['query.attributes'],
} as const;

/** Jaeger's HTTP API v3, whose traces are OTLP's JSON (spec/tracing.md §3.3); under `/api/v3` and `/jaeger/api/v3`. */
export function jaegerV3Routes({ store }: Pick<JaegerDeps, 'store'>): HttpRoute[] {
  const handlers: Readonly<Record<string, Handle>> = {
    services: async ({ signal }) => {
      const { body } = await store.ask({ kind: 'zipkin.services' }, signal);
      return json(200, `{"services":${Buffer.from(body)}}`);
    },
    operations: async ({ query, signal }) => {
      const serviceName = query.get('service') ?? '';
      if (serviceName === '') {
        throw malformed('service', 'it is missing');
      }
      const { body } = await store.ask({ kind: 'zipkin.spans', serviceName: serviceName.toLowerCase() }, signal);
      const found: readonly string[] = JSON.parse(Buffer.from(body).toString());
      const spanKind = query.get('spanKind') ?? query.get('span_kind') ?? '';
      return json(200, JSON.stringify({ operations: found.map((name) => ({ name, spanKind })) }));
    },
    traces: async ({ query, signal }) => {
      const search = traceQueryOf(searchOf(query));
      const { body, count } = await store.ask({ kind: 'jaeger.traces', query: search, encoding: 'otlp' }, signal);
      return found(body, count);
    },
    'trace-summaries': async ({ query, signal }) => {
      const search = traceQueryOf(searchOf(query));
      const { body } = await store.ask({ kind: 'jaeger.traces', query: search, encoding: 'summary' }, signal);
      return json(200, Buffer.concat([Buffer.from('{"summaries":'), body, Buffer.from('}')]));
    },
    'traces/:id': async ({ params, signal }) => {
      const traceId = jaegerTraceId(params['id'] ?? '');
      const { body, count } = await store.ask({ kind: 'jaeger.trace', traceId, encoding: 'otlp' }, signal);
      return found(body, count);
    },
  };
  return Object.entries(handlers).flatMap(([name, handle]) =>
    ['/api/v3/', '/jaeger/api/v3/'].map(
      (prefix): HttpRoute => ({
        method: 'GET',
        path: prefix + name,
        listeners: ['main'],
        access: 'reader',
        handle: (request) => withErrors(() => handle(request)),
      }),
    ),
  );
}

function found(resourceSpans: Uint8Array, count: number): HttpResponse {
  if (count === 0) {
    throw new BridgeError('BRIDGE_NOT_FOUND', 'No traces found');
  }
  return json(200, Buffer.concat([Buffer.from('{"result":{"resourceSpans":'), resourceSpans, Buffer.from('}}')]));
}

function searchOf(query: URLSearchParams): JaegerSearch {
  const startMs = timeAt(query, names.startMin);
  const endMs = timeAt(query, names.startMax);
  if (startMs >= endMs) {
    throw malformed(names.startMin[0], `it is not before ${names.startMax[0]}`);
  }
  const least = durationAt(query, names.durationMin);
  const most = durationAt(query, names.durationMax);
  const operation = first(query, names.operation) ?? '';
  const attributes = first(query, names.attributes);
  return {
    service: first(query, names.service) ?? '',
    ...(operation !== '' && { operation }),
    tags: attributes === undefined ? {} : parsedTags(names.attributes[0], attributes),
    startMs,
    endMs,
    ...(least !== undefined && { minDurationMicros: least }),
    ...(most !== undefined && { maxDurationMicros: most }),
    limit: depthAt(query),
  };
}

function first(query: URLSearchParams, spellings: readonly string[]): string | undefined {
  const name = spellings.find((one) => (query.get(one) ?? '') !== '');
  return name === undefined ? undefined : (query.get(name) ?? undefined);
}

/** RFC 3339. The `+` of a zone that was not escaped has come as a blank. */
function timeAt(query: URLSearchParams, spellings: readonly [string, ...string[]]): number {
  const value = first(query, spellings);
  if (value === undefined) {
    throw malformed(spellings[0], 'it is missing');
  }
  const ms = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value.replace(/ (?=\d\d:\d\d$)/, '+')) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw malformed(spellings[0], `${JSON.stringify(value)} is not a time of RFC 3339`);
  }
  return ms;
}

function durationAt(query: URLSearchParams, spellings: readonly [string, ...string[]]): number | undefined {
  const value = first(query, spellings);
  return value === undefined ? undefined : durationMicros(spellings[0], value);
}

function depthAt(query: URLSearchParams): number {
  const value = first(query, names.depth);
  if (value === undefined) {
    return defaultDepth;
  }
  if (!/^\d{1,9}$/.test(value) || Number(value) === 0) {
    throw malformed(names.depth[0], `${JSON.stringify(value)} is not a number above 0`);
  }
  return Number(value);
}

function malformed(name: string, why: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `malformed parameter ${name}: ${why}`);
}

const statusOf: Readonly<Partial<Record<BridgeError['code'], number>>> = {
  BRIDGE_DECODE: 400,
  BRIDGE_NOT_FOUND: 404,
  BRIDGE_TOO_LARGE: 413,
};

async function withErrors(handle: () => Promise<HttpResponse>): Promise<HttpResponse> {
  try {
    return await handle();
  } catch (error) {
    const httpCode = error instanceof BridgeError ? statusOf[error.code] : undefined;
    if (httpCode === undefined || !(error instanceof BridgeError)) {
      throw error;
    }
    return json(httpCode, JSON.stringify({ error: { httpCode, message: error.message } }));
  }
}

function json(status: number, body: string | Uint8Array): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body };
}
