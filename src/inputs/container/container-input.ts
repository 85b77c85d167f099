import { BridgeError } from '../../contract/errors.ts';
import type { Input, InputRuntime } from '../../contract/input.ts';
import type { Gauge } from '../../contract/runtime.ts';
import type { Origin } from '../../model/batch.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { FileTree } from './file-tree.ts';
import { LogCollector } from './log-collector.ts';
import { type DescriberOptions, LogDescriber } from './log-description.ts';
import { accepts, type LogFilters } from './log-filters.ts';
import { type FileState, fileStates, showDescriptions, showLogs, stateOf } from './log-status.ts';
import { LogTree, type TreeLook } from './log-tree.ts';
import type { PinLimits } from './pinned-files.ts';

export interface ContainerInputOptions extends LogFilters {
  readonly root: string;
  /** Where the node's file system is mounted; `root` is a path of that. */
  readonly hostRoot?: string;
  readonly from: 'beginning' | 'end';
  readonly maxLineBytes: number;
  readonly pollIntervalMs: number;
  readonly flushAfterMs: number;
  readonly pinned: PinLimits;
  readonly times: 'runtime' | 'read';
  /** The kubelet's own directory on the node, with the volumes of pods. */
  readonly kubeletRoot: string;
  readonly description: DescriberOptions;
}

/** Longest time between two looks at the directories. */
const lookIntervalMs = 1_000;
/** Shortest time between two looks, whatever changes. */
const shortestLookMs = 50;

/** Tails the logs of all containers of this node from the kubelet's directory. */
export class ContainerInput implements Input {
  readonly #options: ContainerInputOptions;
  readonly #runtime: InputRuntime;
  readonly #tree: LogTree;
  readonly #files: FileTree | undefined;
  readonly #collector: LogCollector;
  readonly #describer: LogDescriber;
  readonly #watch: DirectoryWatch;
  readonly #fileGauges: ReadonlyMap<FileState, Gauge>;
  readonly #stop = new AbortController();
  #wake: (() => void) | undefined;
  #hasChanged = false;
  #loops: Promise<unknown> | undefined;
  #problem: string | undefined;
  #dangling = 0;

  constructor(options: ContainerInputOptions, runtime: InputRuntime) {
    this.#options = options;
    this.#runtime = runtime;
    const { root, hostRoot } = options;
    this.#tree = new LogTree({
      root,
      ...(hostRoot !== undefined && { hostRoot }),
      accepts: (origin: Origin) => accepts(options, origin),
    });
    this.#describer = new LogDescriber(options.description);
    const collecting = { ...options, keyPrefix: `container:${options.root}:`, describer: this.#describer };
    this.#collector = new LogCollector(collecting, runtime);
    const { pods } = options.description;
    const { kubeletRoot } = options;
    this.#files = pods && new FileTree({ pods, kubeletRoot, ...(hostRoot !== undefined && { hostRoot }) });
    this.#watch = new DirectoryWatch(() => this.#onChange());
    const help = 'Log files that are known, by state.';
    this.#fileGauges = new Map(
      fileStates.map((state) => [state, runtime.meter.gauge('meshbridge_log_files', help, { state })]),
    );
  }

  async start(): Promise<void> {
    const unhidden = this.#describer.wrongForAll.find((text) => text.startsWith('redact'));
    if (unhidden !== undefined) {
      throw new BridgeError('BRIDGE_CONFIG', `[[inputs.container]] ${unhidden}`);
    }
    this.#collector.resume();
    await this.#look();
    this.#loops = Promise.all([this.#lookAgainAndAgain(), this.#pokeAgainAndAgain()]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#watch.close();
    await this.#loops;
    await this.#collector.stop();
  }

  status(): object {
    const { root, hostRoot } = this.#options;
    const problem = this.#problem === undefined ? {} : { problem: this.#problem };
    return {
      root,
      ...(hostRoot !== undefined && { hostRoot }),
      ...problem,
      dangling: this.#dangling,
      ...showLogs(this.#collector.logs, this.#runtime.clock.now()),
      ...showDescriptions(this.#collector),
    };
  }

  warnings(): readonly string[] {
    return this.#describer.warnings();
  }

  async #look(): Promise<void> {
    this.#hasChanged = false;
    try {
      const look = await this.#tree.look();
      if (look === undefined) {
        this.#note(`${this.#options.root} is not there`);
        return;
      }
      const files = await this.#files?.look();
      this.#note(look.problems.values().next().value ?? files?.problems[0]);
      await this.#collector.see({ ...look, logs: [...look.logs, ...(files?.logs ?? [])] });
      this.#show(look);
    } catch (error) {
      this.#note(error instanceof Error ? error.message : String(error));
    }
  }

  async #lookAgainAndAgain(): Promise<void> {
    while (await this.#pause(shortestLookMs)) {
      await this.#pauseOrWake(lookIntervalMs - shortestLookMs);
      if (!this.#stop.signal.aborted) {
        await this.#look();
      }
    }
  }

  async #pokeAgainAndAgain(): Promise<void> {
    while (await this.#pause(this.#options.pollIntervalMs)) {
      this.#collector.poke();
    }
  }

  /** False when we are to stop. */
  async #pause(ms: number): Promise<boolean> {
    try {
      await this.#runtime.clock.sleep(ms, this.#stop.signal);
      return true;
    } catch {
      return false;
    }
  }

  #onChange(): void {
    this.#hasChanged = true;
    this.#wake?.();
  }

  /** Until a directory changes, also if one has changed since the last look. */
  async #pauseOrWake(ms: number): Promise<void> {
    if (this.#hasChanged) {
      return;
    }
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const either = AbortSignal.any([woken.signal, this.#stop.signal]);
    await this.#runtime.clock.sleep(ms, either).catch(() => undefined);
    this.#wake = undefined;
  }

  #show(look: TreeLook): void {
    this.#watch.update(look.directories);
    this.#dangling = look.dangling;
    const counts = new Map<FileState, number>([['dangling', look.dangling]]);
    for (const file of this.#collector.logs.flatMap((log) => log.files)) {
      counts.set(stateOf(file), (counts.get(stateOf(file)) ?? 0) + 1);
    }
    for (const [state, gauge] of this.#fileGauges) {
      gauge.set(counts.get(state) ?? 0);
    }
  }

  #note(problem: string | undefined): void {
    if (problem !== undefined && problem !== this.#problem) {
      this.#runtime.log.warn({ root: this.#options.root, problem }, 'logs can not be found now: it is tried again');
    }
    this.#problem = problem;
  }
}
