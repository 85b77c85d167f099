import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpRoute } from '../contract/http.ts';
import type { Question, StoreReader } from '../contract/store.ts';
import { bucketMs, cursor, onlyKnown, rangeOf, rowLimit, rumQuery } from './native-parameters.ts';

export interface RumDeps {
  readonly store: StoreReader;
  /** ms since 1970 */
  readonly now: () => number;
}

const ofRange = ['start', 'end'];
const ofPoints = [...ofRange, 'match'];
const usualRows = 100;
const usualEvents = 1_000;
/** A session ends after 4 hours at most, but a page may be left open over night. */
const sessionReachMs = 7 * 24 * 3_600_000;

type Ask = (request: HttpRequest) => Question;

/** `/api/native/rum/*`: what browsers measured (docs/api.md). Bad parameters are 400. */
export function rumRoutes({ store, now }: RumDeps): HttpRoute[] {
  const route = (path: string, known: readonly string[], ask: Ask): HttpRoute => ({
    method: 'GET',
    path: `/api/native/rum/${path}`,
    listeners: ['main'],
    access: 'reader',
    handle: async (request) => {
      onlyKnown(request.query, known);
      const question = ask(request);
      const { contentType, body, count } = await store.ask(question, request.signal);
      if (question.kind === 'rum.session' && count === 0) {
        throw new BridgeError('BRIDGE_NOT_FOUND', 'no point of this session is kept');
      }
      return { status: 200, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body };
    },
  });
  const table = (kind: 'rum.views' | 'rum.errors' | 'rum.resources' | 'rum.sessions'): HttpRoute =>
    route(kind.slice('rum.'.length), [...ofPoints, 'limit'], ({ query }) => {
      return { kind, query: rumQuery(query, rangeOf(query, now())), limit: rowLimit(query, usualRows) };
    });
  return [
    route('overview', [...ofPoints, 'step'], ({ query }) => {
      const range = rangeOf(query, now());
      return { kind: 'rum.overview', query: rumQuery(query, range), stepMs: bucketMs(query, range) };
    }),
    table('rum.views'),
    table('rum.errors'),
    table('rum.resources'),
    table('rum.sessions'),
    route('session/:id', [...ofRange, 'limit'], ({ query, params }) => {
      const endMs = now();
      const range = query.has('start') ? rangeOf(query, endMs) : { startMs: endMs - sessionReachMs, endMs };
      return { kind: 'rum.session', sessionId: params['id'] ?? '', range, limit: rowLimit(query, usualEvents) };
    }),
    route('points', [...ofPoints, 'limit', 'before'], ({ query }) => {
      const before = cursor(query, 'before');
      const search = { query: rumQuery(query, rangeOf(query, now())), limit: rowLimit(query, usualRows) };
      return { kind: 'rum.points', ...search, ...(before === undefined ? {} : { before }) };
    }),
    route('values/:name', [...ofPoints, 'limit'], ({ query, params }) => ({
      kind: 'rum.values',
      name: params['name'] ?? '',
      query: rumQuery(query, rangeOf(query, now())),
      limit: rowLimit(query, usualRows),
    })),
  ];
}
