import { setImmediate as nextTurn } from 'node:timers/promises';

/** An evaluator works no longer than this before others have their turn. */
const sliceMs = 8;

/** What has to be done before any question goes on. */
export interface Priority {
  /** Resolves when nothing that goes first is under way. */
  clear(): Promise<void>;
}

/** The time that one question may take at once. */
export class Slice {
  readonly #priority: Priority;
  readonly #signal: AbortSignal | undefined;
  #beganMs = performance.now();

  constructor(priority: Priority, signal?: AbortSignal) {
    this.#priority = priority;
    this.#signal = signal;
  }

  get over(): boolean {
    return performance.now() - this.#beganMs >= sliceMs;
  }

  /** Lets others work, ingest first. Rejects with the reason of the signal when the asker has gone. */
  async yield(): Promise<void> {
    this.#signal?.throwIfAborted();
    await nextTurn();
    await this.#priority.clear();
    this.#signal?.throwIfAborted();
    this.#beganMs = performance.now();
  }
}
