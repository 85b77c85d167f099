import type { InputRuntime } from '../../contract/input.ts';
import type { Origin } from '../../model/batch.ts';

/** Stands in the place of a position: nothing is read, and once that changes, nothing that was written before. */
export const leftOutPosition = JSON.stringify({ v: 1, off: true });

interface LeftOut {
  reason: string;
  /** It is on disk, so that a next life does not read it before it knows the pod. */
  noted: boolean;
  /** Only what an earlier life knew speaks for it. */
  inherited: boolean;
}

/** Logs that are there and not wanted: disabled by an annotation, or left out by a filter. */
export class LeftOutLogs {
  readonly #runtime: Pick<InputRuntime, 'emit' | 'forget'>;
  readonly #keyPrefix: string;
  readonly #all = new Map<string, LeftOut>();

  constructor(runtime: Pick<InputRuntime, 'emit' | 'forget'>, keyPrefix: string) {
    this.#runtime = runtime;
    this.#keyPrefix = keyPrefix;
  }

  /** Path below the root → why. */
  get reasons(): ReadonlyMap<string, string> {
    return new Map([...this.#all].map(([path, { reason }]) => [path, reason]));
  }

  get paths(): readonly string[] {
    return [...this.#all.keys()];
  }

  /** It was so when an earlier life ended. */
  inherit(path: string): void {
    this.#all.set(path, {
      reason: 'it was left out before, and its pod is not known yet',
      noted: true,
      inherited: true,
    });
  }

  isInherited(path: string): boolean {
    return this.#all.get(path)?.inherited === true;
  }

  put(path: string, reason: string, origin: Origin): void {
    const { noted } = this.#all.get(path) ?? { noted: false };
    const entry = { reason, noted: true, inherited: false };
    this.#all.set(path, entry);
    if (noted) {
      return;
    }
    const batch = { signal: 'logs', format: 'log-block', payload: new Uint8Array(0), items: 0, origin } as const;
    const position = { key: this.#keyPrefix + path, value: leftOutPosition };
    // Where the lane has no room now, the next look tries again.
    this.#runtime.emit(batch, position).catch(() => {
      entry.noted = false;
    });
  }

  /** It is wanted now. Whether it was not before. */
  take(path: string): boolean {
    return this.#all.delete(path);
  }

  /** It is not there any more. */
  forget(path: string): void {
    if (this.#all.delete(path)) {
      this.#runtime.forget('logs', this.#keyPrefix + path);
    }
  }
}
