import { accessLogFields, peerHeader, type RequestReport, reportFormat } from './access-log.ts';
import type { PodAddress } from './addresses.ts';
import { clusterId, meshId, nodeId, serviceHost, serviceNames, servicePort, type Workload } from './topology.ts';

/** What one Envoy of the mesh is told. */
export interface ProxyPlan {
  readonly workload: Workload;
  readonly address: PodAddress;
  /** For each service that the workload calls: where the sidecars of its pods listen. */
  readonly endpoints: Readonly<Record<string, readonly PodAddress[]>>;
  /** `host` is an IP address. */
  readonly zipkin: { readonly host: string; readonly port: number };
}

const types = 'type.googleapis.com/envoy';
const inboundCluster = `inbound|${servicePort}||`;
/** Deliveries of a sidecar of Istio to its own workload come from here. */
const sidecarSource = '127.0.0.6';

/** What the gateway lets in, as Bookinfo's VirtualService has it. */
const gatewayPaths = [
  { path: '/productpage' },
  { prefix: '/static' },
  { path: '/login' },
  { path: '/logout' },
  { prefix: '/api/v1/products' },
];

function outboundCluster(service: string): string {
  return `outbound|${servicePort}||${serviceHost(service)}`;
}

function socket(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}

interface ClusterPlan {
  readonly name: string;
  readonly endpoints: readonly object[];
  /** Address that its connections come from. */
  readonly source?: string | undefined;
}

function cluster({ name, endpoints, source }: ClusterPlan): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '10s',
    ...(source === undefined ? {} : { upstream_bind_config: { source_address: { address: source, port_value: 0 } } }),
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: endpoints.map((address) => ({ endpoint: { address } })) }],
    },
  };
}

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

interface ListenerPlan {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly direction: 'INBOUND' | 'OUTBOUND';
  readonly statPrefix: string;
  readonly routes: object;
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
  return {
    name: plan.name,
    traffic_direction: plan.direction,
    address: socket(plan.host, plan.port),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
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

function gatewayListeners(plan: ProxyPlan): object[] {
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

function sidecarListeners(plan: ProxyPlan): object[] {
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
function statsListener({ ip, stats }: PodAddress): object {
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

/** Names of clusters and listeners become labels, under the names that Istio gives them, and stay whole. */
const statsTags = [
  { tag_name: 'cluster_name', regex: '^cluster\\.(([^.]+(?:\\.[^.]+\\.svc\\.cluster\\.local)?)\\.)' },
  { tag_name: 'response_code', regex: '_rq(_(\\d{3}))$' },
  { tag_name: 'response_code_class', regex: '_rq(_(\\dxx))$' },
  { tag_name: 'http_conn_manager_prefix', regex: '^http\\.(((?:in|out)bound_[\\d.]+_\\d+|admin|stats)\\.)' },
  { tag_name: 'listener_address', regex: '^listener\\.((\\d+(?:\\.\\d+){3}_\\d+|admin)\\.)' },
];

function clusters(plan: ProxyPlan): object[] {
  const { ip, isOwn, app, admin } = plan.address;
  const outbound = Object.entries(plan.endpoints).map(([service, pods]) => ({
    name: outboundCluster(service),
    endpoints: pods.map((pod) => socket(pod.ip, pod.inbound)),
    source: isOwn ? ip : undefined,
  }));
  const inbound = { name: inboundCluster, endpoints: [socket(ip, app)], source: isOwn ? sidecarSource : undefined };
  return [
    ...outbound,
    ...(plan.workload.role === 'sidecar' ? [inbound] : []),
    { name: 'prometheus_stats', endpoints: [socket(ip, admin)] },
    { name: 'zipkin', endpoints: [socket(plan.zipkin.host, plan.zipkin.port)] },
  ].map(cluster);
}

/** The configuration file of one Envoy, as JSON would have it. */
export function envoyBootstrap(plan: ProxyPlan): object {
  const { workload, address } = plan;
  const { app, namespace, role } = workload;
  return {
    node: { id: nodeId(workload, address.ip), cluster: `${app}.${namespace}` },
    admin: { address: socket(address.ip, address.admin) },
    // Istio leaves the 5 s between two posts of spans as they are; nobody wants to wait that long for a first look.
    layered_runtime: {
      layers: [{ name: 'demo', static_layer: { 'tracing.zipkin.flush_interval_ms': 1000 } }],
    },
    stats_config: { use_all_default_tags: false, stats_tags: statsTags },
    // Counters and histograms of one page are of the same moment.
    stats_flush_on_admin: true,
    static_resources: {
      listeners: [...(role === 'router' ? gatewayListeners(plan) : sidecarListeners(plan)), statsListener(address)],
      clusters: clusters(plan),
    },
  };
}
