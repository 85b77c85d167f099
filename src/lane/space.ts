import type { Clock } from '../contract/runtime.ts';

const recheckMs = 1000;
const recheckBytes = 4 * 1024 * 1024;

export interface SpaceOptions {
  /** Free bytes of the file system for us (statfs `bavail` × block size). */
  readonly freeBytes: () => number;
  readonly minFreeBytes: number;
  readonly clock: Clock;
}

/** Asks the file system now and then whether more may be written. */
export class Space {
  readonly #options: SpaceOptions;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #bytesSince = 0;
  #refusal: string | undefined;

  constructor(options: SpaceOptions) {
    this.#options = options;
  }

  /** Why `bytes` more must not be written; undefined if they may. */
  refusal(bytes: number): string | undefined {
    const nowMs = this.#options.clock.now();
    this.#bytesSince += bytes;
    const sinceMs = nowMs - this.#askedAtMs;
    if (sinceMs >= recheckMs || sinceMs < 0 || this.#bytesSince >= recheckBytes) {
      this.#askedAtMs = nowMs;
      this.#bytesSince = 0;
      this.#refusal = this.#ask();
    }
    return this.#refusal;
  }

  /** What the last answer was. */
  get last(): string | undefined {
    return this.#refusal;
  }

  #ask(): string | undefined {
    const { freeBytes, minFreeBytes } = this.#options;
    const free = freeBytes();
    return free < minFreeBytes
      ? `the file system has ${free} bytes free, less than min_free (${minFreeBytes} bytes)`
      : undefined;
  }
}
