import type { Input, InputRuntime } from '../../contract/input.ts';
import {
  ApiClient,
  type ClusterAccess,
  describeFailure,
  type NodeFacts,
  type NodePlace,
  nodeOf,
  nodeRight,
  usualKubeletPort,
} from '../../kube/kube.ts';
import { nameFilter } from '../../scrape/name-filter.ts';
import { PageBuffers } from '../../scrape/page-buffers.ts';
import { Target } from '../../scrape/target.ts';
import { gaugeTargets } from '../../scrape/target-gauge.ts';
import type { InstancePage } from './instance-page.ts';
import type { KubernetesPrometheusConfig } from './kubernetesprometheus.ts';
import { nodePages } from './node-pages.ts';

export interface KubernetesPrometheusOptions {
  readonly config: KubernetesPrometheusConfig;
  /** Undefined outside a cluster. */
  readonly place: (Omit<NodePlace, 'access'> & { readonly access: ClusterAccess }) | undefined;
  /** `off`: nobody looks for pods and Services. */
  readonly discovery: 'auto' | 'off';
}

/** Labels of nodes change rarely. */
const readAgainMs = 300_000;
const tryAgainMs = 60_000;

/** Scrapes what instances of role `node` name of the own node, and says what is not collected. */
export class KubernetesPrometheusInput implements Input {
  readonly #options: KubernetesPrometheusOptions;
  readonly #runtime: InputRuntime;
  readonly #notCollected: readonly string[];
  readonly #buffers = new PageBuffers();
  readonly #stop = new AbortController();
  #targets: readonly Target[] = [];
  #scraping: { readonly plan: string; readonly leave: AbortController; readonly running: Promise<unknown> } | undefined;
  #problems: readonly string[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(options: KubernetesPrometheusOptions, runtime: InputRuntime) {
    this.#options = options;
    this.#runtime = runtime;
    this.#notCollected = notCollected(options);
  }

  async start(): Promise<void> {
    for (const what of this.#notCollected) {
      this.#runtime.log.warn({ what }, 'Something that is configured is not collected.');
    }
    const { config, place } = this.#options;
    if (place !== undefined && config.instances.some(({ role }) => role === 'node')) {
      gaugeTargets(this.#runtime, []);
      this.#running = this.#run(place, this.#stop.signal);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async retire(): Promise<void> {
    await this.stop();
    await this.#retireTargets();
  }

  status(): object {
    return { targets: this.#targets.map((target) => target.status()), warnings: this.warnings() };
  }

  warnings(): readonly string[] {
    return [...this.#notCollected, ...this.#problems].map((problem) => `not collected: ${problem}`);
  }

  /** Until the signal is aborted. Never rejects. */
  async #run(place: NonNullable<KubernetesPrometheusOptions['place']>, signal: AbortSignal): Promise<void> {
    const client = new ApiClient(place.access, this.#runtime.userAgent);
    let known: NodeFacts | undefined;
    while (!signal.aborted) {
      const read = await this.#read(client, place.node, signal);
      known = read ?? known;
      if (!signal.aborted) {
        await this.#plan(known ?? withoutObject(place), known === undefined ? 'unknown' : 'known');
        const waitMs = read === undefined ? tryAgainMs : readAgainMs;
        await this.#runtime.clock.sleep(waitMs, signal).catch(() => undefined);
      }
    }
    await this.#scraping?.running;
    await client.close();
  }

  async #read(client: ApiClient, node: string, signal: AbortSignal): Promise<NodeFacts | undefined> {
    try {
      return nodeOf(await client.get(`/api/v1/nodes/${encodeURIComponent(node)}`, signal));
    } catch (error) {
      if (!signal.aborted) {
        this.#complain([`node ${node}: ${Object.values(describeFailure(error, nodeRight)).join('; ')}`]);
      }
      return undefined;
    }
  }

  #complain(problems: readonly string[]): void {
    const fresh = problems.filter((problem) => !this.#problems.includes(problem));
    for (const problem of fresh) {
      this.#runtime.log.warn({ problem }, 'Something of the node is not known or not collected.');
    }
    this.#problems = problems;
  }

  /** A plan that stays goes on as it is. */
  async #plan(node: NodeFacts, labels: 'known' | 'unknown'): Promise<void> {
    const { pages, problems } = nodePages(this.#options.config, node, labels);
    const plan = JSON.stringify(pages);
    if (labels === 'known') {
      this.#complain(problems);
    }
    if (plan === this.#scraping?.plan) {
      return;
    }
    this.#scraping?.leave.abort();
    await this.#scraping?.running;
    await this.#retireTargets();
    const leave = new AbortController();
    const either = AbortSignal.any([this.#stop.signal, leave.signal]);
    this.#targets = pages.map((page) => this.#target(page, node.name));
    this.#scraping = { plan, leave, running: Promise.all(this.#targets.map((target) => target.run(either))) };
    gaugeTargets(this.#runtime, this.#targets);
  }

  #target({ url, config }: InstancePage, node: string): Target {
    return new Target({
      url,
      config: { ...config, tags: { node, ...config.tags } },
      runtime: this.#runtime,
      buffers: this.#buffers,
      wantedName: nameFilter(config),
      onChange: () => gaugeTargets(this.#runtime, this.#targets),
    });
  }

  async #retireTargets(): Promise<void> {
    const gone = this.#targets;
    this.#targets = [];
    gaugeTargets(this.#runtime, []);
    for (const target of gone) {
      await target.retire().catch((error: unknown) => {
        this.#runtime.log.error({ url: target.status().url, error }, 'The end of a target was lost.');
      });
    }
  }
}

/** What is known of the node without its object. */
function withoutObject({ node, nodeIp }: { readonly node: string; readonly nodeIp?: string }): NodeFacts {
  const addresses = { Hostname: node, ...(nodeIp !== undefined && { InternalIP: nodeIp }) };
  return { name: node, labels: {}, annotations: {}, addresses, kubeletPort: usualKubeletPort };
}

function notCollected({ config, place, discovery }: KubernetesPrometheusOptions): readonly string[] {
  const roles = new Set(config.instances.map(({ role }) => role));
  if (place === undefined) {
    return roles.size === 0 ? [] : ['all instances: this is not a cluster'];
  }
  const others = [...roles].filter((role) => role !== 'node');
  return others.length > 0 && discovery === 'off'
    ? [`instances of role ${others.join(', ')}: [kubernetes] discovery is off`]
    : [];
}
