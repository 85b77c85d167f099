import type { DestinationRule, VirtualService } from './istio-rules.ts';

/**
 * All that the demo's switches can change. The mesh is given the whole of it and finds out by itself what differs from what
 * runs; the same state twice changes nothing.
 */
export interface DemoState {
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
  /** Share of the requests at the gateway that are traced, 0 to 100. */
  readonly samplingPercent: number;
  /** reviews waits 2.5 s for ratings instead of 10, as Bookinfo's own repair of v3 does. */
  readonly timeoutsRepaired: boolean;
  /** Apps, such as `reviews`, that do not pass on the x-b3 headers of their requests. */
  readonly appsWithoutTraceHeaders: readonly string[];
  /** How many of the two replicas of istiod do not answer. */
  readonly istiodDown: 0 | 1 | 2;
  /** The workload, such as `details-v1`, whose container ends and is started again and again; undefined: none. */
  readonly crashLoop: string | undefined;
  /** Pages a second that the load asks for. */
  readonly pagesPerSecond: number;
  /** Faults of the pods' merged pages of metrics, which Istio's agent has too. */
  readonly pageQuirks: readonly PageQuirk[];
}

export type PageQuirk =
  | 'no content type' // of the merged page
  | 'empty labels' // `{}` behind a name without labels
  | 'repeated types' // `# TYPE` of a family that another part had
  | 'failing app'; // the part of the application cannot be had

/** What carries a state out. */
export interface DemoMesh {
  /** Resolves when all proxies and services act on it. Rejects where one does not take it; what ran before goes on then. */
  apply(state: DemoState, signal: AbortSignal): Promise<void>;
}
