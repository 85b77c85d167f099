import type { HttpRequest, HttpRoute } from '../contract/http.ts';
import type { Question, StoreReader } from '../contract/store.ts';
import {
  bucketMs,
  cursor,
  instantOf,
  lineId,
  lineLimit,
  logQuery,
  onlyKnown,
  rangeOf,
  wholeNumber,
} from './native-parameters.ts';

export interface LogsDeps {
  readonly store: StoreReader;
  /** ms since 1970 */
  readonly now: () => number;
}

const ofRange = ['start', 'end'];
const ofLines = [...ofRange, 'match', 'text', 'level', 'logql'];
/** Lines on each side of one, unless told otherwise. */
const defaultNeighbours = 20;
const maxNeighbours = 1_000;

type Ask = (request: HttpRequest) => Question;

/** `/api/native/logs/*`: lines, counts of lines and labels of streams (docs/api.md). Bad parameters are 400. */
export function logsRoutes({ store, now }: LogsDeps): HttpRoute[] {
  const route = (path: string, known: readonly string[], ask: Ask): HttpRoute => ({
    method: 'GET',
    path: `/api/native/logs/${path}`,
    listeners: ['main'],
    access: 'reader',
    handle: async (request) => {
      onlyKnown(request.query, known);
      const { contentType, body } = await store.ask(ask(request), request.signal);
      return { status: 200, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body };
    },
  });
  return [
    route('search', [...ofLines, 'limit', 'before'], ({ query }) => {
      const before = cursor(query, 'before');
      const search = { query: logQuery(query, rangeOf(query, now())), limit: lineLimit(query) };
      return { kind: 'logs.search', ...search, ...(before === undefined ? {} : { before }) };
    }),
    route('tail', [...ofLines, 'limit', 'after'], ({ query }) => {
      const after = cursor(query, 'after');
      const always = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER };
      const tail = { query: logQuery(query, always), limit: lineLimit(query) };
      return { kind: 'logs.tail', ...tail, ...(after === undefined ? {} : { after }) };
    }),
    route('counts', [...ofLines, 'step'], ({ query }) => {
      const range = rangeOf(query, now());
      return { kind: 'logs.counts', query: logQuery(query, range), stepMs: bucketMs(query, range) };
    }),
    route('context', ['id', 'time', 'before', 'after'], ({ query }) => ({
      kind: 'logs.context',
      id: lineId(query),
      timeMs: instantOf(query, 'time'),
      before: wholeNumber(query, 'before', maxNeighbours, 0) ?? defaultNeighbours,
      after: wholeNumber(query, 'after', maxNeighbours, 0) ?? defaultNeighbours,
    })),
    route('labels', ofRange, ({ query }) => ({ kind: 'logs.labels', range: rangeOf(query, now()) })),
    route('label/:name/values', ofRange, ({ query, params }) => ({
      kind: 'logs.labelValues',
      name: params['name'] ?? '',
      range: rangeOf(query, now()),
    })),
  ];
}
