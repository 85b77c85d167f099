import { expect, test } from '@jest/globals';
import { anyLines } from './log-search.ts';
import { anyMetric } from './metric-search.ts';
import { chosenTime, hashOf, type Route, routeOf } from './route.ts';
import { anyVisit } from './rum-search.ts';
import { anyTarget } from './target-search.ts';
import { anySearch, traceIdIn, tracesUrl } from './trace-search.ts';

test('every view has a URL that leads back to it', () => {
  const routes: Route[] = [
    { page: 'flow' },
    { page: 'traces', search: anySearch },
    {
      page: 'traces',
      search: {
        service: 'a b.c&d',
        span: 'get /x?y',
        query: 'http.method=GET and error',
        min: '10ms',
        max: '2s',
        errors: true,
        range: '7d',
        from: 1_795_253_000_000,
        until: 1_795_253_153_900,
        limit: 100,
        order: 'longest',
      },
    },
    { page: 'trace', id: 'ab0af68c7d2dd6d98f44862fb0f57c00' },
    { page: 'trace', id: 'a1', span: 'b2 SERVER a?b&c' },
    { page: 'trace', id: 'a1', view: 'flame', find: 'reviews' },
    { page: 'targets', search: anyTarget },
    {
      page: 'targets',
      search: { find: 'a b&c', state: 'down', by: 'rule', open: 'kubernetes prod/a http://h:1/m?x=y' },
    },
    { page: 'setup' },
    { page: 'rum', search: anyVisit },
    {
      page: 'rum',
      search: { match: ['app_id=shop', 'view=~/a.*'], table: 'errors', session: 'a b&c', range: '1h' },
    },
    { page: 'metrics', search: anyMetric },
    {
      page: 'metrics',
      search: {
        find: 'istio req',
        metric: 'istio_requests_total',
        match: ['namespace=prod', 'code=~5..|4..'],
        as: 'increase',
        sum: 'sum',
        by: ['app', 'code'],
        query: 'sum by (app) (rate(a{b="?&"}[5m]))',
        range: '6h',
      },
    },
    { page: 'logs', search: anyLines },
    {
      page: 'logs',
      search: { match: ['namespace=prod', 'pod!=a=b'], text: '"GET /x?y" 503', level: ['error', 'warn'], range: '5m' },
    },
  ];
  for (const route of routes) {
    expect(routeOf(hashOf(route))).toEqual(route);
  }
});

test('what is unknown in a URL becomes what is usual', () => {
  expect(routeOf('')).toEqual({ page: 'flow' });
  expect(routeOf('#/nowhere')).toEqual({ page: 'flow' });
  expect(routeOf('#/trace/')).toEqual({ page: 'flow' });
  expect(routeOf('#/traces?range=9y&limit=7&until=x&order=odd')).toEqual({ page: 'traces', search: anySearch });
  expect(routeOf('#/logs?match=nothing&level=loud&from=5')).toEqual({ page: 'logs', search: anyLines });
  expect(routeOf('#/metrics?as=art&sum=all&by=&match==1')).toEqual({ page: 'metrics', search: anyMetric });
});

test('the time that somebody chose goes along to another view, the usual one does not', () => {
  expect(chosenTime({ page: 'logs', search: anyLines })).toEqual({});
  expect(chosenTime({ page: 'trace', id: 'a1' })).toEqual({});
  expect(chosenTime({ page: 'traces', search: { ...anySearch, range: '6h', from: 1, until: 2 } })).toEqual({
    range: '6h',
    from: 1,
    until: 2,
  });
});

test('a search becomes a question to the API of Zipkin', () => {
  expect(tracesUrl(anySearch)).toBe('/api/v2/traces?lookback=900000&limit=20');
  const url = tracesUrl({
    ...anySearch,
    service: 'a',
    errors: true,
    query: ' k=v ',
    min: '1.5ms',
    until: 5,
    range: '1h',
    max: '2s',
  });
  expect(Object.fromEntries(new URLSearchParams(url.split('?')[1]))).toEqual({
    serviceName: 'a',
    annotationQuery: 'error and k=v',
    minDuration: '1500',
    endTs: '5',
    maxDuration: '2000000',
    lookback: '3600000',
    limit: '20',
  });
  expect(tracesUrl({ ...anySearch, min: 'soon' })).not.toContain('minDuration');
});

test('a pasted trace id is taken as people paste it', () => {
  expect(traceIdIn(' "AB0AF68C-7d2dd6d98f44862fb0f57c00" ')).toBe('ab0af68c7d2dd6d98f44862fb0f57c00');
  expect(traceIdIn('productpage')).toBeUndefined();
  expect(traceIdIn('')).toBeUndefined();
  expect(traceIdIn('0'.repeat(33))).toBeUndefined();
});
