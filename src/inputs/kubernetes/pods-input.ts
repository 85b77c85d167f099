import { setTimeout as delay } from 'node:timers/promises';
import type { Input, InputRuntime } from '../../contract/input.ts';
import type { PodExplanation } from '../../contract/status.ts';
import type { ApiClient, ClusterAccess, MissingRight, NodePods, Pod, PodWatch } from '../../kube/kube.ts';
import type { ClusterScope, ElectionOptions } from './cluster-scope.ts';
import type { ConfiguredPage } from './configured-page.ts';
import type { Resolve } from './pod-at.ts';
import type { PodPlan, PodPlanOptions } from './pod-plan.ts';
import type { ServiceRule } from './service-rule-work.ts';
import type { TargetSet } from './target-set.ts';

export interface PodsInputOptions extends Omit<PodPlanOptions, 'services'> {
  readonly access: () => Promise<ClusterAccess>;
  readonly node: string;
  /** Pages of the configuration that are not on this machine. */
  readonly pages?: readonly ConfiguredPage[];
  /** What instances of the configuration choose behind Services. */
  readonly serviceRules?: readonly ServiceRule[];
  /** Undefined: there are no elections, and each agent scrapes all pages. */
  readonly election?: ElectionOptions;
  /** Default: the system's. */
  readonly resolve?: Resolve;
  /** Default: a clock that nobody sets. */
  readonly monotonicMs?: () => number;
  /** Told of the pods of this node, for others who want to know them. */
  readonly known?: Pick<NodePods, 'put' | 'remove'>;
  /** The first answers of the API server are waited for this long, so that the banner can say what is missing. */
  readonly firstAnswersMs?: number;
}

interface KnownPod {
  readonly pod: Pod;
  /** All that the plan depends on. */
  readonly facts: string;
  readonly explanation: PodExplanation;
}

/** What is imported once it runs. */
interface Parts {
  readonly planOf: (pod: Pod, options: PodPlanOptions) => PodPlan;
  readonly client: ApiClient;
  readonly watch: PodWatch;
  readonly scope: ClusterScope;
  readonly targets: TargetSet;
  readonly missingRightLine: (right: MissingRight) => string;
}

/**
 * Scrapes the pods of one node, as their annotations and Istio's own rules say, and the pages of the configuration that are
 * elsewhere in the cluster: those are scraped once, by the agent that holds a lease.
 */
export class PodsInput implements Input {
  readonly #options: PodsInputOptions;
  readonly #runtime: InputRuntime;
  readonly #stop = new AbortController();
  readonly #pods = new Map<string, KnownPod>();
  #parts: Parts | undefined;
  #watching: Promise<void> = Promise.resolve();
  readonly #answered = Promise.withResolvers<void>();
  #stopping: Promise<void> | undefined;

  constructor(options: PodsInputOptions, runtime: InputRuntime) {
    this.#options = options;
    this.#runtime = runtime;
  }

  async start(): Promise<void> {
    const parts = await this.#assembled();
    this.#parts = parts;
    this.#count();
    this.#watching = parts.watch.run(this.#stop.signal);
    await parts.scope.start();
    const { firstAnswersMs = 1_000 } = this.#options;
    const late = delay(firstAnswersMs, undefined, { ref: false, signal: this.#stop.signal }).catch(() => undefined);
    await Promise.race([this.#answered.promise, late]);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopped();
    return this.#stopping;
  }

  async retire(): Promise<void> {
    await this.stop();
    await this.#parts?.targets.retire();
  }

  status(): object {
    const { watch, targets, scope } = this.#parts ?? {};
    return {
      ...(watch && { watch: watch.status() }),
      ...scope?.status(),
      targets: targets?.statuses() ?? [],
      pods: [...this.#pods.values()].map(({ explanation }) => explanation),
      rights: this.#missing(),
      warnings: this.warnings(),
    };
  }

  warnings(): readonly string[] {
    const lines = this.#missing().map((right) => this.#parts?.missingRightLine(right) ?? '');
    return [...new Set(lines)];
  }

  #missing(): readonly MissingRight[] {
    const { watch, scope } = this.#parts ?? {};
    return [watch?.missing(), ...(scope?.missing() ?? [])].filter((right) => right !== undefined);
  }

  async #assembled(): Promise<Parts> {
    const [kube, { Target }, { PageBuffers }, { nameFilter }, plan, { ClusterScope }, { TargetSet }, { resolveHost }] =
      await Promise.all([
        import('../../kube/kube.ts'),
        import('../../scrape/target.ts'),
        import('../../scrape/page-buffers.ts'),
        import('../../scrape/name-filter.ts'),
        import('./pod-plan.ts'),
        import('./cluster-scope.ts'),
        import('./target-set.ts'),
        import('./pod-at.ts'),
      ]);
    const { access, node, pages = [], serviceRules = [], election, resolve = resolveHost } = this.#options;
    const { monotonicMs = () => performance.now() } = this.#options;
    const runtime = this.#runtime;
    const { clock, log, userAgent } = runtime;
    const client = new kube.ApiClient(await access(), userAgent);
    const scraping = {
      makeTarget: (options) => new Target({ ...options, wantedName: nameFilter(options.config) }),
      buffers: new PageBuffers(),
    } satisfies ConstructorParameters<typeof TargetSet>[1];
    const targets = new TargetSet(
      runtime,
      scraping,
      () => this.#count(),
      () => scope.holds,
    );
    const listener = {
      put: (pod: Pod) => this.#putOrLog(pod),
      remove: (uid: string) => this.#remove(uid),
      state: () => {
        scope.podsSeen();
        this.#noteAnswer();
      },
    };
    const random = Math.random;
    const watch = new kube.PodWatch({ client, clock, log, node, listener, random });
    const scope = new ClusterScope({
      ...{ pages, serviceRules, node, client, runtime, random, monotonicMs, resolve, targets },
      ...(election && { election }),
      podsHere: (ip) => [...this.#pods.values()].flatMap(({ pod }) => (pod.ips.includes(ip) ? [pod] : [])),
      podsSeen: () => watch.status().lists > 0,
      onServices: () => {
        this.#planAgain();
        this.#noteAnswer();
      },
    });
    return { planOf: plan.planOf, client, watch, scope, targets, missingRightLine: kube.missingRightLine };
  }

  async #stopped(): Promise<void> {
    this.#stop.abort();
    const { scope, client, targets } = this.#parts ?? {};
    await this.#watching;
    await scope?.stop();
    await client?.close();
    await targets?.stop();
  }

  #noteAnswer(): void {
    const { watch, scope } = this.#parts ?? {};
    if (watch?.status().state !== 'starting' && scope?.isDecided === true) {
      this.#answered.resolve();
    }
  }

  /** One pod that is more than this can take must not hide the others. */
  #putOrLog(pod: Pod): void {
    try {
      this.#put(pod);
    } catch (error) {
      const { namespace, name } = pod;
      this.#runtime.log.error({ namespace, pod: name, error }, 'A pod could not be understood; it is left as it was.');
    }
  }

  /** A target whose settings stay goes on as it is: a pod changes its status all the time. */
  #put(pod: Pod): void {
    const facts = JSON.stringify(pod);
    if (this.#pods.get(pod.uid)?.facts !== facts) {
      this.#options.known?.put(pod);
      this.#plan(pod, facts);
      this.#othersOfHost(pod);
      this.#parts?.scope.podsChanged();
    }
  }

