import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from '../../config/load.ts';
import { frozenFiles } from '../../config/mounts.ts';
import type { Logger } from '../../contract/runtime.ts';
import type { ReloadStatus } from '../../contract/status.ts';
import type { PlannedInput } from '../running/discovery.ts';
import type { Applied, RunningInputs } from '../running/running-inputs.ts';
import type { RunningOutputs } from '../running/running-outputs.ts';
import { atNextStart } from './next-start.ts';
import { type ConfigSource, Reloads } from './reloads.ts';

export interface ReloadingOptions {
  /** The one of the start. */
  readonly config: LoadedConfig;
  readonly source?: ConfigSource;
  readonly mountInfoPath?: string;
  readonly inputs: RunningInputs;
  readonly outputs: RunningOutputs;
  /** The inputs that follow from a configuration. */
  readonly inputsOf: (config: LoadedConfig) => Promise<readonly PlannedInput[]>;
  /** Takes the settings that are of no component and can change at any time. */
  readonly settle: (config: LoadedConfig) => void;
  readonly now: () => number;
  readonly log: Logger;
}

/** Requests that are under way when their output changes have this long. */
const answerMs = 30_000;

/** The configuration that runs, and how another takes its place. */
export class Reloading {
  readonly #options: ReloadingOptions;
  readonly #reloads: Reloads | undefined;
  readonly #stopping = new AbortController();
  #config: LoadedConfig;
  #frozen: readonly string[] = [];

  constructor(options: ReloadingOptions) {
    const { config, source, now, log } = options;
    this.#options = options;
    this.#config = config;
    this.#reloads = source && new Reloads({ source, apply: (wanted) => this.#apply(wanted), now, log });
  }

  /** The last that was taken. */
  get config(): LoadedConfig {
    return this.#config;
  }

  /** Once everything runs. */
  async start(): Promise<void> {
    await this.#lookAtMounts();
    for (const file of this.#frozen) {
      this.#options.log.warn(
        { file, todo: frozenTodo },
        'This configuration file cannot change while the process runs.',
      );
    }
    this.#reloads?.start();
  }

  /** What is under way ends; nothing follows. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the process stops'));
    await this.#reloads?.stop();
  }

  status(): ReloadStatus | undefined {
    return (
      this.#reloads && {
        ...this.#reloads.status(),
        atNextStart: atNextStart(this.#options.config, this.#config),
        frozenFiles: this.#frozen,
      }
    );
  }

  /** What whoever asks whether it is ready should know. */
  notes(): string[] {
    const { ok = true, faults = [], lastAtMs = 0, changed = [] } = this.#reloads?.status() ?? {};
    if (ok) {
      return [];
    }
    const how = changed.length > 0 ? 'was taken in part' : 'was not taken, the last good one goes on';
    return [`the configuration of ${new Date(lastAtMs).toISOString()} ${how}:`, ...faults];
  }

  /** Everything is made before anything is touched: what cannot be made changes nothing. */
  async #apply(wanted: LoadedConfig): Promise<Applied> {
    const { inputs, outputs, inputsOf, settle } = this.#options;
    const outputPlan = outputs.plan(wanted.outputs);
    const inputPlan = inputs.plan(await inputsOf(wanted));
    const cut = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(answerMs)]);
    const before = this.#config;
    const came = await outputs.apply(outputPlan, cut);
    settle(wanted);
    this.#config = wanted;
    const moved = await inputs.apply(inputPlan);
    const gone = await outputs.release(outputPlan, cut);
    await this.#lookAtMounts();
    return {
      changed: [...came.changed, ...moved.changed, ...gone, ...this.#otherChanges(before, wanted)],
      faults: [...came.faults, ...moved.faults],
    };
  }

  #otherChanges(before: LoadedConfig, now: LoadedConfig): string[] {
    const { config } = this.#options;
    const already = new Set(atNextStart(config, before));
    const waiting = atNextStart(config, now).filter((keyPath) => !already.has(keyPath));
    return [
      ...(before.log.level === now.log.level ? [] : [`log.level is ${now.log.level}`]),
      ...(isDeepStrictEqual(before.globalTags, now.globalTags) ? [] : ['global_tags have new values']),
      ...waiting.map((keyPath) => `${keyPath} takes effect at the next start`),
    ];
  }

  async #lookAtMounts(): Promise<void> {
    const text = await readFile(this.#options.mountInfoPath ?? '/proc/self/mountinfo', 'utf8').catch(() => '');
    const paths = new Map(this.#config.files.map((file) => [resolve(file), file]));
    this.#frozen = frozenFiles([...paths.keys()], text).map((path) => paths.get(path) ?? path);
  }
}

const frozenTodo = 'mount the directory of the ConfigMap instead, or restart after each change';
