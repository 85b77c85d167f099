import { anyLines, type LogSearch, logSearchOf } from './log-search.ts';
import { anyMetric, type MetricSearch, metricSearchOf } from './metric-search.ts';
import { anyVisit, type RumSearch, rumSearchOf } from './rum-search.ts';
import { anyService, type ServiceSearch, serviceSearchOf } from './service-search.ts';
import { anyTarget, type TargetSearch, targetSearchOf } from './target-search.ts';
import { type TimeSpan, usualRange } from './time-span.ts';
import { anySearch, type TraceSearch, traceSearchOf } from './trace-search.ts';

export interface TraceRoute {
  readonly page: 'trace';
  readonly id: string;
  /** Key of the span that is open. */
  readonly span?: string;
  readonly view?: 'flame';
  /** What is highlighted. */
  readonly find?: string;
}

export type Route =
  | { readonly page: 'flow' }
  | { readonly page: 'metrics'; readonly search: MetricSearch }
  | { readonly page: 'traces'; readonly search: TraceSearch }
  | { readonly page: 'services'; readonly search: ServiceSearch }
  | TraceRoute
  | { readonly page: 'logs'; readonly search: LogSearch }
  | { readonly page: 'rum'; readonly search: RumSearch }
  | { readonly page: 'targets'; readonly search: TargetSearch }
  | { readonly page: 'setup' }
  | { readonly page: 'demo' };

export type Go = (route: Route, how?: 'push' | 'replace') => void;

/** Reads `#/`, `#/traces?service=…`, `#/services?…`, `#/trace/ID?span=…`, `#/metrics?…`, `#/logs?…`, `#/rum?…`, `#/targets?…`, `#/setup`, `#/demo`; anything else is the overview. */
export function routeOf(hash: string): Route {
  const [, path = '', query = ''] = /^#?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  const params = new URLSearchParams(query);
  const [, page, id] = path.split('/');
  switch (page) {
    case 'metrics':
      return { page, search: metricSearchOf(params) };
    case 'traces':
      return { page, search: traceSearchOf(params) };
    case 'services':
      return { page, search: serviceSearchOf(params) };
    case 'logs':
      return { page, search: logSearchOf(params) };
    case 'rum':
      return { page, search: rumSearchOf(params) };
    case 'targets':
      return { page, search: targetSearchOf(params) };
    case 'setup':
    case 'demo':
      return { page };
    case 'trace':
      return id === undefined || id === '' ? { page: 'flow' } : traceRouteOf(id, params);
    default:
      return { page: 'flow' };
  }
}

/** The other way round. What is as always is left out. */
export function hashOf(route: Route): string {
  switch (route.page) {
    case 'flow':
      return '#/';
    case 'trace': {
      const { span = '', view = '', find = '' } = route;
      return withParams(`#/trace/${route.id}`, { span, view, find }, { span: '', view: '', find: '' });
    }
    case 'metrics':
      return withParams('#/metrics', route.search, anyMetric);
    case 'traces':
      return withParams('#/traces', route.search, anySearch);
    case 'services':
      return withParams('#/services', route.search, anyService);
    case 'logs':
      return withParams('#/logs', route.search, anyLines);
    case 'rum':
      return withParams('#/rum', route.search, anyVisit);
    case 'targets':
      return withParams('#/targets', route.search, anyTarget);
    case 'setup':
      return '#/setup';
    case 'demo':
      return '#/demo';
    default:
      return route satisfies never;
  }
}

/** Whether the view is of a time that somebody chooses. */
export function hasTime(route: Route): route is Route & { readonly search: TimeSpan } {
  return 'search' in route && route.page !== 'targets';
}

/** The time that somebody chose, to take along to another view; nothing where it is the usual one. */
export function chosenTime(route: Route): Partial<TimeSpan> {
  if (!hasTime(route)) {
    return {};
  }
  const { range, from, until } = route.search;
  return {
    ...(range === usualRange ? {} : { range }),
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  };
}

function traceRouteOf(id: string, params: URLSearchParams): TraceRoute {
  const span = params.get('span');
  const find = params.get('find');
  return {
    page: 'trace',
    id,
    ...(span === null ? {} : { span }),
    ...(params.get('view') === 'flame' ? { view: 'flame' } : {}),
    ...(find === null ? {} : { find }),
  };
}

function withParams(path: string, search: object, usual: object): string {
  const params = new URLSearchParams();
  const usually = new Map<string, unknown>(Object.entries(usual));
  for (const [key, value] of Object.entries(search)) {
    if (Array.isArray(value)) {
      for (const part of value) {
        params.append(key, String(part));
      }
    } else if (value !== usually.get(key) && value !== undefined) {
      params.set(key, String(value));
    }
  }
  return params.size === 0 ? path : `${path}?${params}`;
}