  #plan(pod: Pod, facts: string): void {
    if (this.#parts === undefined) {
      return;
    }
    const { planOf, scope, targets } = this.#parts;
    const ownerOfPort = (one: Pod, port: number) => portOwner(one, port, this.#pods.values());
    const plan = planOf(pod, { ...this.#options, services: scope.services(), ownerOfPort });
    targets.replace(pod.uid, plan.targets, (key) => (plan.elsewhere.has(key) ? 'handed-over' : 'marked'));
    this.#complain(this.#pods.get(pod.uid)?.explanation, plan.explanation);
    this.#pods.set(pod.uid, { pod, facts, explanation: plan.explanation });
  }

  #planAgain(): void {
    for (const { pod, facts } of [...this.#pods.values()]) {
      this.#plan(pod, facts);
    }
  }

  /** Which of them has a port is another question since this one came, changed or went. */
  #othersOfHost({ uid, hostNetwork }: Pod): void {
    const others = hostNetwork === true ? [...this.#pods.values()] : [];
    for (const { pod, facts } of others.filter(({ pod: one }) => one.hostNetwork === true && one.uid !== uid)) {
      this.#plan(pod, facts);
    }
  }

  #remove(uid: string): void {
    const gone = this.#pods.get(uid);
    this.#pods.delete(uid);
    this.#options.known?.remove(uid);
    this.#parts?.targets.replace(uid, []);
    if (gone !== undefined) {
      this.#othersOfHost(gone.pod);
    }
    this.#parts?.scope.podsChanged();
  }

  #complain(before: PodExplanation | undefined, now: PodExplanation): void {
    const { namespace, pod, faults } = now;
    const fresh = faults.filter((fault) => before?.faults.includes(fault) !== true);
    if (fresh.length > 0) {
      this.#runtime.log.warn({ namespace, pod, faults: fresh }, 'An annotation cannot be followed.');
    }
  }

  #count(): void {
    const counts = { waiting: 0, up: 0, down: 0 };
    for (const target of this.#parts?.targets.targets() ?? []) {
      counts[target.status().state]++;
    }
    for (const [state, count] of Object.entries(counts)) {
      const labels = { input: this.#runtime.id, state };
      this.#runtime.meter
        .gauge('meshbridge_scrape_targets', 'Targets by what their last scrape was.', labels)
        .set(count);
    }
  }
}

/** Of pods that share the node's address, the other one that declares the port, where this one does not. */
function portOwner(pod: Pod, port: number, known: Iterable<KnownPod>): string | undefined {
  if (pod.hostNetwork !== true || declares(pod, port)) {
    return undefined;
  }
  for (const { pod: other } of known) {
    const isThere = other.hostNetwork === true && other.phase === 'Running' && !other.deleting;
    if (isThere && other.uid !== pod.uid && declares(other, port) && other.ips.some((ip) => pod.ips.includes(ip))) {
      return `${other.namespace}/${other.name}`;
    }
  }
  return undefined;
}

function declares({ containers }: Pod, port: number): boolean {
  return containers.some(({ kind, ports }) => kind !== 'init' && ports.some(({ number }) => number === port));
}
