import { describe, expect, test } from '@jest/globals';
import type { HttpRoute, VirtualService } from '../state/istio-rules.ts';
import { usualState } from '../switches/usual-state.ts';
import { routeConfiguration } from './routes.ts';
import { Topology } from './topology.ts';

interface Route {
  readonly match: object;
  readonly decorator: { readonly operation: string };
  readonly route: Readonly<Record<string, unknown>>;
  readonly typed_per_filter_config?: Readonly<Record<string, object>>;
}

interface Configuration {
  readonly name: string;
  readonly virtual_hosts: readonly {
    readonly name: string;
    readonly domains: readonly string[];
    readonly routes: readonly Route[];
  }[];
}

const topology = new Topology('prod');
const usual = { match: [], route: [{ host: 'reviews', subset: 'v1', weight: 0 }] };

function reviews(http: readonly HttpRoute[], more: Partial<VirtualService> = {}): VirtualService {
  return { name: 'reviews', namespace: 'prod', hosts: ['reviews'], gateways: [], http, ...more };
}

function configurationOf(workload: string, virtualServices: readonly VirtualService[]): Configuration {
  const plan = { topology, workload: topology.workload(workload), virtualServices, headers: [] };
  return routeConfiguration(plan) as Configuration;
}

function routesTo(name: string, ...virtualServices: readonly VirtualService[]): readonly Route[] {
  const { virtual_hosts } = configurationOf('productpage-v1', virtualServices);
  return virtual_hosts.find((host) => host.name === name)?.routes ?? [];
}

const toReviews = (...http: readonly HttpRoute[]) => routesTo('reviews.prod.svc.cluster.local:9080', reviews(http));

describe('without a rule', () => {
  test('a service has one route to all its pods, with Istio’s retries and no time limit', () => {
    const [route, ...more] = routesTo('reviews.prod.svc.cluster.local:9080');
    expect(more).toEqual([]);
    expect(route).toMatchObject({
      match: { prefix: '/' },
      decorator: { operation: 'reviews.prod.svc.cluster.local:9080/*' },
      route: { cluster: 'outbound|9080||reviews.prod.svc.cluster.local', timeout: '0s' },
    });
    expect(route?.route['retry_policy']).toMatchObject({ num_retries: 2, retriable_status_codes: [503] });
  });

  test('a sidecar has a host for each port that its workload calls, by all names of the service, and none for TCP', () => {
    const { name, virtual_hosts } = configurationOf('productpage-v1', []);
    expect(name).toBe('9080');
    expect(virtual_hosts.map((host) => host.name)).toEqual([
      'details.prod.svc.cluster.local:9080',
      'reviews.prod.svc.cluster.local:9080',
      'ratings.prod.svc.cluster.local:9080',
      'details.prod.svc.cluster.local:9091',
    ]);
    expect(virtual_hosts[1]?.domains).toEqual(
      ['reviews', 'reviews.prod', 'reviews.prod.svc', 'reviews.prod.svc.cluster.local'].flatMap((host) => [
        host,
        `${host}:9080`,
      ]),
    );
    expect(virtual_hosts[3]?.domains).toContain('details:9091');
    expect(virtual_hosts[3]?.domains).not.toContain('details');
    expect(configurationOf('ratings-v2', []).virtual_hosts).toEqual([]);
  });

  test('the gateway lets nothing in', () => {
    expect(configurationOf('istio-ingressgateway', [])).toMatchObject({ name: 'http.8080', virtual_hosts: [] });
  });
});

