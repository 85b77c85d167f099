import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodExplanation } from '../../../src/contract/status.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import type { Cluster } from './api-server.ts';

/** The part of the status that says what is discovered. */
export interface Discovery {
  readonly watch: {
    readonly state: string;
    readonly pods: number;
    readonly lists: number;
    readonly watches: number;
    readonly error?: string;
    readonly hint?: string;
  };
  readonly lease?: { readonly state: string; readonly holder?: string };
  readonly targets: readonly {
    readonly url: string;
    readonly state: string;
    readonly pod?: string;
    readonly rule?: string;
    readonly samples?: number;
  }[];
  readonly pods: readonly PodExplanation[];
}

/** A line of the `file` output about a metric. */
export interface MetricLine {
  readonly signal: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: number;
  readonly timestamp: number;
  readonly stale?: true;
  readonly measurement?: string;
}

export interface AgentOptions {
  readonly cluster: Cluster;
  /** For its configuration and data; started again with the same, it goes on. */
  readonly dir: string;
  readonly node: string;
  /** The folder of its service account. */
  readonly account: string;
  /** More files of `conf.d/`. */
  readonly config?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs outside the cluster, with this file. */
  readonly kubeconfig?: string;
  /** Where it finds the API server, if not at its own port. */
  readonly apiPort?: number;
}

export interface Agent extends Daemon {
  readonly node: string;
  discovery(): Promise<Discovery>;
  /** `pod state` of each target, sorted. */
  targets(): Promise<readonly string[]>;
  /** What it delivered of metrics so far. */
  lines(): Promise<readonly MetricLine[]>;
}

/** The daemon as the agent of a node, without a store; what it collects goes to a file. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { cluster, dir, node } = options;
  const own = `
    [kubernetes]
      ${options.kubeconfig === undefined ? `service_account_dir = "${options.account}"` : `kubeconfig = "${options.kubeconfig}"`}
    [store]
      enabled = false
    [[inputs.zipkin]]
      enabled = false
    [[inputs.container]]
      enabled = false
    [[outputs.file]]
      path = "out.ndjson"
    [queue]
      min_free = "1MB"
  `;
  const env = {
    ...(options.kubeconfig === undefined && cluster.podEnvironment),
    ...(options.apiPort !== undefined && { KUBERNETES_SERVICE_PORT: String(options.apiPort) }),
    NODE_NAME: node,
    ...options.env,
  };
  const daemon = await startDaemon({ dir, config: { 'own.conf': own, ...options.config }, env });
  const discovery = async (): Promise<Discovery> => {
    const { inputs } = await daemon.status();
    return inputs.find(({ id }) => id === 'kubernetes')?.detail as unknown as Discovery;
  };
  return {
    ...daemon,
    node,
    discovery,
    targets: async () => (await discovery()).targets.map(({ pod, state }) => `${pod} ${state}`).sort(),
    lines: async () => {
      const text = await readFile(join(dir, 'data/out.ndjson'), 'utf8').catch(() => '');
      const lines = text.split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line) as MetricLine).filter(({ signal }) => signal === 'metrics');
    },
  };
}
