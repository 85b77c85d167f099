import type {
  Fault,
  HttpMatch,
  HttpRoute,
  RouteDestination,
  StringMatch,
  VirtualService,
} from '../state/istio-rules.ts';
import { outboundCluster, types } from './proxy-plan.ts';
import { type Called, serviceHost, serviceNames, type Topology, type Workload } from './topology.ts';

export const faultFilter = 'envoy.filters.http.fault';

/** Names of the route configurations, as istiod gives them: by the port that they are for. */
export const routesName = { sidecar: '9080', router: 'http.8080' } as const;

/** What istiod tells a proxy to do where nobody says otherwise. */
const usualRetries = {
  retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
  num_retries: 2,
  retry_host_predicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: { '@type': `${types}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
    },
  ],
  host_selection_retry_max_attempts: 5,
  retriable_status_codes: [503],
};

export interface RoutesPlan {
  readonly topology: Topology;
  readonly workload: Workload;
  readonly virtualServices: readonly VirtualService[];
  /** Added to each request: who sends it. */
  readonly headers: readonly object[];
}

/** The route configuration (`envoy.config.route.v3.RouteConfiguration`) of all calls that a workload makes, as istiod renders it. */
export function routeConfiguration(plan: RoutesPlan): object {
  const { topology, workload, headers } = plan;
  const hosts =
    workload.role === 'router'
      ? entranceHosts(plan)
      : topology
          .callsOf(workload)
          .filter(({ port }) => port.protocol !== 'tcp')
          .map((called) => calledHost(called, plan));
  return {
    '@type': `${types}.config.route.v3.RouteConfiguration`,
    name: routesName[workload.role],
    virtual_hosts: hosts,
    request_headers_to_add: headers,
  };
}

function calledHost(called: Called, { topology, workload, virtualServices }: RoutesPlan): object {
  const { service, port } = called;
  const host = serviceHost(service);
  const rule = virtualServices.find(
    ({ hosts, gateways, namespace }) =>
      (gateways.length === 0 || gateways.includes('mesh')) && hosts.some((name) => fullHost(name, namespace) === host),
  );
  const number = port.number;
  const usual = { match: { prefix: '/' }, decorator: decorator(`${host}:${number}`, '/*'), name: 'default' };
  const routes =
    rule === undefined
      ? [{ ...usual, route: { cluster: outboundCluster(called), timeout: '0s', retry_policy: usualRetries } }]
      : rule.http.flatMap((route) => routesOf(route, { topology, workload, rule, usualPort: number }));
  const domains = serviceNames(service).flatMap((name) =>
    number === 9080 ? [name, `${name}:${number}`] : [`${name}:${number}`],
  );
  return { name: `${host}:${number}`, domains, routes };
}

/** Without a VirtualService nothing is let in. */
function entranceHosts({ topology, workload, virtualServices }: RoutesPlan): object[] {
  const rules = virtualServices.filter(({ gateways }) => gateways.some((name) => name !== 'mesh'));
  const byHost = Map.groupBy(
    rules.flatMap((rule) => rule.hosts.map((host) => ({ host, rule }))),
    ({ host }) => host,
  );
  return [...byHost].map(([host, entries]) => ({
    name: `${host}:80`,
    domains: host === '*' ? ['*'] : [host, `${host}:*`],
    routes: entries.flatMap(({ rule }) =>
      rule.http.flatMap((route) => routesOf(route, { topology, workload, rule, usualPort: undefined })),
    ),
  }));
}

interface RuleContext {
  readonly topology: Topology;
  readonly workload: Workload;
  readonly rule: VirtualService;
  /** Of the service that was called; undefined at the gateway. */
  readonly usualPort: number | undefined;
}

/** One route of a VirtualService becomes one of Envoy for each of its matches. */
function routesOf(route: HttpRoute, context: RuleContext): object[] {
  const matches: readonly HttpMatch[] = route.match.length === 0 ? [{ headers: {} }] : route.match;
  const destinations = route.route.map((one) => ({ weight: one.weight, ...destination(one, context) }));
  return matches.map((match) => ({
    match: routeMatch(match),
    decorator: decorator(whoIsCalled(destinations, context), pathsOf(match)),
    route: {
      ...clustersOf(destinations),
      timeout: duration(route.timeoutMs ?? 0),
      ...retriesOf(route.retries),
    },
    ...(route.fault === undefined ? {} : { typed_per_filter_config: { [faultFilter]: faultOf(route.fault) } }),
  }));
}

interface Destination {
  readonly cluster: string;
  readonly weight: number;
  readonly at: string;
}

/** Names the cluster even where it cannot be: then requests fail, as they do in Istio. */
function destination(one: RouteDestination, { topology, rule, usualPort }: RuleContext): Omit<Destination, 'weight'> {
  const host = fullHost(one.host, rule.namespace);
  const port = one.port ?? usualPort ?? topology.service(host)?.ports[0]?.number ?? 80;
  return { cluster: `outbound|${port}|${one.subset ?? ''}|${host}`, at: `${host}:${port}` };
}

/** In spans: the one destination, or the VirtualService where there are several. */
function whoIsCalled(destinations: readonly Destination[], { rule, usualPort }: RuleContext): string {
  const [first] = destinations;
  return destinations.length === 1 && first !== undefined ? first.at : `${rule.name}:${usualPort ?? 80}`;
}

function clustersOf(destinations: readonly Destination[]): object {
  const [first] = destinations;
  if (destinations.length === 1 && first !== undefined) {
    return { cluster: first.cluster };
  }
  const isEven = destinations.every(({ weight }) => weight === 0);
  const clusters = destinations.map(({ cluster, weight }) => ({ name: cluster, weight: isEven ? 1 : weight }));
  return { weighted_clusters: { clusters } };
}

function retriesOf(retries: HttpRoute['retries']): object {
  if (retries === undefined) {
    return { retry_policy: usualRetries };
  }
  const { attempts, perTryTimeoutMs } = retries;
  const limit = perTryTimeoutMs === undefined ? {} : { per_try_timeout: duration(perTryTimeoutMs) };
  return attempts === 0 ? {} : { retry_policy: { ...usualRetries, ...limit, num_retries: attempts } };
}

function faultOf({ delay, abort }: Fault): object {
  const share = (percent: number) => ({ numerator: Math.round(percent * 10_000), denominator: 'MILLION' });
  return {
    '@type': `${types}.extensions.filters.http.fault.v3.HTTPFault`,
    ...(delay && { delay: { fixed_delay: duration(delay.fixedMs), percentage: share(delay.percent) } }),
    ...(abort && { abort: { http_status: abort.httpStatus, percentage: share(abort.percent) } }),
  };
}

function routeMatch({ uri, headers }: HttpMatch): object {
  const path =
    uri === undefined
      ? { prefix: '/' }
      : 'exact' in uri
        ? { path: uri.exact }
        : 'prefix' in uri
          ? { prefix: uri.prefix }
          : { safe_regex: { regex: uri.regex } };
  const wanted = Object.entries(headers).map(([name, value]) => ({ name, string_match: stringMatch(value) }));
  return wanted.length === 0 ? path : { ...path, headers: wanted };
}

function stringMatch(match: StringMatch): object {
  return 'regex' in match ? { safe_regex: { regex: match.regex } } : match;
}

/** What of a service's paths a route is for, as it stands in the names of spans. */
function pathsOf({ uri }: HttpMatch): string {
  if (uri === undefined) {
    return '/*';
  }
  return 'exact' in uri ? uri.exact : 'prefix' in uri ? `${uri.prefix}*` : uri.regex;
}

function decorator(called: string, paths: string): object {
  return { operation: `${called}${paths}` };
}

/** A short name is of the namespace of the object that has it. */
export function fullHost(host: string, namespace: string): string {
  return host.includes('.') || host === '*' ? host : serviceHost({ name: host, namespace });
}

function duration(ms: number): string {
  return `${ms / 1000}s`;
}
