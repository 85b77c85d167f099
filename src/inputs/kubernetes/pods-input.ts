import type { Input, InputRuntime } from '../../contract/input.ts';
import type { PodExplanation } from '../../contract/status.ts';
import type { ApiClient, ClusterAccess, Pod, PodListener, PodWatch } from '../../kube/kube.ts';
import type { PageBuffers } from '../../scrape/page-buffers.ts';
import type { Target, TargetOptions } from '../../scrape/target.ts';
import type { PlannedTarget, PodPlan, PodPlanOptions } from './pod-plan.ts';

export interface PodsInputOptions extends PodPlanOptions {
  readonly access: ClusterAccess;
  readonly node: string;
}

/** What is imported once it runs. */
interface Parts {
  readonly makeTarget: (options: Omit<TargetOptions, 'wantedName'>) => Target;
  readonly planOf: (pod: Pod, options: PodPlanOptions) => PodPlan;
  readonly buffers: PageBuffers;
}

interface RunningTarget {
  readonly fingerprint: string;
  readonly target: Target;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

interface KnownPod {
  /** All that the plan depends on. */
  readonly facts: string;
  readonly keys: ReadonlySet<string>;
  readonly explanation: PodExplanation;
}

/** Scrapes the pods of one node: what their annotations and Istio's own rules say, as it changes. */
export class PodsInput implements Input {
  readonly #options: PodsInputOptions;
  readonly #runtime: InputRuntime;
  readonly #stop = new AbortController();
  readonly #targets = new Map<string, RunningTarget>();
  readonly #pods = new Map<string, KnownPod>();
  /** Targets that are on their way out. */
  readonly #leaving = new Set<Promise<void>>();
  #parts: Parts | undefined;
  #client: ApiClient | undefined;
  #watch: PodWatch | undefined;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: PodsInputOptions, runtime: InputRuntime) {
    this.#options = options;
    this.#runtime = runtime;
  }

  async start(): Promise<void> {
    const [{ ApiClient, PodWatch }, { Target }, { PageBuffers }, { nameFilter }, { planOf }] = await Promise.all([
      import('../../kube/kube.ts'),
      import('../../scrape/target.ts'),
      import('../../scrape/page-buffers.ts'),
      import('../../scrape/name-filter.ts'),
      import('./pod-plan.ts'),
    ]);
    const makeTarget: Parts['makeTarget'] = (options) =>
      new Target({ ...options, wantedName: nameFilter(options.config) });
    const parts: Parts = { makeTarget, planOf, buffers: new PageBuffers() };
    this.#parts = parts;
    const { clock, log, userAgent } = this.#runtime;
    const { access, node } = this.#options;
    const client = new ApiClient(access, userAgent);
    const listener: PodListener = {
      put: (pod) => this.#putOrLog(pod),
      remove: (uid) => this.#remove(uid),
      state: (state) => {
        if (state === 'watching') {
          this.#leaveServices();
        } else if (this.#watch?.status().lists === 0) {
          this.#scrapeServices(parts);
        }
      },
    };
    this.#client = client;
    this.#watch = new PodWatch({ client, clock, log, node, listener, random: Math.random });
    this.#count();
    this.#watching = this.#watch.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    await this.#client?.close();
    const running = [...this.#targets.values()].map((entry) => {
      entry.stop.abort();
      return entry.running;
    });
    await Promise.all([...running, ...this.#leaving]);
  }

  async retire(): Promise<void> {
    await this.stop();
    for (const key of [...this.#targets.keys()]) {
      this.#end(key);
    }
    await Promise.all(this.#leaving);
  }

  status(): object {
    return {
      ...(this.#watch && { watch: this.#watch.status() }),
      targets: [...this.#targets.values()].map(({ target }) => target.status()),
      pods: [...this.#pods.values()].map(({ explanation }) => explanation),
    };
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
    if (this.#parts === undefined || this.#pods.get(pod.uid)?.facts === facts) {
      return;
    }
    const { targets, explanation } = this.#parts.planOf(pod, this.#options);
    const keys = new Set(targets.map(({ key }) => key));
    for (const key of this.#pods.get(pod.uid)?.keys ?? []) {
      if (!keys.has(key)) {
        this.#end(key);
      }
    }
    for (const planned of targets) {
      this.#begin(planned, this.#parts);
    }
    this.#complain(this.#pods.get(pod.uid)?.explanation, explanation);
    this.#pods.set(pod.uid, { facts, keys, explanation });
    this.#count();
  }

  #remove(uid: string): void {
    for (const key of this.#pods.get(uid)?.keys ?? []) {
      this.#end(key);
    }
    this.#pods.delete(uid);
    this.#count();
  }

  /** Who has never seen the pods scrapes istiod by its Service: better by every agent than by none. */
  #scrapeServices(parts: Parts): void {
    for (const { url, config } of this.#options.istiod ?? []) {
      this.#begin({ key: serviceKey(url), url, config: { ...config, url, urls: [] } }, parts);
    }
    this.#count();
  }

  #leaveServices(): void {
    for (const { url } of this.#options.istiod ?? []) {
      this.#end(serviceKey(url));
    }
    this.#count();
  }

  #begin({ key, url, config, pod }: PlannedTarget, { makeTarget, buffers }: Parts): void {
    const fingerprint = JSON.stringify([url, config, pod?.labels, pod?.rule]);
    if (this.#targets.get(key)?.fingerprint === fingerprint) {
      return;
    }
    this.#end(key);
    const onChange = (): void => this.#count();
    const target = makeTarget({ url, config, runtime: this.#runtime, buffers, onChange, ...(pod && { pod }) });
    const stop = new AbortController();
    this.#targets.set(key, { fingerprint, target, stop, running: target.run(stop.signal) });
  }

  #end(key: string): void {
    const entry = this.#targets.get(key);
    if (entry === undefined) {
      return;
    }
    this.#targets.delete(key);
    entry.stop.abort();
    const leaving = this.#retired(entry).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  async #retired({ target, running }: RunningTarget): Promise<void> {
    try {
      await running;
      await target.retire();
    } catch (error) {
      this.#runtime.log.error({ url: target.status().url, error }, 'The end of a target was lost.');
    }
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
    for (const { target } of this.#targets.values()) {
      counts[target.status().state]++;
    }
    for (const [state, count] of Object.entries(counts)) {
      this.#runtime.meter
        .gauge('meshbridge_scrape_targets', 'Targets by what their last scrape was.', {
          input: this.#runtime.id,
          state,
        })
        .set(count);
    }
  }
}

function serviceKey(url: string): string {
  return `service ${url}`;
}
