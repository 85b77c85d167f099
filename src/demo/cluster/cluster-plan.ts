/** Where a pod's containers run. */
export type NodeName = 'demo-worker' | 'demo-control-plane';

export interface NamedPort {
  readonly name: string;
  readonly number: number;
}

/** What the API server is told of a pod. */
export interface ClusterPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of its Deployment. */
  readonly workload: string;
  /** Such as `app` and `version`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly account: string;
  readonly node: NodeName;
  readonly ip: string;
  readonly containers: readonly { readonly name: string; readonly ports: readonly NamedPort[] }[];
}

/** A Service, whose pods are those of its namespace that have the labels. */
export interface ClusterService {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly NamedPort[];
  /** Where the ports of a pod are others than the Service's: by the pod's name, then by the port's. */
  readonly targets?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface ClusterPlan {
  /** Of Bookinfo. */
  readonly namespace: string;
  readonly pods: readonly ClusterPod[];
  readonly services: readonly ClusterService[];
}
