import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import type { BridgeStatus } from '../contract/status.ts';
import type { StoreReader } from '../contract/store.ts';
import { onlyKnown, rangeOf } from './native-parameters.ts';
import { askDoctor, settledRange } from './traces/doctor.ts';
import type { SamplingRate } from './traces/measured-rate.ts';

export interface TracesDeps {
  readonly store: StoreReader;
  readonly status: () => BridgeStatus;
  readonly sampling: SamplingRate;
  /** ms since 1970 */
  readonly now: () => number;
}

/** `/api/native/traces/*` (docs/api.md): what is derived of spans. Bad parameters are 400. */
export function tracesRoutes(deps: TracesDeps): HttpRoute[] {
  const { store, status, sampling, now } = deps;
  const withRate = async (body: Uint8Array, signal: AbortSignal): Promise<HttpResponse> => {
    const derived: object = JSON.parse(Buffer.from(body).toString());
    return json({ ...derived, sampling: await sampling.told(signal) });
  };
  return [
    route('red', async ({ query, signal }) => {
      onlyKnown(query, ['start', 'end', 'service']);
      const service = query.get('service')?.toLowerCase();
      const range = rangeOf(query, now());
      const question = { kind: 'traces.red', range, ...(service && { service }) } as const;
      return withRate((await store.ask(question, signal)).body, signal);
    }),
    route('graph', async ({ query, signal }) => {
      onlyKnown(query, ['start', 'end']);
      const range = rangeOf(query, now());
      return withRate((await store.ask({ kind: 'traces.graph', range }, signal)).body, signal);
    }),
    route('doctor', async ({ query, signal }) => {
      onlyKnown(query, ['start', 'end']);
      const range = query.size === 0 ? settledRange(now()) : rangeOf(query, now());
      return json(await askDoctor({ store, status: status() }, range, signal));
    }),
    route('pins', async ({ query, signal }) => {
      onlyKnown(query, []);
      const { body } = await store.ask({ kind: 'traces.pins' }, signal);
      return json(JSON.parse(Buffer.from(body).toString()));
    }),
    pinRoute('POST', async (traceId, { signal }) => {
      const { body, count } = await store.ask({ kind: 'traces.pin', traceId }, signal);
      return count === 0 ? notFound(traceId) : json(JSON.parse(Buffer.from(body).toString()));
    }),
    pinRoute('DELETE', async (traceId, { signal }) => {
      const { count } = await store.ask({ kind: 'traces.unpin', traceId }, signal);
      return count === 0 ? notFound(traceId) : { status: 204 };
    }),
  ];
}

function route(name: string, handle: (request: HttpRequest) => Promise<HttpResponse>): HttpRoute {
  return { method: 'GET', path: `/api/native/traces/${name}`, listeners: ['main'], access: 'reader', handle };
}

function pinRoute(
  method: 'POST' | 'DELETE',
  handle: (traceId: string, request: HttpRequest) => Promise<HttpResponse>,
): HttpRoute {
  return {
    method,
    path: '/api/native/traces/:id/pin',
    listeners: ['main'],
    access: 'reader',
    handle: async (request) => handle(traceIdOf(request.params['id'] ?? ''), request),
  };
}

/** Short, in capitals or with dashes, as people have them. Throws BRIDGE_DECODE. */
function traceIdOf(given: string): string {
  const id = given.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{1,32}$/.test(id)) {
    throw new BridgeError('BRIDGE_DECODE', `${given} is not a trace id: 1 to 32 hex digits`);
  }
  return id;
}

function notFound(traceId: string): HttpResponse {
  return text(404, `${traceId} not found`);
}

function text(status: number, body: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${body}\n` };
}

function json(value: unknown): HttpResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
  };
}
