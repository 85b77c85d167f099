import type { Clock, Logger } from '../../contract/runtime.ts';
import type { ApiClient, MissingRight, Pod } from '../../kube/kube.ts';
import type { ConfiguredPage } from './configured-page.ts';
import { podAt, podsInCluster, type Resolve } from './pod-at.ts';
import { type PlannedTarget, targetPodOf } from './pod-plan.ts';
import { configuredRule, type PodService } from './pod-rules.ts';
import type { ServiceFacts } from './service-facts.ts';
import { ServiceReplicas } from './service-replicas.ts';
import type { Ending, TargetSet } from './target-set.ts';

/**
 * Who scrapes a page: nobody yet, the one agent that was elected, of a Service's replicas each the agent of its node, or
 * every agent the page as it is written.
 */
export type PageMode = 'waiting' | 'holder' | 'node' | 'agent';

export interface PageScopeStatus {
  readonly url: string;
  readonly mode: PageMode;
  /** Who scrapes it, and why, as a sentence. */
  readonly said: string;
  /** What this agent scrapes of it: URLs. */
  readonly targets: readonly string[];
  readonly replicas?: number;
  readonly error?: string;
  readonly hint?: string;
}

export interface PageScopeContext {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly resolve: Resolve;
  readonly targets: TargetSet;
  /** Pods of this node with that address. */
  readonly podsHere: (ip: string) => readonly Pod[];
}

/** How often it is looked again which pod an address is. */
const lookAgainMs = { here: 30_000, inCluster: 60_000 };

interface Work {
  readonly stop: AbortController;
  readonly running: Promise<void>;
  readonly replicas?: ServiceReplicas;
  /** Looks again which pod the address is. */
  readonly look?: () => void;
}

/** One page of the configuration, and what this agent does for it. */
export class PageScope {
  readonly page: ConfiguredPage;
  readonly facts: ServiceFacts | undefined;
  readonly #context: PageScopeContext;
  readonly #owner: string;
  #mode: PageMode = 'waiting';
  #why: string | undefined;
  #work: Work | undefined;

  /** `owner`: one of its kind among all that have targets. */
  constructor(page: ConfiguredPage, facts: ServiceFacts | undefined, owner: string, context: PageScopeContext) {
    this.page = page;
    this.facts = facts;
    this.#context = context;
    this.#owner = owner;
  }

  get mode(): PageMode {
    return this.#mode;
  }

  /** Whether the URL is that of a Service. */
  get isService(): boolean {
    return this.facts !== undefined && (this.facts.address.certain || this.facts.exists === true);
  }

  /** `holder`: who has the lease, as far as is known. */
  status(holder: string | undefined): PageScopeStatus {
    const { state: _, ...replicas } = this.#work?.replicas?.status() ?? {};
    const targets = this.#context.targets.urlsOf(this.#owner);
    return { url: shown(this.page.url), mode: this.#mode, said: this.#said(holder), targets, ...replicas };
  }

  #said(holder: string | undefined): string {
    const because = this.#why === undefined ? '' : `: ${this.#why}`;
    const how = this.isService ? ', each replica at its own address' : '';
    switch (this.#mode) {
      case 'waiting':
        return `not scraped yet${because}`;
      case 'holder':
        return this.#work === undefined
          ? `scraped once, by another agent${holder === undefined || holder === '' ? '' : ` (${holder})`}`
          : `scraped once, by this agent${how}`;
      case 'node':
        return `each replica is scraped by the agent of its node${because}`;
      case 'agent':
        return `scraped by every agent, as it is written${because}`;
    }
  }

  missing(): readonly MissingRight[] {
    return [...(this.facts?.missing() ?? []), ...(this.#work?.replicas?.missing() ?? [])];
  }

  /** What the plans of the pods of this node must know of it. */
  podService(): PodService | undefined {
    const { facts } = this;
    if (facts === undefined || !this.isService || this.#mode === 'agent') {
      return undefined;
    }
    const { url, config } = this.page;
    const number = Number(new URL(url).port || (url.startsWith('https:') ? 443 : 80));
    return {
      key: this.#owner,
      url,
      config,
      isBehind: (pod) => facts.isBehind(pod),
      portOf: (pod) => facts.portOf(pod, number),
      by: this.#mode === 'node' ? 'node' : 'holder',
    };
  }

  /** Resolves when what must end has ended. `holds`: whether this agent is the elected one. */
  async follow(mode: PageMode, why: string | undefined, holds: boolean): Promise<void> {
    const before = this.#mode;
    this.#mode = mode;
    this.#why = why;
    const works = mode === 'agent' || (mode === 'holder' && holds);
    if (this.#work !== undefined && (before !== mode || !works)) {
      // Only series that carry the URL of a Service are nobody else's.
      await this.#end(before === 'agent' && this.isService ? 'marked' : 'handed-over');
    }
    if (works && this.#mode === mode) {
      this.#work ??= this.#begin(mode);
    }
  }

  /** As the process ends: its series do not. */
  end(): Promise<void> {
    this.#mode = 'waiting';
    return this.#end('handed-over');
  }

  podsChanged(): void {
    this.#work?.look?.();
  }

  async #end(ending: Ending): Promise<void> {
    const work = this.#work;
    this.#work = undefined;
    work?.stop.abort();
    await this.#context.targets.drop(this.#owner, ending);
    await work?.running;
  }

  #begin(mode: PageMode): Work {
    const stop = new AbortController();
    const { facts, page } = this;
    if (mode === 'holder' && facts !== undefined && this.isService) {
      const replicas = new ServiceReplicas({
        ...this.#context,
        page,
        address: facts.address,
        service: () => facts.service,
        onTargets: (planned) => this.#replace(planned, stop.signal),
      });
      return { stop, replicas, running: replicas.run(stop.signal) };
    }
    let wake = new AbortController();
    const look = (): void => wake.abort();
    const looking = async (): Promise<void> => {
      let known: Pod | undefined;
      while (!stop.signal.aborted) {
        wake = new AbortController();
        // What cannot be told now is as it was.
        known = await this.#pod(mode, stop.signal).catch(() => known);
        this.#replace([this.#address(mode, known)], stop.signal);
        const either = AbortSignal.any([stop.signal, wake.signal]);
        const waitMs = mode === 'holder' ? lookAgainMs.inCluster : lookAgainMs.here;
        await this.#context.clock.sleep(waitMs, either).catch(() => undefined);
      }
    };
    return { stop, look, running: looking() };
  }

  #replace(planned: readonly PlannedTarget[], signal: AbortSignal): void {
    if (!signal.aborted) {
      this.#context.targets.replace(this.#owner, planned);
    }
  }

  /** The pod whose address the page has. Rejects where that cannot be told. */
  async #pod(mode: PageMode, signal: AbortSignal): Promise<Pod | undefined> {
    if (this.isService) {
      return undefined;
    }
    const { client, podsHere, resolve } = this.#context;
    const inCluster = podsInCluster(client, signal);
    return podAt(this.page.url, resolve, async (ip) => {
      const here = podsHere(ip);
      return here.length > 0 || mode === 'agent' ? here : inCluster(ip);
    });
  }

  /** The page as it is written, with the labels of its pod. */
  #address(mode: PageMode, pod: Pod | undefined): PlannedTarget {
    const { url, config } = this.page;
    return {
      ...{ key: url, url, config: { ...config, url, urls: [] }, rule: configuredRule },
      ...(mode === 'holder' && { once: true }),
      ...(pod && { pod: targetPodOf(pod, { url, rule: configuredRule }) }),
    };
  }
}

function shown(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}
