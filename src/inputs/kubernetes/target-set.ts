import type { InputRuntime } from '../../contract/input.ts';
import type { PageBuffers } from '../../scrape/page-buffers.ts';
import type { Target, TargetOptions } from '../../scrape/target.ts';
import type { TargetStatus } from '../../scrape/target-status.ts';
import type { PlannedTarget } from './pod-plan.ts';

/** What is imported once it runs. */
export interface ScrapeParts {
  readonly makeTarget: (options: Omit<TargetOptions, 'wantedName'>) => Target;
  readonly buffers: PageBuffers;
}

/** What becomes of the series of a target that ends: they end with it, or another agent goes on with them. */
export type Ending = 'marked' | 'handed-over';

interface RunningTarget {
  readonly fingerprint: string;
  readonly rule: string | undefined;
  readonly target: Target;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

/** The targets that run, each under its owner: a pod, or a page of the configuration. */
export class TargetSet {
  readonly #runtime: InputRuntime;
  readonly #parts: ScrapeParts;
  readonly #onChange: () => void;
  readonly #mayScrapeForAll: () => boolean;
  readonly #owners = new Map<string, Map<string, RunningTarget>>();
  /** Targets that are on their way out. */
  readonly #leaving = new Set<Promise<void>>();

  /** `mayScrapeForAll`: whether targets with `once` are this agent's now. */
  constructor(runtime: InputRuntime, parts: ScrapeParts, onChange: () => void, mayScrapeForAll: () => boolean) {
    this.#runtime = runtime;
    this.#parts = parts;
    this.#onChange = onChange;
    this.#mayScrapeForAll = mayScrapeForAll;
  }

  *targets(): Iterable<Target> {
    for (const owned of this.#owners.values()) {
      for (const { target } of owned.values()) {
        yield target;
      }
    }
  }

  statuses(): readonly TargetStatus[] {
    const running = [...this.#owners.values()].flatMap((owned) => [...owned.values()]);
    return running.map(({ target, rule }) => ({ ...(rule !== undefined && { rule }), ...target.status() }));
  }

  urlsOf(owner: string): readonly string[] {
    return Array.from(this.#owners.get(owner)?.values() ?? [], ({ target }) => target.status().url);
  }

  /** Gives the owner these targets and no others. A target whose settings stay goes on as it is. */
  replace(owner: string, planned: readonly PlannedTarget[], endingOf: (key: string) => Ending = () => 'marked'): void {
    const owned = this.#owners.get(owner) ?? new Map<string, RunningTarget>();
    this.#owners.set(owner, owned);
    const wanted = new Set(planned.map(({ key }) => key));
    for (const key of [...owned.keys()]) {
      if (!wanted.has(key)) {
        this.#end(owned, key, endingOf(key));
      }
    }
    for (const one of planned) {
      this.#begin(owned, one);
    }
    if (owned.size === 0) {
      this.#owners.delete(owner);
    }
    this.#onChange();
  }

  /** Resolves when the last scrape of them is over. */
  async drop(owner: string, ending: Ending): Promise<void> {
    const running = [...(this.#owners.get(owner)?.values() ?? [])].map((entry) => entry.running);
    this.replace(owner, [], () => ending);
    await Promise.all(running);
  }

  async stop(): Promise<void> {
    const entries = [...this.#owners.values()].flatMap((owned) => [...owned.values()]);
    const running = entries.map((entry) => {
      entry.stop.abort();
      return entry.running;
    });
    await Promise.all([...running, ...this.#leaving]);
  }

  /** In place of `stop`: nobody goes on with their series. */
  async retire(): Promise<void> {
    await this.stop();
    for (const owner of [...this.#owners.keys()]) {
      this.replace(owner, []);
    }
    await Promise.all(this.#leaving);
  }

  #begin(owned: Map<string, RunningTarget>, { key, url, config, rule, pod, once }: PlannedTarget): void {
    const fingerprint = JSON.stringify([url, config, pod?.labels, pod?.rule, once]);
    if (owned.get(key)?.fingerprint === fingerprint) {
      return;
    }
    this.#end(owned, key, 'marked');
    const { makeTarget, buffers } = this.#parts;
    const runtime = once === true ? forCluster(this.#runtime, this.#mayScrapeForAll) : this.#runtime;
    const target = makeTarget({ url, config, runtime, buffers, onChange: this.#onChange, ...(pod && { pod }) });
    const stop = new AbortController();
    owned.set(key, { fingerprint, rule, target, stop, running: target.run(stop.signal) });
  }

  #end(owned: Map<string, RunningTarget>, key: string, ending: Ending): void {
    const entry = owned.get(key);
    if (entry === undefined) {
      return;
    }
    owned.delete(key);
    entry.stop.abort();
    const leaving = this.#left(entry, ending).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  async #left({ target, running }: RunningTarget, ending: Ending): Promise<void> {
    try {
      await running;
      if (ending === 'marked') {
        await target.retire();
      }
    } catch (error) {
      this.#runtime.log.error({ url: target.status().url, error }, 'The end of a target was lost.');
    }
  }
}

/**
 * What it gives is of the whole cluster: it carries nothing of the node that happens to scrape it. A process that was
 * stopped for a while may find that another agent goes on in its place before its own timers say so.
 */
function forCluster(runtime: InputRuntime, mayScrapeForAll: () => boolean): InputRuntime {
  return {
    ...runtime,
    emit: (batch, position) => {
      if (mayScrapeForAll()) {
        return runtime.emit({ ...batch, scope: 'cluster' }, position);
      }
      runtime.dropped(batch.signal, batch.items, 'lease_lost');
      return Promise.resolve();
    },
  };
}
