import type { DestinationRule } from '../state/istio-rules.ts';
import type { PodAddress } from './addresses.ts';
import { toService } from './envoy-tls.ts';
import { outboundCluster, type ProxyPlan, socket, types } from './proxy-plan.ts';
import { fullHost } from './routes.ts';
import { type Called, serviceHost, type Workload } from './topology.ts';

export interface ClusterPlan {
  readonly name: string;
  readonly endpoints: readonly object[];
  /** Address that its connections come from. */
  readonly source?: string | undefined;
  readonly transport?: object | undefined;
  readonly isHttp2?: boolean;
}

export function cluster({ name, endpoints, source, transport, isHttp2 = false }: ClusterPlan): object {
  const http2 = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${types}.extensions.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '10s',
    ...(isHttp2 ? { typed_extension_protocol_options: http2 } : {}),
    ...(transport === undefined ? {} : { transport_socket: transport }),
    ...(source === undefined ? {} : { upstream_bind_config: { source_address: { address: source, port_value: 0 } } }),
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: endpoints.map((address) => ({ endpoint: { address } })) }],
    },
  };
}

export interface OutboundPlan {
  readonly proxy: ProxyPlan;
  readonly destinationRules: readonly DestinationRule[];
  /** Undefined: its container does not run, so that it is no endpoint. */
  readonly endpointOf: (workload: Workload) => PodAddress | undefined;
}

/** Pods behind a service: all of them, or those of a version, by its name. */
interface Subset {
  readonly name: string;
  readonly pods: readonly Workload[];
}

/** For each port of a service that the workload calls: one cluster of all its pods, and one for each subset. */
export function outboundClusters(plan: OutboundPlan): object[] {
  const { topology, workload } = plan.proxy;
  return topology.callsOf(workload).flatMap((called) => {
    const pods = topology.workloadsOf(called.service);
    const subsets = subsetsOf(called, plan.destinationRules).map(({ name, labels }): Subset => {
      return { name, pods: pods.filter(hasLabels(labels)) };
    });
    return [{ name: '', pods }, ...subsets].map((subset) => ({
      '@type': `${types}.config.cluster.v3.Cluster`,
      ...cluster(outbound(called, subset, plan)),
    }));
  });
}

function subsetsOf({ service }: Called, rules: readonly DestinationRule[]): DestinationRule['subsets'] {
  const host = serviceHost(service);
  return rules.find((rule) => fullHost(rule.host, rule.namespace) === host)?.subsets ?? [];
}

function hasLabels(labels: Readonly<Record<string, string>>): (workload: Workload) => boolean {
  return ({ app, version }) => {
    const own: Readonly<Record<string, string>> = { app, version };
    return Object.entries(labels).every(([name, value]) => own[name] === value);
  };
}

function outbound(called: Called, { name, pods }: Subset, { proxy, endpointOf }: OutboundPlan): ClusterPlan {
  const { ip, isOwn } = proxy.address;
  const ready = pods.flatMap((pod) => endpointOf(pod) ?? []);
  return {
    name: outboundCluster(called, name),
    endpoints: ready.map((pod) => socket(pod.ip, pod.inbound)),
    source: isOwn ? ip : undefined,
    transport: toService(proxy, called, name),
    isHttp2: called.port.protocol === 'grpc',
  };
}
