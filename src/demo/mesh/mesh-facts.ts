import type { MeshPod } from './mesh-pod.ts';

/** What the daemon needs to know of a mesh that runs. */
export interface MeshFacts {
  /** `http://host:port` of the gateway. */
  readonly gateway: string;
  readonly logRoot: string;
  readonly pods: readonly PodFacts[];
  /** `host:port` of the replicas of istiod, whose page of metrics is `/metrics`. */
  readonly istiods: readonly string[];
  /** URL of a page as cAdvisor's, of all containers of the mesh. */
  readonly cadvisor: string;
}

export interface PodFacts {
  readonly namespace: string;
  readonly pod: string;
  readonly app: string;
  readonly version: string;
  /** URL of the agent's page of metrics. */
  readonly metrics: string;
}

export function podFacts({ workload, address }: MeshPod): PodFacts {
  const { namespace, pod, app, version } = workload;
  return { namespace, pod, app, version, metrics: `http://${address.ip}:${address.agent}/stats/prometheus` };
}
