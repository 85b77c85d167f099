import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import type { Answer, Question, StoreReader } from '../contract/store.ts';
import { mandatory, normalTraceId, traceIds, traceQuery, wholeNumber } from './zipkin-parameters.ts';

export interface ZipkinDeps {
  readonly store: StoreReader;
  /** ms since 1970 */
  readonly now: () => number;
}

/** Lists this long or shorter change often enough that nobody may keep them. */
const uncachedCount = 3;

type Ask = (request: HttpRequest) => Question;

/**
 * Zipkin's query API (zipkin2-api.yaml; what the reference server 3.6.1 does with it), under `/api/v2` and again under
 * `/zipkin/api/v2`. Bad parameters are 400 with one line of plain text.
 */
export function zipkinRoutes({ store, now }: ZipkinDeps): HttpRoute[] {
  const answer = async (request: HttpRequest, question: Question): Promise<Answer> =>
    store.ask(question, request.signal);
  const plain = (ask: Ask) => async (request: HttpRequest) => json(await answer(request, ask(request)));
  const names = (ask: Ask) => async (request: HttpRequest) => {
    const found = await answer(request, ask(request));
    return json(found, found.count > uncachedCount ? cached : {});
  };
  const handlers: Readonly<Record<string, (request: HttpRequest) => Promise<HttpResponse>>> = {
    services: names(() => ({ kind: 'zipkin.services' })),
    spans: names(({ query }) => ({ kind: 'zipkin.spans', serviceName: serviceName(query) })),
    remoteServices: names(({ query }) => ({
      kind: 'zipkin.remoteServices',
      serviceName: serviceName(query),
    })),
    traces: plain(({ query }) => ({ kind: 'zipkin.traces', query: traceQuery(query, now()) })),
    'trace/:id': async (request) => {
      const traceId = normalTraceId(request.params['id'] ?? '');
      const found = await answer(request, { kind: 'zipkin.trace', traceId });
      return found.count > 0 ? json(found) : text(404, `${traceId} not found`);
    },
    traceMany: plain(({ query }) => ({ kind: 'zipkin.traceMany', traceIds: traceIds(query.get('traceIds')) })),
    dependencies: plain(({ query }) => ({
      kind: 'zipkin.dependencies',
      endTsMs: wholeNumber('endTs', mandatory(query, 'endTs')),
      lookbackMs: wholeNumber('lookback', query.get('lookback') ?? '86400000'),
    })),
    autocompleteKeys: async (request) => json(await answer(request, { kind: 'zipkin.autocompleteKeys' }), cached),
    autocompleteValues: names(({ query }) => ({ kind: 'zipkin.autocompleteValues', key: autocompleteKey(query) })),
  };
  return Object.entries(handlers).flatMap(([name, handle]) =>
    ['/api/v2/', '/zipkin/api/v2/'].map(
      (prefix): HttpRoute => ({
        method: 'GET',
        path: prefix + name,
        listeners: ['main', 'zipkin'],
        access: 'reader',
        handle,
      }),
    ),
  );
}

const cached = { 'cache-control': 'max-age=300, must-revalidate' };

/** Services are known by their names in lower case. */
function serviceName(query: URLSearchParams): string {
  return mandatory(query, 'serviceName').toLowerCase();
}

function autocompleteKey(query: URLSearchParams): string {
  const key = mandatory(query, 'key');
  if (key === '') {
    throw new BridgeError('BRIDGE_DECODE', 'key was empty');
  }
  return key;
}

function json(answer: Answer, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status: 200, headers: { 'content-type': answer.contentType, ...headers }, body: answer.body };
}

function text(status: number, body: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${body}\n` };
}
