import { gatewayListeners, sidecarListeners, statsListener } from './envoy-listeners.ts';
import { toService } from './envoy-tls.ts';
import { inboundCluster, outboundCluster, type ProxyPlan, socket } from './proxy-plan.ts';
import { nodeId } from './topology.ts';

/** Deliveries of a sidecar of Istio to its own workload come from here. */
const sidecarSource = '127.0.0.6';

interface ClusterPlan {
  readonly name: string;
  readonly endpoints: readonly object[];
  /** Address that its connections come from. */
  readonly source?: string | undefined;
  readonly transport?: object;
}

function cluster({ name, endpoints, source, transport }: ClusterPlan): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '10s',
    ...(transport === undefined ? {} : { transport_socket: transport }),
    ...(source === undefined ? {} : { upstream_bind_config: { source_address: { address: source, port_value: 0 } } }),
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: endpoints.map((address) => ({ endpoint: { address } })) }],
    },
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
    transport: toService(plan, service),
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
