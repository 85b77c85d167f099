import { accessLogFields, peerHeader, type RequestReport, reportFormat } from './access-log.ts';
import type { PodAddress } from './addresses.ts';
import { fromMesh } from './envoy-tls.ts';
import { inboundCluster, outboundCluster, type ProxyPlan, socket, types } from './proxy-plan.ts';
import { clusterId, meshId, nodeId, serviceHost, serviceNames, servicePort, type Workload } from './topology.ts';

/** What the gateway lets in, as Bookinfo's VirtualService has it. */
const gatewayPaths = [
  { path: '/productpage' },
  { prefix: '/static' },
  { path: '/login' },
  { path: '/logout' },
  { prefix: '/api/v1/products' },
];

/** Spans as a proxy of Istio sends them: Zipkin v2 JSON, 128-bit trace ids, Istio's tags. */
function tracing(workload: Workload): object {
  const literal = (tag: string, value: string) => ({ tag, literal: { value } });
  const { app, version, namespace, role } = workload;
  return {
    client_sampling: { value: 100 },
    random_sampling: { value: 100 },
    overall_sampling: { value: 100 },
    // A gateway has a span of its own for the call behind it, a sidecar has not.
    spawn_upstream_span: role === 'router',
    custom_tags: [
      literal('istio.canonical_revision', version === 'unknown' ? 'latest' : version),
      literal('istio.canonical_service', app),
      literal('istio.mesh_id', meshId),
      literal('istio.namespace', namespace),
      literal('istio.cluster_id', clusterId),
    ],
    provider: {
      name: 'envoy.tracers.zipkin',
      typed_config: {
        '@type': `${types}.config.trace.v3.ZipkinConfig`,
        collector_cluster: 'zipkin',
        collector_endpoint: '/api/v2/spans',
        collector_endpoint_version: 'HTTP_JSON',
        trace_id_128bit: true,
        shared_span_context: false,
      },
    },
  };
}

function accessLogs(reporter: RequestReport['reporter']): object[] {
  const log = (stream: 'Stdout' | 'Stderr', format: object) => ({
    name: `envoy.access_loggers.${stream.toLowerCase()}`,
    typed_config: {
      '@type': `${types}.extensions.access_loggers.stream.v3.${stream}AccessLog`,
      log_format: format,
    },
  });
  return [
    log('Stdout', { json_format: accessLogFields }),
    log('Stderr', { text_format_source: { inline_string: reportFormat(reporter) } }),
  ];
}

const tlsInspector = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: { '@type': `${types}.extensions.filters.listener.tls_inspector.v3.TlsInspector` },
};

interface ListenerPlan {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly direction: 'INBOUND' | 'OUTBOUND';
  readonly statPrefix: string;
  readonly routes: object;
  /** Of the chain that takes TLS; plain text is taken too, as Istio does unless it is told otherwise. */
  readonly transport?: object;
}

function listener(plan: ListenerPlan, workload: Workload): object {
  const isGateway = workload.role === 'router';
  const manager = {
    '@type': `${types}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: plan.statPrefix,
    codec_type: 'AUTO',
    server_name: 'istio-envoy',
    use_remote_address: isGateway || plan.direction === 'OUTBOUND',
    skip_xff_append: !isGateway,
    normalize_path: true,
    tracing: tracing(workload),
    access_log: accessLogs(plan.direction === 'INBOUND' ? 'destination' : 'source'),
    route_config: plan.routes,
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${types}.extensions.filters.http.router.v3.Router` },
      },
    ],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  const { transport } = plan;
  const secured = {
    filter_chain_match: { transport_protocol: 'tls' },
    transport_socket: transport,
    filters,
  };
  return {
    name: plan.name,
    traffic_direction: plan.direction,
    address: socket(plan.host, plan.port),
    ...(transport === undefined ? {} : { listener_filters: [tlsInspector] }),
    filter_chains: [...(transport === undefined ? [] : [secured]), { filters }],
  };
}

/** A route's name in spans is the called service's, in Istio's words, and what of its paths the route is for. */
function routeTo(service: string, match: { readonly path?: string; readonly prefix?: string }): object {
  const { path, prefix = '' } = match;
  const paths = path ?? (prefix === '/' ? '/*' : `${prefix}*`);
  return {
    name: 'default',
    match,
    decorator: { operation: `${serviceHost(service)}:${servicePort}${paths}` },
    route: {
      cluster: outboundCluster(service),
      timeout: '0s',
      retry_policy: {
        retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
        num_retries: 2,
        retriable_status_codes: [503],
      },
    },
  };
}

function tellWho(plan: ProxyPlan): object[] {
  const value = nodeId(plan.workload, plan.address.ip);
  return [{ header: { key: peerHeader, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }];
}

export function gatewayListeners(plan: ProxyPlan): object[] {
  const { ip, ingress } = plan.address;
  const [service = ''] = plan.workload.calls;
  const host = { name: '*:80', domains: ['*'], routes: gatewayPaths.map((match) => routeTo(service, match)) };
  const routes = { name: 'http.8080', virtual_hosts: [host], request_headers_to_add: tellWho(plan) };
  return [
    listener(
      {
        name: '0.0.0.0_8080',
        host: ip,
        port: ingress,
        direction: 'OUTBOUND',
        statPrefix: 'outbound_0.0.0.0_8080',
        routes,
      },
      plan.workload,
    ),
  ];
}

export function sidecarListeners(plan: ProxyPlan): object[] {
  const { workload, address } = plan;
  const own = serviceHost(workload.app);
  const inboundRoute = {
    name: 'default',
    match: { prefix: '/' },
    decorator: { operation: `${own}:${servicePort}/*` },
    route: { cluster: inboundCluster, timeout: '0s' },
  };
  const inboundHost = { name: `inbound|http|${servicePort}`, domains: ['*'], routes: [inboundRoute] };
  const outboundHosts = workload.calls.map((service) => ({
    name: `${serviceHost(service)}:${servicePort}`,
    domains: serviceNames(service).flatMap((name) => [name, `${name}:${servicePort}`]),
    routes: [routeTo(service, { prefix: '/' })],
  }));
  return [
    listener(
      {
        name: 'virtualInbound',
        host: address.ip,
        port: address.inbound,
        direction: 'INBOUND',
        statPrefix: `inbound_0.0.0.0_${servicePort}`,
        routes: { name: inboundCluster, virtual_hosts: [inboundHost] },
        transport: fromMesh(plan),
      },
      workload,
    ),
    listener(
      {
        name: 'virtualOutbound',
        host: address.ip,
        port: address.outbound,
        direction: 'OUTBOUND',
        statPrefix: `outbound_0.0.0.0_${servicePort}`,
        routes: { name: `${servicePort}`, virtual_hosts: outboundHosts, request_headers_to_add: tellWho(plan) },
      },
      workload,
    ),
  ];
}

/** The page that the agent merges with its own. It writes no log, and is in no trace. */
export function statsListener({ ip, stats }: PodAddress): object {
  const route = { match: { prefix: '/stats/prometheus' }, route: { cluster: 'prometheus_stats' } };
  const manager = {
    '@type': `${types}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'stats',
    codec_type: 'AUTO',
    route_config: { virtual_hosts: [{ name: 'backend', domains: ['*'], routes: [route] }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${types}.extensions.filters.http.router.v3.Router` },
      },
    ],
  };
  return {
    address: socket(ip, stats),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  };
}
