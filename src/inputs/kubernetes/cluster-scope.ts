import type { InputRuntime } from '../../contract/input.ts';
import type { ApiClient, LeaseElection, LeaseStatus, MissingRight, Pod } from '../../kube/kube.ts';
import type { ConfiguredPage, ServiceAddress } from './configured-page.ts';
import { type PageMode, PageScope, type PageScopeStatus } from './page-scope.ts';
import type { Resolve } from './pod-at.ts';
import type { PodService } from './pod-rules.ts';
import { refusalCountsAfterMs, ServiceFacts } from './service-facts.ts';
import { type ServiceRule, type ServiceRuleStatus, ServiceRuleWork } from './service-rule-work.ts';
import type { TargetSet } from './target-set.ts';

/** How agents agree on one of them. */
export interface ElectionOptions {
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Of this process, and of no other. */
  readonly identity: string;
}

export interface ClusterScopeOptions {
  readonly pages: readonly ConfiguredPage[];
  /** What the elected agent scrapes behind Services; where nobody is elected, each agent that of its own node. */
  readonly serviceRules?: readonly ServiceRule[];
  readonly node: string;
  /** Undefined: there are no elections, and each agent does all. */
  readonly election?: ElectionOptions;
  readonly client: ApiClient;
  readonly runtime: InputRuntime;
  readonly random: () => number;
  readonly monotonicMs: () => number;
  readonly resolve: Resolve;
  readonly targets: TargetSet;
  readonly podsHere: (ip: string) => readonly Pod[];
  /** Whether the pods of this node were seen. */
  readonly podsSeen: () => boolean;
  /** Told when `services` says something else. */
  readonly onServices: () => void;
}

export interface ClusterScopeStatus {
  readonly lease?: LeaseStatus;
  readonly configured: readonly PageScopeStatus[];
  readonly rules?: readonly ServiceRuleStatus[];
}

/** Who never had an answer for so long scrapes as if it were alone: better by every agent than by none. */
const unansweredMs = 30_000;

/** The pages of the configuration that are not on this machine: what of them this agent scrapes, and what others do. */
export class ClusterScope {
  readonly #options: ClusterScopeOptions;
  readonly #pages: readonly PageScope[];
  readonly #facts: readonly ServiceFacts[];
  readonly #rules: readonly ServiceRuleWork[];
  readonly #stop = new AbortController();
  readonly #fromMs: number;
  #election: LeaseElection | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #answered = false;
  /** Since when leases are refused, without any other answer. */
  #refusedFromMs: number | undefined;
  #following: Promise<unknown> = Promise.resolve();
  #said = '';

