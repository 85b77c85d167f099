import type { z } from 'zod';
import type { Batch, Position, Signal } from '../model/batch.ts';
import type { Routes } from './http.ts';
import type { Looked } from './looked.ts';
import type { Runtime } from './runtime.ts';

export interface Input {
  /** Opens ports, files and watches, and imports whatever is heavy. Resolves once data can arrive. */
  start(): Promise<void>;
  /**
   * Takes nothing new, and waits until all that was taken has been emitted or refused.
   * May be called without `start`, and more than once.
   */
  stop(): Promise<void>;
  /**
   * In place of `stop`, when the configuration no longer has it and the process goes on: it also says that what it fed has
   * ended, such as series that nobody scrapes any more.
   */
  retire?(): Promise<void>;
  /** What the page and `status` show of it: targets, files, peers. Plain JSON. Cheap; called every second. */
  status?(): object;
  /** What is missing for it to do all that it could, such as a right: whole lines, for the banner and the page. */
  warnings?(): readonly string[];
}

export interface InputRuntime extends Runtime {
  /** Routes that everyone may reach while the input runs (design.md §9). Call it from `create`; it only notes them down. */
  readonly routes: Routes;
  /**
   * Encodes at once and resolves when data and position are on disk: acknowledge the sender only then. Rejects with
   * BRIDGE_OVERLOADED when the lane is full: tell the sender to come back, or read the file later.
   * An empty batch (items 0, empty payload) still makes its position durable.
   */
  emit(batch: Batch, position?: Position): Promise<void>;
  /**
   * As `emit`, for batches of one signal that stand one behind the other: behind one that is refused none is taken, so that
   * no position passes by data that is not there. Those before it may be durable although it rejects.
   */
  emitAll(emissions: readonly Emission[]): Promise<void>;
  /** The last durable value of that key in that signal's lane, of this or an earlier life. */
  position(signal: Signal, key: string): string | undefined;
  /** All keys known with that prefix: what was being read when the process ended. */
  positions(signal: Signal, prefix: string): ReadonlyMap<string, string>;
  /** The source is gone for good; its position need not be kept. */
  forget(signal: Signal, key: string): void;
  /** Items that arrived but were not accepted, by reason. `emit` counts what it accepts or refuses by itself. */
  refused(signal: Signal, items: number, reason: string): void;
  dropped(signal: Signal, items: number, reason: string): void;
}

export interface Emission {
  readonly batch: Batch;
  readonly position?: Position;
}

/**
 * The definition file imports zod and types only; what is heavy is imported in `start()`, so that an input that is not
 * configured costs no memory.
 */
export interface InputDefinition<C extends z.ZodObject = z.ZodObject> {
  /** TOML table name and folder name. */
  readonly type: string;
  /** One sentence with a full stop: docs, sample, page. */
  readonly summary: string;
  readonly signals: readonly Signal[];
  /** Those of `signals` that it gives only where settings say so: the status shows them once something came. */
  readonly rareSignals?: readonly Signal[];
  readonly config: C;
  /** DataKit-shaped tables only warn at unknown keys (interfaces.md); our own are strict. */
  readonly datakit?: true;
  /** Runs without being configured, where it can work. Gives the default instance's configuration as TOML would, or undefined when it can't. */
  byDefault?(where: DefaultsContext): z.input<C> | undefined;
  /** Why it does not run where nobody configured it and `byDefault` gives nothing; half a sentence for the banner. */
  readonly offBecause?: string;
  /**
   * For `check`: what only the working part can tell of a configuration of the right shape, such as patterns that are none. Whole
   * lines that begin with the key.
   */
  faults?(config: z.output<C>): Promise<readonly string[]>;
  /** For what only the configuration names: looks at it whenever a configuration is read, and may do I/O. Never rejects. */
  look?(config: z.output<C>): Promise<Looked<InputDefinition>>;
  /** Must not do I/O. */
  create(config: z.output<C>, runtime: InputRuntime): Input;
}

/** Facts that decide what runs by default. */
export interface DefaultsContext {
  readonly inCluster: boolean;
  readonly readableDir: (path: string) => boolean;
  /** Is data kept here: is the store on? Absent where that is not known yet. */
  readonly storeIsOn?: boolean;
}

export function defineInput<C extends z.ZodObject>(definition: InputDefinition<C>): InputDefinition<C> {
  return definition;
}