describe('a rule', () => {
  test('is of the port that was called, unless it names one', () => {
    const details = { name: 'details', namespace: 'prod', hosts: ['details'], gateways: [] };
    const to = (port?: number) => ({
      ...details,
      http: [{ match: [], route: [{ host: 'details', subset: 'v1', weight: 0, ...(port && { port }) }] }],
    });
    const host = 'details.prod.svc.cluster.local:9091';
    expect(routesTo(host, to())[0]?.route['cluster']).toBe('outbound|9091|v1|details.prod.svc.cluster.local');
    expect(routesTo(host, to(9080))[0]?.route['cluster']).toBe('outbound|9080|v1|details.prod.svc.cluster.local');
  });

  test.each([
    { gateways: ['bookinfo-gateway'], isTaken: false },
    { gateways: ['bookinfo-gateway', 'mesh'], isTaken: true },
    { gateways: ['mesh'], isTaken: true },
    { namespace: 'other', isTaken: false },
    { hosts: ['reviews.prod.svc.cluster.local'], namespace: 'other', isTaken: true },
    { hosts: ['ratings'], isTaken: false },
  ])('is a sidecar’s or not: %j', ({ isTaken, ...more }) => {
    const [route] = routesTo('reviews.prod.svc.cluster.local:9080', reviews([usual], more));
    const cluster = String(route?.route['cluster']);
    expect(cluster.startsWith('outbound|9080|v1|')).toBe(isTaken);
  });

  test('with several destinations has their weights, and its own name in spans', () => {
    const shares = (v1: number, v3: number) =>
      toReviews({
        match: [],
        route: [
          { host: 'reviews', subset: 'v1', weight: v1 },
          { host: 'reviews.prod.svc.cluster.local', subset: 'v3', weight: v3 },
        ],
      })[0];
    const clusters = (v1: number, v3: number) => ({
      weighted_clusters: {
        clusters: [
          { name: 'outbound|9080|v1|reviews.prod.svc.cluster.local', weight: v1 },
          { name: 'outbound|9080|v3|reviews.prod.svc.cluster.local', weight: v3 },
        ],
      },
    });
    expect(shares(80, 20)).toMatchObject({ decorator: { operation: 'reviews:9080/*' }, route: clusters(80, 20) });
    // Without weights, all the same.
    expect(shares(0, 0)?.route).toMatchObject(clusters(1, 1));
    // A destination without weight beside one with has nothing.
    expect(shares(1, 0)?.route).toMatchObject(clusters(1, 0));
  });

  test('becomes one route for each of its matches, in their order', () => {
    const routes = toReviews(
      {
        ...usual,
        match: [
          { uri: { exact: '/reviews/0' }, headers: { 'end-user': { exact: 'jason' } } },
          { uri: { prefix: '/reviews' }, headers: { cookie: { regex: '^(.*;)?user=x' } } },
          { uri: { regex: '/r.*' }, headers: { 'x-a': { prefix: 'b' } } },
        ],
      },
      usual,
    );
    expect(routes.map(({ match }) => match)).toEqual([
      { path: '/reviews/0', headers: [{ name: 'end-user', string_match: { exact: 'jason' } }] },
      {
        prefix: '/reviews',
        headers: [{ name: 'cookie', string_match: { safe_regex: { regex: '^(.*;)?user=x' } } }],
      },
      { safe_regex: { regex: '/r.*' }, headers: [{ name: 'x-a', string_match: { prefix: 'b' } }] },
      { prefix: '/' },
    ]);
    const host = 'reviews.prod.svc.cluster.local:9080';
    expect(routes.map(({ decorator }) => decorator.operation)).toEqual([
      `${host}/reviews/0`,
      `${host}/reviews*`,
      `${host}/r.*`,
      `${host}/*`,
    ]);
  });

  test('has its faults, time limits and retries', () => {
    const [route] = toReviews({
      ...usual,
      fault: { delay: { percent: 0.1, fixedMs: 7000 }, abort: { percent: 100, httpStatus: 500 } },
      timeoutMs: 500,
      retries: { attempts: 3, perTryTimeoutMs: 2000 },
    });
    expect(route?.typed_per_filter_config?.['envoy.filters.http.fault']).toMatchObject({
      delay: { fixed_delay: '7s', percentage: { numerator: 1000, denominator: 'MILLION' } },
      abort: { http_status: 500, percentage: { numerator: 1_000_000, denominator: 'MILLION' } },
    });
    expect(route?.route).toMatchObject({
      timeout: '0.5s',
      retry_policy: { num_retries: 3, per_try_timeout: '2s', retry_on: expect.stringContaining('connect-failure') },
    });
    const [none] = toReviews({ ...usual, retries: { attempts: 0 } });
    expect(none?.route).not.toHaveProperty('retry_policy');
  });
});

test('the gateway has the paths of its VirtualService, each with its name in spans', () => {
  const { virtual_hosts } = configurationOf('istio-ingressgateway', usualState('prod').virtualServices);
  expect(virtual_hosts).toMatchObject([{ name: '*:80', domains: ['*'] }]);
  const routes = virtual_hosts[0]?.routes ?? [];
  expect(routes.map(({ match }) => match)).toEqual([
    { path: '/productpage' },
    { prefix: '/static' },
    { path: '/login' },
    { path: '/logout' },
    { prefix: '/api/v1/products' },
  ]);
  expect(routes[1]).toMatchObject({
    decorator: { operation: 'productpage.prod.svc.cluster.local:9080/static*' },
    route: { cluster: 'outbound|9080||productpage.prod.svc.cluster.local' },
  });
});
