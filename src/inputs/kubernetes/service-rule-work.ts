import type { Clock, Logger } from '../../contract/runtime.ts';
import type { ApiClient, Endpoint, EndpointSlice, MissingRight, ResourceWatch, Service } from '../../kube/kube.ts';
import { EndpointPods } from './endpoint-pods.ts';
import { type PlannedTarget, targetKey, targetPodOf } from './pod-plan.ts';
import type { RuleResult } from './pod-rules.ts';
import { keeping, listRight, namespacePath, SliceSource } from './slice-source.ts';
import type { Ending, TargetSet } from './target-set.ts';

/** One endpoint behind a Service. */
export interface ServiceEndpoint {
  readonly slice: EndpointSlice;
  readonly endpoint: Endpoint;
  readonly ip: string;
  /** Undefined where the rule does not want to know. */
  readonly service: Service | undefined;
}

/** A rule of the configuration that chooses among what is behind Services. */
export interface ServiceRule {
  /** Where it is written. */
  readonly key: string;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** As the API server understands it; the rule may choose further. */
  readonly labelSelector: string;
  readonly services: 'wanted' | 'not wanted';
  readonly find: (endpoint: ServiceEndpoint) => RuleResult;
}

/** How much of what a rule finds is scraped here. */
export type Share = 'all' | 'own node' | 'nothing';

export interface ServiceRuleStatus {
  readonly rule: string;
  readonly share: Share;
  readonly targets: number;
  /** What is not collected, and why: whole lines. */
  readonly problems: readonly string[];
}

export interface ServiceRuleOptions {
  readonly rule: ServiceRule;
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly node: string;
  readonly targets: TargetSet;
}

interface Work {
  readonly share: Share;
  readonly stop: AbortController;
  readonly running: Promise<unknown>;
  readonly sources: readonly SliceSource[];
  readonly services: readonly ResourceWatch<Service>[];
}

/** Changes come in bursts: a rollout replaces endpoints one by one. */
const settleMs = 250;

/** What a rule finds behind Services, as EndpointSlices say; they are watched only where something is scraped of it. */
export class ServiceRuleWork {
  readonly #options: ServiceRuleOptions;
  readonly #pods: EndpointPods;
  readonly #services = new Map<string, Service>();
  readonly #owner: string;
  #share: Share = 'nothing';
  #work: Work | undefined;
  #following: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();
  #planned = 0;
  #problems: readonly string[] = [];

  constructor(options: ServiceRuleOptions) {
    this.#options = options;
    this.#pods = new EndpointPods(options.client);
    this.#owner = `rule ${options.rule.key}`;
  }

  status(): ServiceRuleStatus {
    const { key: rule } = this.#options.rule;
    return { rule, share: this.#share, targets: this.#planned, problems: this.#problems };
  }

  missing(): readonly MissingRight[] {
    const { sources = [], services = [] } = this.#work ?? {};
    const all = [...sources, ...services].map((one) => one.missing());
    return [...all, this.#pods.missing()].filter((right) => right !== undefined);
  }

  /** Resolves when what must end has ended. */
  follow(share: Share): Promise<void> {
    this.#share = share;
    this.#following = this.#following.then(() => this.#followed());
    return this.#following;
  }

  async #followed(): Promise<void> {
    if (this.#work !== undefined && this.#work.share !== this.#share) {
      await this.#end('handed-over');
    }
    if (this.#share !== 'nothing') {
      this.#work ??= await this.#begin(this.#share);
    }
  }

  async #end(ending: Ending): Promise<void> {
    const work = this.#work;
    this.#work = undefined;
    work?.stop.abort();
    this.#changed.resolve();
    await this.#options.targets.drop(this.#owner, ending);
    await work?.running;
    this.#services.clear();
    this.#planned = 0;
    this.#problems = [];
  }

