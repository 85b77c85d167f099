import { microsOf } from './format.ts';
import { boundsOf, type TimeSpan, timeSpanOf, usualRange } from './time-span.ts';

export interface TraceSearch extends TimeSpan {
  readonly service: string;
  readonly span: string;
  /** Zipkin's words: `key=value and annotation`. */
  readonly query: string;
  /** As typed: `10ms`. */
  readonly min: string;
  readonly max: string;
  readonly errors: boolean;
  readonly limit: number;
  readonly order: 'newest' | 'longest';
}

export const anySearch: TraceSearch = {
  service: '',
  span: '',
  query: '',
  min: '',
  max: '',
  errors: false,
  range: usualRange,
  limit: 20,
  order: 'newest',
};

export const limits = [10, 20, 50, 100, 200] as const;

export function traceSearchOf(params: URLSearchParams): TraceSearch {
  const limit = Number(params.get('limit'));
  return {
    service: params.get('service') ?? '',
    span: params.get('span') ?? '',
    query: params.get('query') ?? '',
    min: params.get('min') ?? '',
    max: params.get('max') ?? '',
    errors: params.get('errors') === 'true',
    ...timeSpanOf(params),
    limit: limits.find((allowed) => allowed === limit) ?? anySearch.limit,
    order: params.get('order') === 'longest' ? 'longest' : 'newest',
  };
}

/** The question to Zipkin's API. A duration that can't be read is left out. */
export function tracesUrl(search: TraceSearch): string {
  const params = new URLSearchParams();
  const set = (name: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== '') {
      params.set(name, String(value));
    }
  };
  const { startMs, endMs } = boundsOf(search, 0);
  set('serviceName', search.service);
  set('spanName', search.span);
  set(
    'annotationQuery',
    [search.errors ? 'error' : '', search.query.trim()].filter((part) => part !== '').join(' and '),
  );
  set('minDuration', durationOf(search.min));
  set('maxDuration', durationOf(search.max));
  set('endTs', search.until);
  set('lookback', endMs - startMs);
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

function durationOf(written: string): number | undefined {
  const micros = microsOf(written) ?? 0;
  return micros > 1 ? micros : undefined;
}
