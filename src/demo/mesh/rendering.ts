import type { DemoState } from '../state/demo-state.ts';
import { outboundClusters } from './clusters.ts';
import type { Resources } from './discovery.ts';
import { runtimeLayer } from './envoy-bootstrap.ts';
import type { MeshPod } from './mesh-pod.ts';
import { type ProxyPlan, types } from './proxy-plan.ts';
import { peerHeader } from './reports.ts';
import { routeConfiguration } from './routes.ts';
import { nodeId } from './topology.ts';

/** What one Envoy is told of a state, as istiod would tell it. */
export function resourcesOf(proxy: ProxyPlan, state: DemoState, pods: readonly MeshPod[]): Resources {
  const { topology, workload, address } = proxy;
  const { virtualServices, destinationRules, samplingPercent } = state;
  const endpointOf = (one: typeof workload) => pods.find((pod) => pod.workload === one && pod.isRunning)?.address;
  const value = nodeId(workload, address.ip);
  const headers = [{ header: { key: peerHeader, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }];
  return {
    clusters: outboundClusters({ proxy, destinationRules, endpointOf }),
    routes: [routeConfiguration({ topology, workload, virtualServices, headers })],
    runtime: [sampling(samplingPercent)],
  };
}

/** By the runtime it holds for all listeners at once, without a new one. */
function sampling(percent: number): object {
  const share = { numerator: Math.round(percent * 100), denominator: 'TEN_THOUSAND' };
  return {
    '@type': `${types}.service.runtime.v3.Runtime`,
    name: runtimeLayer,
    layer: { 'tracing.random_sampling': share },
  };
}