  async #begin(share: Share): Promise<Work> {
    const { rule, client, clock, log, random } = this.#options;
    const { ResourceWatch, serviceOf } = await import('../../kube/kube.ts');
    const stop = new AbortController();
    const onChange = (): void => this.#changed.resolve();
    const { key, labelSelector, namespaces } = rule;
    const places = namespaces.length === 0 ? [undefined] : namespaces;
    const shared = { client, clock, log, random };
    const sources = places.map((namespace) => new SliceSource({ ...shared, namespace, labelSelector, key, onChange }));
    const services = (rule.services === 'wanted' ? places : []).map(
      (namespace) =>
        new ResourceWatch<Service>({
          ...shared,
          path: `/api/v1${namespacePath(namespace)}/services`,
          selector: labelSelector === '' ? {} : { labelSelector },
          what: `Services of ${key}`,
          right: listRight('', 'services', { namespace, key }),
          parse: serviceOf,
          listener: keeping(this.#services, onChange),
        }),
    );
    const work = { share, stop, sources, services };
    const running = [...sources, ...services].map((one) => one.run(stop.signal));
    return { ...work, running: Promise.all([...running, this.#planning(work)]) };
  }

  /** Plans whenever something has changed, once all that is to be known was listed. */
  async #planning(work: Omit<Work, 'running'>): Promise<void> {
    const { signal } = work.stop;
    while (!signal.aborted) {
      await this.#changed.promise;
      await this.#options.clock.sleep(settleMs, signal).catch(() => undefined);
      this.#changed = Promise.withResolvers();
      const isKnown =
        work.sources.every((source) => source.isKnown) && work.services.every((watch) => watch.status().lists > 0);
      if (!signal.aborted && isKnown) {
        await this.#plan(work);
      }
    }
  }

  async #plan(work: Omit<Work, 'running'>): Promise<void> {
    const { signal } = work.stop;
    const planned = new Map<string, PlannedTarget>();
    const problems = new Set<string>();
    for (const endpoint of this.#endpoints(work)) {
      const target = await this.#target(endpoint, problems, signal);
      // A pod of two families is in slices of both.
      if (target !== undefined && !planned.has(target.key)) {
        planned.set(target.key, target);
      }
    }
    if (!signal.aborted) {
      this.#complain([...problems]);
      this.#planned = planned.size;
      const once = work.share === 'all' ? ({ once: true } as const) : {};
      this.#options.targets.replace(
        this.#owner,
        [...planned.values()].map((target) => ({ ...target, ...once })),
      );
    }
  }

  /** Those that are scraped here, IPv4 first. */
  #endpoints({ sources, share }: Omit<Work, 'running'>): readonly ServiceEndpoint[] {
    const services = new Map([...this.#services.values()].map((one) => [`${one.namespace}/${one.name}`, one]));
    const slices = sources.flatMap((source) => source.slices()).sort((a, b) => a.family.localeCompare(b.family));
    return slices.flatMap((slice) => {
      const service = services.get(`${slice.namespace}/${slice.service}`);
      const ours = slice.endpoints.filter((endpoint) => this.#isOurs(endpoint, share));
      return ours.flatMap((endpoint) => {
        const [ip] = endpoint.addresses;
        return ip === undefined ? [] : [{ slice, endpoint, ip, service }];
      });
    });
  }

  #isOurs({ node, terminating }: Endpoint, share: Share): boolean {
    return !terminating && (share === 'all' || node === this.#options.node);
  }

  async #target(
    found: ServiceEndpoint,
    problems: Set<string>,
    signal: AbortSignal,
  ): Promise<PlannedTarget | undefined> {
    const { slice, endpoint, ip, service } = found;
    const { rule } = this.#options;
    if (rule.services === 'wanted' && service === undefined) {
      return undefined;
    }
    const { pages, refused } = rule.find(found);
    const [page] = pages;
    if (refused !== undefined) {
      problems.add(`${slice.namespace}/${slice.service}: ${refused.keyPath} ${refused.message}`);
    }
    if (page === undefined) {
      return undefined;
    }
    const pod = await this.#pods.podOf(endpoint, ip, signal);
    const key = targetKey({ uid: pod?.uid ?? ip }, page.url);
    return { key, url: page.url, config: page.config, ...(pod && { pod: targetPodOf(pod, page) }) };
  }

  #complain(problems: readonly string[]): void {
    const fresh = problems.filter((problem) => !this.#problems.includes(problem));
    if (fresh.length > 0) {
      this.#options.log.warn({ problems: fresh }, 'Something behind a Service is not collected.');
    }
    this.#problems = problems;
  }
}
