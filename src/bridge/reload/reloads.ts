import { formatFault, type LoadedConfig } from '../../config/load.ts';
import type { Logger } from '../../contract/runtime.ts';
import type { ReloadStatus } from '../../contract/status.ts';
import type { Applied } from '../running/running-inputs.ts';

/** Where configurations come from while the process runs. */
export interface ConfigSource {
  /** Reads and checks all of it anew. */
  load(): Promise<LoadedConfig>;
  /** Calls back when somebody asks for a reload, or files have changed; `why` says which. */
  listen(onWanted: (why: string) => void): void;
  stop(): Promise<void>;
}

export interface ReloadsOptions {
  readonly source: ConfigSource;
  /** Takes a configuration without faults. Rejects where it cannot be taken, and then has changed nothing. */
  readonly apply: (config: LoadedConfig) => Promise<Applied>;
  readonly now: () => number;
  readonly log: Logger;
}

type Outcome = Pick<ReloadStatus, 'ok' | 'faults' | 'changed' | 'lastAtMs'>;

const mostLines = 50;

/** Takes configurations one after the other while the process runs. One with faults changes nothing: the last good one goes on. */
export class Reloads {
  readonly #options: ReloadsOptions;
  #last: Outcome;
  #lastGoodAtMs: number;
  #generation = 1;
  #counts = { good: 0, bad: 0 };
  #wanted: string | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: ReloadsOptions) {
    this.#options = options;
    this.#lastGoodAtMs = options.now();
    this.#last = { ok: true, faults: [], changed: [], lastAtMs: this.#lastGoodAtMs };
  }

  start(): void {
    this.#options.source.listen((why) => this.#want(why));
  }

  /** Resolves when none is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#options.source.stop();
    await this.#running;
  }

  status(): Omit<ReloadStatus, 'atNextStart' | 'frozenFiles'> {
    return {
      generation: this.#generation,
      lastGoodAtMs: this.#lastGoodAtMs,
      good: this.#counts.good,
      bad: this.#counts.bad,
      ...this.#last,
    };
  }

  /** Wishes that come while one is under way are one wish. */
  #want(why: string): void {
    this.#wanted = why;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    for (let why = this.#next(); why !== undefined; why = this.#next()) {
      this.#note(await this.#once(), why);
    }
  }

  #next(): string | undefined {
    const why = this.#isStopped ? undefined : this.#wanted;
    this.#wanted = undefined;
    return why;
  }

  async #once(): Promise<Omit<Outcome, 'lastAtMs'>> {
    try {
      const config = await this.#options.source.load();
      if (config.faults.length > 0) {
        return { ok: false, faults: config.faults.map(formatFault), changed: [] };
      }
      const { changed, faults } = await this.#options.apply(config);
      return { ok: faults.length === 0, faults, changed };
    } catch (error) {
      return { ok: false, faults: [error instanceof Error ? error.message : String(error)], changed: [] };
    }
  }

  #note({ ok, faults, changed }: Omit<Outcome, 'lastAtMs'>, why: string): void {
    const { now, log } = this.#options;
    const lastAtMs = now();
    this.#last = { ok, faults: faults.slice(0, mostLines), changed: changed.slice(0, mostLines), lastAtMs };
    this.#counts[ok ? 'good' : 'bad'] += 1;
    if (changed.length > 0) {
      this.#generation += 1;
    }
    if (ok) {
      this.#lastGoodAtMs = lastAtMs;
      log.info({ why, changed, generation: this.#generation }, 'The configuration was taken while running.');
    } else if (changed.length > 0) {
      log.error(
        { why, faults, changed },
        'The new configuration was taken in part; what could not start is as before.',
      );
    } else {
      log.error({ why, faults }, 'The new configuration was not taken; the last good one goes on.');
    }
  }
}
