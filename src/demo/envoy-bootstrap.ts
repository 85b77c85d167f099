/** What one sidecar of the demo is told, in the words that istiod uses for a Bookinfo pod. */
export interface SidecarPlan {
  /** Ports of 127.0.0.1; 0 lets Envoy choose. */
  readonly adminPort: number;
  readonly inboundPort: number;
  readonly outboundPort: number;
  /** The workload behind the sidecar, and the one that it calls. */
  readonly reviewsPort: number;
  readonly ratingsPort: number;
  readonly zipkin: { readonly host: string; readonly port: number };
}

/** The pod that the demo pretends to be. */
export const demoPod = {
  namespace: 'bookinfo',
  pod: 'reviews-v1-demo-7d4c5b8f9d-x2x7k',
  uid: '5f0a9c1e-7b34-4d0e-9a55-2b6f7f1f3c10',
  app: 'reviews',
  version: 'v1',
  ip: '127.0.0.1',
} as const;

export const inboundListener = 'virtualInbound';
export const outboundListener = 'outbound_9080';

const types = 'type.googleapis.com/envoy';

function socket(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}

function cluster(name: string, host: string, port: number): object {
  const endpoint = { endpoint: { address: socket(host, port) } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
  };
}

/** Spans as a sidecar of Istio sends them: Zipkin v2 JSON, 128-bit trace ids, Istio's tags. */
function tracing(): object {
  const literal = (tag: string, value: string) => ({ tag, literal: { value } });
  return {
    client_sampling: { value: 100 },
    random_sampling: { value: 100 },
    overall_sampling: { value: 100 },
    spawn_upstream_span: false,
    custom_tags: [
      literal('istio.canonical_revision', demoPod.version),
      literal('istio.canonical_service', demoPod.app),
      literal('istio.mesh_id', 'cluster.local'),
      literal('istio.namespace', demoPod.namespace),
      literal('istio.cluster_id', 'demo'),
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

/** The names that Istio's default JSON access log has, and the trace id. */
const accessLogFields = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  route_name: '%ROUTE_NAME%',
  trace_id: '%TRACE_ID%',
};

interface ListenerPlan {
  readonly name: string;
  readonly port: number;
  readonly direction: 'INBOUND' | 'OUTBOUND';
  readonly cluster: string;
  /** Name of the spans: what the called service is, in Istio's words. */
  readonly operation: string;
}

function listener(plan: ListenerPlan): object {
  const route = {
    match: { prefix: '/' },
    route: { cluster: plan.cluster, timeout: '0s' },
    decorator: { operation: plan.operation },
  };
  const manager = {
    '@type': `${types}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: plan.name,
    codec_type: 'AUTO',
    use_remote_address: plan.direction === 'INBOUND',
    generate_request_id: true,
    tracing: tracing(),
    access_log: [
      {
        name: 'envoy.access_loggers.stdout',
        typed_config: {
          '@type': `${types}.extensions.access_loggers.stream.v3.StdoutAccessLog`,
          log_format: { json_format: accessLogFields },
        },
      },
    ],
    route_config: { name: plan.cluster, virtual_hosts: [{ name: plan.cluster, domains: ['*'], routes: [route] }] },
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
    address: socket('127.0.0.1', plan.port),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  };
}

/** The configuration file of the sidecar, as JSON would have it. */
export function envoyBootstrap(plan: SidecarPlan): object {
  const { namespace, pod, app, ip } = demoPod;
  const service = (name: string) => `${name}.${namespace}.svc.cluster.local`;
  const inbound = 'inbound|9080||';
  const outbound = `outbound|9080||${service('ratings')}`;
  return {
    node: { id: `sidecar~${ip}~${pod}.${namespace}~${namespace}.svc.cluster.local`, cluster: `${app}.${namespace}` },
    admin: { address: socket('127.0.0.1', plan.adminPort) },
    // Istio leaves the 5 s between two posts of spans as they are; nobody wants to wait that long for a first look.
    layered_runtime: {
      layers: [{ name: 'demo', static_layer: { 'tracing.zipkin.flush_interval_ms': 1000 } }],
    },
    static_resources: {
      listeners: [
        listener({
          name: inboundListener,
          port: plan.inboundPort,
          direction: 'INBOUND',
          cluster: inbound,
          operation: `${service(app)}:9080/*`,
        }),
        listener({
          name: outboundListener,
          port: plan.outboundPort,
          direction: 'OUTBOUND',
          cluster: outbound,
          operation: `${service('ratings')}:9080/*`,
        }),
      ],
      clusters: [
        cluster(inbound, '127.0.0.1', plan.reviewsPort),
        cluster(outbound, '127.0.0.1', plan.ratingsPort),
        cluster('zipkin', plan.zipkin.host, plan.zipkin.port),
      ],
    },
  };
}
