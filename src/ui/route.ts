import { microsOf } from './format.ts';

/** How far back a search looks, as it stands in the URL. */
export const ranges = {
  '15m': 900_000,
  '1h': 3_600_000,
  '6h': 21_600_000,
  '1d': 86_400_000,
  '7d': 604_800_000,
} as const;
export type Range = keyof typeof ranges;

export interface TraceSearch {
  readonly service: string;
  readonly span: string;
  /** Zipkin's words: `key=value and annotation`. */
  readonly query: string;
  /** As typed: `10ms`. */
  readonly min: string;
  readonly errors: boolean;
  readonly range: Range;
  /** ms since 1970; undefined: now. */
  readonly until?: number;
  readonly limit: number;
  readonly order: 'newest' | 'longest';
}

export type Route =
  | { readonly page: 'flow' }
  | { readonly page: 'traces'; readonly search: TraceSearch }
  | { readonly page: 'trace'; readonly id: string; readonly span?: string };

export const anySearch: TraceSearch = {
  service: '',
  span: '',
  query: '',
  min: '',
  errors: false,
  range: '1h',
  limit: 20,
  order: 'newest',
};

export const limits = [10, 20, 50, 100, 200] as const;

/** Reads `#/`, `#/traces?service=…`, `#/trace/ID?span=…`; anything else is the flow. */
export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const params = new URLSearchParams(query);
  const [, page, id] = path.split('/');
  if (page === 'traces') {
    return { page, search: searchOf(params) };
  }
  if (page === 'trace' && id !== undefined && id !== '') {
    const span = params.get('span');
    return { page, id, ...(span === null ? {} : { span }) };
  }
  return { page: 'flow' };
}

/** The other way round. What is as always is left out. */
export function hashOf(route: Route): string {
  switch (route.page) {
    case 'flow':
      return '#/';
    case 'trace':
      return `#/trace/${route.id}${route.span === undefined ? '' : `?span=${encodeURIComponent(route.span)}`}`;
    case 'traces': {
      const params = new URLSearchParams();
      for (const [key, value] of Object.entries(route.search)) {
        if (value !== anySearch[key as keyof TraceSearch] && value !== undefined) {
          params.set(key, String(value));
        }
      }
      return params.size === 0 ? '#/traces' : `#/traces?${params}`;
    }
    default:
      return route satisfies never;
  }
}

/** The question to Zipkin's API. A minimum that can't be read is left out. */
export function tracesUrl(search: TraceSearch): string {
  const params = new URLSearchParams();
  const set = (name: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== '') {
      params.set(name, String(value));
    }
  };
  set('serviceName', search.service);
  set('spanName', search.span);
  set(
    'annotationQuery',
    [search.errors ? 'error' : '', search.query.trim()].filter((part) => part !== '').join(' and '),
  );
  set('minDuration', Math.max(1, microsOf(search.min) ?? 0) > 1 ? microsOf(search.min) : undefined);
  set('endTs', search.until);
  set('lookback', ranges[search.range]);
  set('limit', search.limit);
  return `/api/v2/traces?${params}`;
}

/** A trace id as somebody pasted it: spaces, dashes, quotes and capitals are forgiven. Undefined when it can't be one. */
export function traceIdIn(pasted: string): string | undefined {
  const id = pasted
    .trim()
    .replace(/^["']|["']$/g, '')
    .replaceAll('-', '')
    .toLowerCase();
  return /^[0-9a-f]{1,32}$/.test(id) ? id : undefined;
}

function searchOf(params: URLSearchParams): TraceSearch {
  const range = params.get('range') ?? '';
  const until = Number(params.get('until') ?? Number.NaN);
  const limit = Number(params.get('limit'));
  return {
    service: params.get('service') ?? '',
    span: params.get('span') ?? '',
    query: params.get('query') ?? '',
    min: params.get('min') ?? '',
    errors: params.get('errors') === 'true',
    range: range in ranges ? (range as Range) : anySearch.range,
    ...(Number.isFinite(until) && until > 0 ? { until } : {}),
    limit: limits.find((allowed) => allowed === limit) ?? anySearch.limit,
    order: params.get('order') === 'longest' ? 'longest' : 'newest',
  };
}
