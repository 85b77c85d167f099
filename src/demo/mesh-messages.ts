import type { DemoRefusal, DemoRequest, DemoView } from '../contract/demo.ts';

/** What the daemon needs to know of a demo that runs. */
export interface DemoFacts {
  readonly productpage: string;
  readonly kubeconfig: string;
  /** Name of the node that the daemon is on, in the demo's cluster. */
  readonly node: string;
  readonly logRoot: string;
  /** URL of a page as the kubelet's `/metrics/cadvisor`. */
  readonly cadvisor: string;
  /** The page of metrics of each pod. */
  readonly pages: readonly { readonly app: string; readonly pod: string; readonly url: string }[];
}

/** What the mesh's process tells the daemon. */
export type MeshMessage =
  | { readonly kind: 'ready'; readonly facts: DemoFacts }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'ended'; readonly workload: string; readonly how: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: DemoView | DemoRefusal };

/** What the daemon asks it. */
export interface MeshQuestion {
  readonly id: number;
  readonly request: DemoRequest;
}
