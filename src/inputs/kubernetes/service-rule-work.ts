import type { Clock, Logger } from '../../contract/runtime.ts';
import type { ApiClient, Endpoint, EndpointSlice, MissingRight, ResourceWatch, Service } from '../../kube/kube.ts';
import { EndpointPods } from './endpoint-pods.ts';
import { type PlannedTarget, targetKey, targetPodOf } from './pod-plan.ts';
import type { RuleResult } from './pod-rules.ts';
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
  readonly watches: readonly (ResourceWatch<Service> | ResourceWatch<EndpointSlice>)[];
}

/** Changes come in bursts: a rollout replaces endpoints one by one. */
const settleMs = 250;

/** What a rule finds behind Services, as EndpointSlices say; they are watched only where something is scraped of it. */
export class ServiceRuleWork {
  readonly #options: ServiceRuleOptions;
  readonly #pods: EndpointPods;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, EndpointSlice>();
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
    const watches = this.#work?.watches ?? [];
    return [...watches.map((watch) => watch.missing()), this.#pods.missing()].filter((right) => right !== undefined);
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
    this.#slices.clear();
    this.#planned = 0;
    this.#problems = [];
  }

  async #begin(share: Share): Promise<Work> {
    const { endpointSliceOf, ResourceWatch, serviceOf } = await import('../../kube/kube.ts');
    const { rule, client, clock, log, random } = this.#options;
    const stop = new AbortController();
    const changed = (): void => this.#changed.resolve();
    const shared = { client, clock, log, random, selector: selectorOf(rule) };
    const slices = placesOf(rule).map(
      (place) =>
        new ResourceWatch<EndpointSlice>({
          ...shared,
          path: `/apis/discovery.k8s.io/v1${place}/endpointslices`,
          what: `EndpointSlices of ${rule.key}`,
          right: rightOf('discovery.k8s.io', 'endpointslices', rule),
          parse: endpointSliceOf,
          listener: keeping(this.#slices, ({ uid }) => uid, changed),
        }),
    );
    const services = (rule.services === 'wanted' ? placesOf(rule) : []).map(
      (place) =>
        new ResourceWatch<Service>({
          ...shared,
          path: `/api/v1${place}/services`,
          what: `Services of ${rule.key}`,
          right: rightOf('', 'services', rule),
          parse: serviceOf,
          listener: keeping(this.#services, ({ namespace, name }) => `${namespace}/${name}`, changed),
        }),
    );
    const watches = [...slices, ...services];
    const running = [...watches.map((watch) => watch.run(stop.signal)), this.#planning(watches, share, stop.signal)];
    return { share, stop, running: Promise.all(running), watches };
  }

  /** Plans whenever something has changed, once all watches have brought their first list. */
  async #planning(watches: Work['watches'], share: Share, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#changed.promise;
      await this.#options.clock.sleep(settleMs, signal).catch(() => undefined);
      this.#changed = Promise.withResolvers();
      if (!signal.aborted && watches.every((watch) => watch.status().lists > 0)) {
        await this.#plan(share, signal);
      }
    }
  }

  async #plan(share: Share, signal: AbortSignal): Promise<void> {
    const planned = new Map<string, PlannedTarget>();
    const problems = new Set<string>();
    const slices = [...this.#slices.values()].sort((a, b) => a.family.localeCompare(b.family));
    for (const slice of slices) {
      for (const endpoint of slice.endpoints) {
        const target = this.#isOurs(endpoint, share)
          ? await this.#target(slice, endpoint, problems, signal)
          : undefined;
        // A pod of two families is in slices of both.
        if (target !== undefined && !planned.has(target.key)) {
          planned.set(target.key, target);
        }
      }
    }
    if (!signal.aborted) {
      this.#complain([...problems]);
      this.#planned = planned.size;
      const once = share === 'all' ? ({ once: true } as const) : {};
      this.#options.targets.replace(
        this.#owner,
        [...planned.values()].map((target) => ({ ...target, ...once })),
      );
    }
  }

  #isOurs({ node, terminating }: Endpoint, share: Share): boolean {
    return !terminating && (share === 'all' || node === this.#options.node);
  }

  async #target(
    slice: EndpointSlice,
    endpoint: Endpoint,
    problems: Set<string>,
    signal: AbortSignal,
  ): Promise<PlannedTarget | undefined> {
    const [ip] = endpoint.addresses;
    const service = this.#services.get(`${slice.namespace}/${slice.service}`);
    const { rule } = this.#options;
    if (ip === undefined || (rule.services === 'wanted' && service === undefined)) {
      return undefined;
    }
    const { pages, refused } = rule.find({ slice, endpoint, ip, service });
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

function keeping<T extends { readonly uid: string }>(
  map: Map<string, T>,
  keyOf: (object: T) => string,
  changed: () => void,
) {
  return {
    put: (object: T): void => {
      map.set(keyOf(object), object);
      changed();
    },
    remove: (uid: string): void => {
      for (const [key, object] of map) {
        if (object.uid === uid) {
          map.delete(key);
        }
      }
      changed();
    },
    state: changed,
  };
}

/** Where the objects are: the whole cluster, or namespaces. */
function placesOf({ namespaces }: ServiceRule): readonly string[] {
  return namespaces.length === 0 ? [''] : namespaces.map((namespace) => `/namespaces/${encodeURIComponent(namespace)}`);
}

function selectorOf({ labelSelector }: ServiceRule): Readonly<Record<string, string>> {
  return labelSelector === '' ? {} : { labelSelector };
}

function rightOf(group: string, resource: string, { key, namespaces }: ServiceRule) {
  const [namespace] = namespaces;
  return {
    group,
    resource,
    verbs: ['list', 'watch'],
    ...(namespace !== undefined && { namespace }),
    without: `nothing of ${key} is scraped`,
  };
}
