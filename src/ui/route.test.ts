import { expect, test } from '@jest/globals';
import { anySearch, hashOf, type Route, routeOf, traceIdIn, tracesUrl } from './route.ts';

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
        errors: true,
        range: '7d',
        until: 1_795_253_153_900,
        limit: 100,
        order: 'longest',
      },
    },
    { page: 'trace', id: 'ab0af68c7d2dd6d98f44862fb0f57c00' },
    { page: 'trace', id: 'a1', span: 'b2' },
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
});

test('a search becomes a question to the API of Zipkin', () => {
  expect(tracesUrl(anySearch)).toBe('/api/v2/traces?lookback=3600000&limit=20');
  const url = tracesUrl({
    ...anySearch,
    service: 'a',
    errors: true,
    query: ' k=v ',
    min: '1.5ms',
    until: 5,
    range: '15m',
  });
  expect(Object.fromEntries(new URLSearchParams(url.split('?')[1]))).toEqual({
    serviceName: 'a',
    annotationQuery: 'error and k=v',
    minDuration: '1500',
    endTs: '5',
    lookback: '900000',
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
