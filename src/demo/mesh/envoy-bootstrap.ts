import { cluster } from './clusters.ts';
import { gatewayListeners, sidecarListeners, statsListener } from './envoy-listeners.ts';
import { inboundCluster, type ProxyPlan, socket } from './proxy-plan.ts';
import { nodeId } from './topology.ts';

/** Deliveries of a sidecar of Istio to its own workload come from here. */
const sidecarSource = '127.0.0.6';

/** The name of the runtime's layer that changes while the proxy runs. */
export const runtimeLayer = 'mesh';

/** Names of clusters and listeners become labels, under the names that Istio gives them, and stay whole. */
const statsTags = [
  { tag_name: 'cluster_name', regex: '^cluster\\.(([^.]+(?:\\.[^.]+\\.svc\\.cluster\\.local)?)\\.)' },
  { tag_name: 'tcp_prefix', regex: '^tcp\\.(([^.]+(?:\\.[^.]+\\.svc\\.cluster\\.local)?|inbound_[\\d.]+_\\d+)\\.)' },
  { tag_name: 'response_code', regex: '_rq(_(\\d{3}))$' },
  { tag_name: 'response_code_class', regex: '_rq(_(\\dxx))$' },
  { tag_name: 'http_conn_manager_prefix', regex: '^http\\.(((?:in|out)bound_[\\d.]+_\\d+|admin|stats)\\.)' },
  { tag_name: 'listener_address', regex: '^listener\\.((\\d+(?:\\.\\d+){3}_\\d+|admin)\\.)' },
];

function staticClusters({ workload, topology, address, zipkin }: ProxyPlan): object[] {
  const { ip, isOwn, app, tcp, health, admin } = address;
  const own = { http: app, tcp, grpc: health } as const;
  const inbound = (topology.service(workload.app)?.ports ?? []).map(({ number, protocol }) => ({
    name: inboundCluster(number),
    endpoints: [socket(ip, own[protocol])],
    source: isOwn ? sidecarSource : undefined,
    isHttp2: protocol === 'grpc',
  }));
  return [
    ...(workload.role === 'sidecar' ? inbound : []),
    { name: 'prometheus_stats', endpoints: [socket(ip, admin)] },
    { name: 'zipkin', endpoints: [socket(zipkin.host, zipkin.port)] },
  ].map(cluster);
}

/** The configuration file of one Envoy, as JSON would have it. */
export function envoyBootstrap(plan: ProxyPlan): object {
  const { workload, address, files } = plan;
  const { app, namespace, role } = workload;
  const fromFile = (path: string) => ({ path_config_source: { path }, resource_api_version: 'V3' });
  return {
    node: { id: nodeId(workload, address.ip), cluster: `${app}.${namespace}` },
    admin: { address: socket(address.ip, address.admin) },
    layered_runtime: {
      layers: [
        // Istio leaves the 5 s between two posts of spans as they are; nobody wants to wait that long for a first look.
        // A post may take longer than the usual 5 s where the disk is busy: it is answered when it is safe.
        {
          name: 'demo',
          static_layer: { 'tracing.zipkin.flush_interval_ms': 1000, 'tracing.zipkin.request_timeout': 30_000 },
        },
        { name: runtimeLayer, rtds_layer: { name: runtimeLayer, rtds_config: fromFile(files.runtime) } },
      ],
    },
    stats_config: { use_all_default_tags: false, stats_tags: statsTags },
    // Counters and histograms of one page are of the same moment.
    stats_flush_on_admin: true,
    dynamic_resources: { cds_config: fromFile(files.clusters) },
    static_resources: {
      listeners: [...(role === 'router' ? gatewayListeners(plan) : sidecarListeners(plan)), statsListener(address)],
      clusters: staticClusters(plan),
    },
  };
}