  constructor(options: ClusterScopeOptions) {
    this.#options = options;
    const { runtime, client, random } = options;
    const { clock, log } = runtime;
    this.#fromMs = clock.now();
    const facts = new Map<string, ServiceFacts>();
    const factsOf = (address: ServiceAddress): ServiceFacts => {
      const key = `${address.namespace}/${address.name} ${address.hostname ?? ''}`;
      const known = facts.get(key) ?? new ServiceFacts(address, client, { clock, random });
      facts.set(key, known);
      return known;
    };
    const context = { ...options, clock, log };
    this.#pages = options.pages.map(
      (page, index) => new PageScope(page, page.service && factsOf(page.service), `configured page ${index}`, context),
    );
    this.#facts = [...facts.values()];
    this.#rules = (options.serviceRules ?? []).map((rule) => new ServiceRuleWork({ ...context, rule }));
  }

  /** Whether what is scraped once per cluster is scraped here. */
  get holds(): boolean {
    return this.#election?.holds ?? false;
  }

  /** Of each page it is known who scrapes it. */
  get isDecided(): boolean {
    return this.#pages.every(({ mode }) => mode !== 'waiting');
  }

  services(): readonly PodService[] {
    return this.#pages.map((page) => page.podService()).filter((service) => service !== undefined);
  }

  status(): ClusterScopeStatus {
    const lease = this.#election?.status();
    const rules = this.#rules.map((rule) => rule.status());
    return {
      ...(lease && { lease }),
      configured: this.#pages.map((page) => page.status(lease?.holder)),
      ...(rules.length > 0 && { rules }),
    };
  }

  missing(): readonly MissingRight[] {
    const all = [this.#election?.missing(), ...[...this.#pages, ...this.#rules].flatMap((one) => one.missing())];
    return all.filter((right) => right !== undefined);
  }

  async start(): Promise<void> {
    const { election, client, runtime, random, monotonicMs, pages } = this.#options;
    const { clock, log } = runtime;
    const { LeaseElection } = await import('../../kube/kube.ts');
    if (election !== undefined && (this.#rules.length > 0 || pages.some(({ once }) => once))) {
      const listener = {
        gained: () => this.#follow(),
        lost: () => this.#followed(),
        state: (state: LeaseStatus['state']) => {
          this.#heard(state);
          this.#follow();
        },
      };
      const right = {
        group: 'coordination.k8s.io',
        resource: 'leases',
        verbs: ['get', 'create', 'update'],
        namespace: election.namespace,
        without: 'no agent is elected, and each scrapes what one of them should',
      };
      this.#election = new LeaseElection({ ...election, client, clock, log, random, monotonicMs, right, listener });
    }
    const { signal } = this.#stop;
    this.#running = Promise.all([
      this.#election?.run(signal),
      ...this.#facts.map((one) => one.run(() => this.#follow(), signal)),
      pages.length + this.#rules.length > 0 && this.#losePatience(signal),
    ]);
    this.#follow();
  }

  /** Ends what it scrapes, and then lets another agent have the lease. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#followed();
    await this.#following;
  }

  podsChanged(): void {
    for (const page of this.#pages) {
      page.podsChanged();
    }
  }

  /** The pods of this node were seen for the first time, or cannot be. */
  podsSeen(): void {
    this.#follow();
  }

  async #losePatience(signal: AbortSignal): Promise<void> {
    await this.#options.runtime.clock.sleep(unansweredMs, signal).catch(() => undefined);
    if (!signal.aborted) {
      this.#follow();
    }
  }

  #heard(state: LeaseStatus['state']): void {
    if (state === 'forbidden') {
      this.#refusedFromMs ??= this.#options.runtime.clock.now();
    } else if (state === 'holder' || state === 'candidate') {
      this.#refusedFromMs = undefined;
      this.#answered = true;
    }
  }

  #follow(): void {
    this.#following = this.#followed();
  }

  async #followed(): Promise<void> {
    if (this.#election !== undefined) {
      this.#options.runtime.meter
        .gauge('meshbridge_lease_held', 'Whether this agent scrapes what is scraped once per cluster.')
        .set(this.holds ? 1 : 0);
    }
    if (this.#stop.signal.aborted) {
      const ended = this.#rules.map((rule) => rule.follow('nothing'));
      await Promise.all([...ended, ...this.#pages.map((page) => page.end())]);
      return;
    }
    const { holds } = this;
    const done = this.#pages.map((page) => {
      const { mode, why } = this.#decided(page);
      return page.follow(mode, why, holds);
    });
    const said = JSON.stringify([
      this.#pages.map(({ mode }) => mode),
      this.#facts.map(({ service, exists }) => [service, exists]),
    ]);
    if (said !== this.#said) {
      this.#said = said;
      this.#options.onServices();
    }
    const share = this.#whyAlone() === undefined ? (holds ? 'all' : 'nothing') : 'own node';
    await Promise.all([...done, ...this.#rules.map((rule) => rule.follow(share))]);
  }

  #decided(scope: PageScope): { readonly mode: PageMode; readonly why?: string } {
    const { facts, page } = scope;
    if (!page.once) {
      return { mode: 'agent', why: page.config.election === false ? 'election = false' : 'it is on this node' };
    }
    const alone = this.#whyAlone();
    if (facts !== undefined && !facts.known && !this.#isUnanswered()) {
      return { mode: 'waiting', why: 'the API server was not heard yet' };
    }
    if (alone !== undefined) {
      return { mode: this.#withoutHolder(scope), why: alone };
    }
    if (this.#election?.status().state === 'starting' || !this.#answered) {
      return { mode: 'waiting', why: 'the lease was not read yet' };
    }
    if (scope.isService && facts?.replicasReadable === false) {
      return { mode: this.#withoutHolder(scope), why: 'EndpointSlices may not be read' };
    }
    return { mode: 'holder' };
  }

  #withoutHolder(scope: PageScope): PageMode {
    return scope.isService && scope.facts?.isTold === true && this.#options.podsSeen() ? 'node' : 'agent';
  }

  #whyAlone(): string | undefined {
    if (this.#election === undefined) {
      return 'elections are off';
    }
    const { clock } = this.#options.runtime;
    const countsAfterMs = this.#answered ? refusalCountsAfterMs.later : refusalCountsAfterMs.atFirst;
    if (this.#refusedFromMs !== undefined && clock.now() - this.#refusedFromMs >= countsAfterMs) {
      return 'leases may not be used';
    }
    return this.#isUnanswered() ? 'the API server does not answer' : undefined;
  }

  #isUnanswered(): boolean {
    const { clock } = this.#options.runtime;
    return !this.#answered && this.#refusedFromMs === undefined && clock.now() - this.#fromMs >= unansweredMs;
  }
}
