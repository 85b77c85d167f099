import { rmSync } from 'node:fs';
import type { FileCache } from '../file-cache.ts';

interface Sealable {
  readonly sealed: boolean;
  /** It was dropped meanwhile. */
  readonly gone: boolean;
}

export interface SealingOptions<P extends Sealable> {
  readonly files: FileCache;
  /** Partitions that no longer grow. */
  readonly resting: () => readonly P[];
  /** Resolves with the file that is needed no more, if there is one. */
  readonly seal: (partition: P, signal: AbortSignal) => Promise<string | undefined>;
  /** No question is under way. */
  readonly onQuiet?: () => void;
}

/**
 * Seals partitions one after the other, beside ingest and questions. A file that this made needless is removed when no question
 * is under way that may still read it.
 */
export class Sealing<P extends Sealable> {
  readonly #options: SealingOptions<P>;
  readonly #closing = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #retired: string[] = [];
  #asking = 0;

  constructor(options: SealingOptions<P>) {
    this.#options = options;
  }

  /** Resolves when all partitions that rest now are sealed. */
  async run(): Promise<void> {
    const turn = this.#running.catch(() => undefined).then(() => this.#sealAll());
    this.#running = turn;
    await turn;
  }

  /** Keeps the files for a question until it is answered. */
  async during<T>(answer: Promise<T>): Promise<T> {
    this.#asking += 1;
    try {
      return await answer;
    } finally {
      this.#asking -= 1;
      this.#removeRetired();
    }
  }

  /** What is half sealed is begun again in the next life. */
  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#running.catch(() => undefined);
    this.#removeRetired();
  }

  async #sealAll(): Promise<void> {
    for (const partition of this.#options.resting()) {
      if (!partition.sealed && !this.#closing.signal.aborted) {
        const retired = await this.#seal(partition);
        this.#retired.push(...(retired === undefined ? [] : [retired]));
      }
    }
    this.#removeRetired();
  }

  async #seal(partition: P): Promise<string | undefined> {
    try {
      return await this.#options.seal(partition, this.#closing.signal);
    } catch (error) {
      if (partition.gone) {
        return undefined;
      }
      throw error;
    }
  }

  #removeRetired(): void {
    if (this.#asking > 0) {
      return;
    }
    const { files, onQuiet } = this.#options;
    onQuiet?.();
    for (const path of this.#retired) {
      files.forget(path);
      rmSync(path, { force: true });
    }
    this.#retired = [];
  }
}
