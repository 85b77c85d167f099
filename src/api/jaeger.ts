import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import type { Answer, Question, StoreReader } from '../contract/store.ts';
import { jaegerTraceId, searchOf, traceQueryOf } from './jaeger-parameters.ts';

export interface JaegerDeps {
  readonly store: StoreReader;
  /** ms since 1970 */
  readonly now: () => number;
}

interface Fault {
  readonly code: number;
  readonly msg: string;
  readonly traceID?: string;
}

/** `data` is JSON. */
interface Found {
  readonly data: Uint8Array | string;
  readonly total: number;
  readonly errors?: readonly Fault[];
}

const dayMs = 86_400_000;

/**
 * The JSON API of Jaeger's query service up to v2.20, which Kiali (with `use_grpc: false`), Grafana's Jaeger data source and
 * Jaeger's own page call; under `/api` and again under `/jaeger/api` (spec/tracing.md §3.2). Errors come in its envelope.
 */
export function jaegerRoutes({ store, now }: JaegerDeps): HttpRoute[] {
  const ask = (request: HttpRequest, question: Question): Promise<Answer> => store.ask(question, request.signal);
  const names = async (request: HttpRequest, question: Question): Promise<Found> => {
    const { body, count } = await ask(request, question);
    return { data: body, total: count };
  };
  const operations = async (request: HttpRequest, service: string): Promise<readonly string[]> => {
    const { body } = await ask(request, { kind: 'zipkin.spans', serviceName: service.toLowerCase() });
    return JSON.parse(Buffer.from(body).toString());
  };
  const handlers: Readonly<Record<string, (request: HttpRequest) => Promise<Found>>> = {
    services: (request) => names(request, { kind: 'zipkin.services' }),
    'services/:service/operations': async (request) => {
      const found = await operations(request, request.params['service'] ?? '');
      return { data: JSON.stringify(found), total: found.length };
    },
    operations: async (request) => {
      const service = request.query.get('service') ?? '';
      if (service === '') {
        throw new BridgeError('BRIDGE_DECODE', "parameter 'service' is required");
      }
      // Names are not kept by kind.
      const spanKind = request.query.get('spanKind') ?? '';
      const found = (await operations(request, service)).map((name) => ({ name, spanKind }));
      return { data: JSON.stringify(found), total: found.length };
    },
    traces: async (request) => {
      const ids = request.query.getAll('traceID').map(jaegerTraceId);
      if (ids.length > 0) {
        return await byIds(ids, (traceId) => ask(request, { kind: 'jaeger.trace', traceId, encoding: 'ui' }));
      }
      const query = traceQueryOf(searchOf(request.query, now()));
      const { body } = await ask(request, { kind: 'jaeger.traces', query, encoding: 'ui' });
      return { data: body, total: 0 };
    },
    'traces/:id': async (request) => {
      const traceId = jaegerTraceId(request.params['id'] ?? '');
      const { body, count } = await ask(request, { kind: 'jaeger.trace', traceId, encoding: 'ui' });
      if (count === 0) {
        throw new BridgeError('BRIDGE_NOT_FOUND', 'trace not found');
      }
      return { data: body, total: 0 };
    },
    dependencies: async (request) => {
      const endTsMs = timeAt(request.query, 'endTs', now());
      const lookbackMs = timeAt(request.query, 'lookback', dayMs);
      const { body } = await ask(request, { kind: 'zipkin.dependencies', endTsMs, lookbackMs });
      return dependenciesOf(body, request.query.get('service') ?? '');
    },
  };
  // What Jaeger archives is what is pinned here.
  const archive = async (request: HttpRequest): Promise<Found> => {
    const traceId = jaegerTraceId(request.params['id'] ?? '');
    if ((await ask(request, { kind: 'traces.pin', traceId })).count === 0) {
      throw new BridgeError('BRIDGE_NOT_FOUND', 'trace not found');
    }
    return { data: '[]', total: 0 };
  };
  return [
    ...Object.entries(handlers).flatMap(([name, handle]) => routesOf('GET', name, handle)),
    ...routesOf('POST', 'archive/:id', archive),
  ];
}

function routesOf(method: 'GET' | 'POST', name: string, handle: (request: HttpRequest) => Promise<Found>): HttpRoute[] {
  return ['/api/', '/jaeger/api/'].map((prefix) => ({
    method,
    path: prefix + name,
    listeners: ['main'],
    access: 'reader',
    handle: (request) => enveloped(() => handle(request)),
  }));
}

async function byIds(ids: readonly string[], read: (id: string) => Promise<Answer>): Promise<Found> {
  const found: string[] = [];
  const errors: Fault[] = [];
  for (const traceID of ids) {
    const { body, count } = await read(traceID);
    if (count === 0) {
      errors.push({ code: 404, msg: 'trace not found', traceID });
    } else {
      found.push(Buffer.from(body).toString().slice(1, -1));
    }
  }
  return { data: `[${found.join(',')}]`, total: 0, ...(errors.length > 0 && { errors }) };
}

function dependenciesOf(body: Uint8Array, service: string): Found {
  const all: readonly { parent: string; child: string; callCount: number }[] = JSON.parse(Buffer.from(body).toString());
  const links = all
    .filter(({ parent, child }) => service === '' || parent === service || child === service)
    .map(({ parent, child, callCount }) => ({ parent, child, callCount }));
  return { data: JSON.stringify(links), total: 0 };
}

function timeAt(query: URLSearchParams, name: string, fallbackMs: number): number {
  const value = query.get(name) ?? '';
  if (value === '') {
    return fallbackMs;
  }
  if (!/^\d{1,15}$/.test(value) || Number(value) === 0) {
    throw new BridgeError('BRIDGE_DECODE', `unable to parse param '${name}': ${JSON.stringify(value)} is not ms`);
  }
  return Number(value);
}

async function enveloped(handle: () => Promise<Found>): Promise<HttpResponse> {
  try {
    const { data, total, errors } = await handle();
    const end = `,"total":${total},"limit":0,"offset":0,"errors":${JSON.stringify(errors ?? null)}}`;
    return response(200, Buffer.concat([Buffer.from('{"data":'), Buffer.from(data), Buffer.from(end)]));
  } catch (error) {
    const code = error instanceof BridgeError ? statusOf[error.code] : undefined;
    if (code === undefined || !(error instanceof BridgeError)) {
      throw error;
    }
    const errors: readonly Fault[] = [{ code, msg: error.message }];
    return response(code, JSON.stringify({ data: null, total: 0, limit: 0, offset: 0, errors }));
  }
}

/** Others are answered as everywhere. */
const statusOf: Readonly<Partial<Record<BridgeError['code'], number>>> = {
  BRIDGE_DECODE: 400,
  BRIDGE_NOT_FOUND: 404,
  BRIDGE_TOO_LARGE: 413,
};

function response(status: number, body: string | Uint8Array): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body };
}
