/** What the demo's cluster has switches for, in the order in which they are shown. */
export const demoSwitchGroups = ['routing', 'faults', 'telemetry', 'cluster', 'metrics pages'] as const;
export type DemoSwitchGroup = (typeof demoSwitchGroups)[number];

export interface DemoSwitch {
  /** Such as `ratings-delay`. */
  readonly name: string;
  readonly group: DemoSwitchGroup;
  /** One sentence. */
  readonly summary: string;
  readonly isOn: boolean;
}

/** A file of Kubernetes objects as somebody wrote it. */
export interface DemoFile {
  /** Its name, for what is said about it. */
  readonly file: string;
  readonly text: string;
}

/** What one asks of a demo that runs. */
export type DemoRequest =
  | { readonly ask: 'view' }
  | { readonly ask: 'set'; readonly name: string; readonly on: boolean }
  /** All files or none. Objects without a namespace are of Bookinfo's. */
  | { readonly ask: 'apply' | 'delete'; readonly files: readonly DemoFile[] }
  | { readonly ask: 'load'; readonly pagesPerSecond: number };

/** The demo as it runs, and what the request did. */
export interface DemoView {
  /** URL of the page of Bookinfo, through the gateway. */
  readonly productpage: string;
  /** Namespace of Bookinfo. */
  readonly namespace: string;
  /** File for `kubectl --kubeconfig`. */
  readonly kubeconfig: string;
  readonly pagesPerSecond: number;
  readonly switches: readonly DemoSwitch[];
  /** Such as `VirtualService default/reviews`. */
  readonly rules: readonly string[];
  /** One line each: what was changed, and what of a file is not acted on. Empty for `view`. */
  readonly notes: readonly string[];
}

/** Why a request changed nothing; one line each, with file and line where it is about a file. */
export interface DemoRefusal {
  readonly refused: readonly string[];
}

/** The demo, as the API sees it. */
export interface DemoDesk {
  /** `unavailable`: it is not running, and why. */
  ask(request: DemoRequest): Promise<DemoView | DemoRefusal | { readonly unavailable: string }>;
}
