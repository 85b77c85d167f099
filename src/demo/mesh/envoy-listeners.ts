import { accessLogFields } from './access-log.ts';
import type { PodAddress } from './addresses.ts';
import { fromMesh } from './envoy-tls.ts';
import { inboundCluster, outboundCluster, type ProxyPlan, socket, types } from './proxy-plan.ts';
import { type Report, type Reporter, reportFormat } from './reports.ts';
import { faultFilter, routesName } from './routes.ts';
import {
  type Called,
  clusterId,
  meshId,
  type ServicePort,
  serviceHost,
  servicePort,
  type Workload,
} from './topology.ts';

/** How often the bytes of an open connection are counted, as Istio does. */
const countOpenEvery = '15s';

/** Spans as a proxy of Istio sends them: Zipkin v2 JSON, 128-bit trace ids, Istio's tags. */
function tracing(workload: Workload): object {
  const literal = (tag: string, value: string) => ({ tag, literal: { value } });
  const { app, version, namespace, role } = workload;
  return {
    client_sampling: { value: 100 },
    // What counts is the runtime's value, which changes while the proxy runs.
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

function accessLogs(kind: Report['kind'], reporter: Reporter): object[] {
  const log = (stream: 'Stdout' | 'Stderr', format: object) => ({
    name: `envoy.access_loggers.${stream.toLowerCase()}`,
    typed_config: {
      '@type': `${types}.extensions.access_loggers.stream.v3.${stream}AccessLog`,
      log_format: format,
    },
  });
  // The reports on an open connection are for the agent alone.
  const atTheEnd = kind === 'connection' ? { filter: { log_type_filter: { types: ['TcpConnectionEnd'] } } } : {};
  return [
    { ...log('Stdout', { json_format: accessLogFields }), ...atTheEnd },
    log('Stderr', { text_format_source: { inline_string: reportFormat(kind, reporter) } }),
  ];
}

function httpFilter(name: string, type: string, settings: object = {}): object {
  return { name, typed_config: { '@type': `${types}.extensions.filters.http.${type}`, ...settings } };
}

const grpcStats = httpFilter('envoy.filters.http.grpc_stats', 'grpc_stats.v3.FilterConfig', {
  emit_filter_state: true,
  stats_for_all_methods: false,
});
const router = httpFilter('envoy.filters.http.router', 'router.v3.Router');
const outboundFilters = [grpcStats, httpFilter(faultFilter, 'fault.v3.HTTPFault'), router];
const inboundFilters = [grpcStats, router];

interface HttpPlan {
  readonly direction: 'INBOUND' | 'OUTBOUND';
  readonly statPrefix: string;
  /** `route_config` or `rds`. */
  readonly routes: object;
}

function httpFilters({ direction, statPrefix, routes }: HttpPlan, workload: Workload): object[] {
  const isGateway = workload.role === 'router';
  const typed_config = {
    '@type': `${types}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: statPrefix,
    codec_type: 'AUTO',
    server_name: 'istio-envoy',
    use_remote_address: isGateway || direction === 'OUTBOUND',
    skip_xff_append: !isGateway,
    normalize_path: true,
    tracing: tracing(workload),
    access_log: accessLogs('request', direction === 'INBOUND' ? 'destination' : 'source'),
    ...routes,
    http_filters: direction === 'INBOUND' ? inboundFilters : outboundFilters,
  };
  return [{ name: 'envoy.filters.network.http_connection_manager', typed_config }];
}

function tcpFilters(statPrefix: string, cluster: string, reporter: Reporter): object[] {
  const typed_config = {
    '@type': `${types}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: statPrefix,
    cluster,
    access_log: accessLogs('connection', reporter),
    // Else the first report would not know yet who asks.
    ...(reporter === 'destination'
      ? { upstream_connect_mode: 'ON_DOWNSTREAM_TLS_HANDSHAKE', max_early_data_bytes: 16_384 }
      : {}),
    access_log_options: { access_log_flush_interval: countOpenEvery, flush_access_log_on_connected: true },
  };
  return [{ name: 'envoy.filters.network.tcp_proxy', typed_config }];
}

const tlsInspector = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: { '@type': `${types}.extensions.filters.listener.tls_inspector.v3.TlsInspector` },
};

function dynamicRoutes({ workload, files }: ProxyPlan): object {
  const config_source = { path_config_source: { path: files.routes }, resource_api_version: 'V3' };
  return { rds: { route_config_name: routesName[workload.role], config_source } };
}

export function gatewayListeners(plan: ProxyPlan): object[] {
  const { ip, ingress } = plan.address;
  const http: HttpPlan = { direction: 'OUTBOUND', statPrefix: 'outbound_0.0.0.0_8080', routes: dynamicRoutes(plan) };
  const filter_chains = [{ filters: httpFilters(http, plan.workload) }];
  return [{ name: '0.0.0.0_8080', traffic_direction: 'OUTBOUND', address: socket(ip, ingress), filter_chains }];
}

export function sidecarListeners(plan: ProxyPlan): object[] {
  const { workload, address, topology } = plan;
  const http: HttpPlan = {
    direction: 'OUTBOUND',
    statPrefix: `outbound_0.0.0.0_${servicePort}`,
    routes: dynamicRoutes(plan),
  };
  const outbound = {
    name: 'virtualOutbound',
    traffic_direction: 'OUTBOUND',
    address: socket(address.ip, address.outbound),
    filter_chains: [{ filters: httpFilters(http, workload) }],
  };
  const tcp = topology.callsOf(workload).filter(({ port }) => port.protocol === 'tcp');
  return [inbound(plan), outbound, ...tcp.map((called) => outboundTcp(called, address))];
}

function outboundTcp(called: Called, { ip, tcp }: PodAddress): object {
  const cluster = outboundCluster(called);
  return {
    name: `0.0.0.0_${called.port.number}`,
    traffic_direction: 'OUTBOUND',
    address: socket(ip, tcp),
    filter_chains: [{ filters: tcpFilters(cluster, cluster, 'source') }],
  };
}

/** One port takes all; what the caller offers in its handshake tells gRPC from the rest, whatever subset it asks for. */
function inbound(plan: ProxyPlan): object {
  const { workload, address, topology } = plan;
  const service = topology.service(workload.app);
  const [first, ...others] =
    service === undefined ? [] : service.ports.map((port) => inboundFiltersOf({ service, port }, workload));
  const transport_socket = fromMesh(plan);
  const secured = (match: object, filters: object[] = []) => ({
    filter_chain_match: { transport_protocol: 'tls', ...match },
    transport_socket,
    filters,
  });
  return {
    name: 'virtualInbound',
    traffic_direction: 'INBOUND',
    address: socket(address.ip, address.inbound),
    listener_filters: [tlsInspector],
    filter_chains: [
      ...others.map((filters) => secured({ application_protocols: ['h2'] }, filters)),
      secured({}, first),
      // Plain text is taken too, as Istio does unless it is told otherwise.
      { filters: first ?? [] },
    ],
  };
}

function inboundFiltersOf({ service, port }: Called, workload: Workload): object[] {
  const cluster = inboundCluster(port.number);
  const statPrefix = `inbound_0.0.0.0_${port.number}`;
  if (port.protocol === 'tcp') {
    return tcpFilters(statPrefix, cluster, 'destination');
  }
  return httpFilters({ direction: 'INBOUND', statPrefix, routes: inboundRoutes(service, port) }, workload);
}

function inboundRoutes(service: Called['service'], port: ServicePort): object {
  const route = {
    name: 'default',
    match: { prefix: '/' },
    decorator: { operation: `${serviceHost(service)}:${port.number}/*` },
    route: { cluster: inboundCluster(port.number), timeout: '0s' },
  };
  const host = { name: `inbound|http|${port.number}`, domains: ['*'], routes: [route] };
  return { route_config: { name: inboundCluster(port.number), virtual_hosts: [host] } };
}

/** The page that the agent merges with its own. It writes no log, and is in no trace. */
export function statsListener({ ip, stats }: PodAddress): object {
  const route = { match: { prefix: '/stats/prometheus' }, route: { cluster: 'prometheus_stats' } };
  const manager = {
    '@type': `${types}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'stats',
    codec_type: 'AUTO',
    route_config: { virtual_hosts: [{ name: 'backend', domains: ['*'], routes: [route] }] },
    http_filters: [router],
  };
  return {
    address: socket(ip, stats),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  };
}
