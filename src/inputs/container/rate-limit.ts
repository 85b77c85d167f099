/** Of one container, over all instances of it. */
export interface RateLimitOptions {
  readonly linesPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** `pause`: reading waits. `sample`: what is over is left out. */
  readonly over: 'pause' | 'sample';
}

/** What may come at once after a quiet time, in seconds of the rate. */
const burstSeconds = 1;

/** Counts what was read against what a container may write. */
export class RateLimit {
  readonly over: 'pause' | 'sample';
  readonly #lines: Bucket | undefined;
  readonly #bytes: Bucket | undefined;

  constructor({ linesPerSecond, bytesPerSecond, over }: RateLimitOptions, nowMs: number) {
    this.over = over;
    this.#lines = linesPerSecond === undefined ? undefined : new Bucket(linesPerSecond, nowMs);
    this.#bytes = bytesPerSecond === undefined ? undefined : new Bucket(bytesPerSecond, nowMs);
  }

  /** Why nothing may be read now: what was read before, a whole block at a time, was more than the rate allows. */
  paused(nowMs: number): 'lines' | 'bytes' | undefined {
    if (this.over !== 'pause') {
      return undefined;
    }
    if (this.#lines?.isEmpty(nowMs) === true) {
      return 'lines';
    }
    return this.#bytes?.isEmpty(nowMs) === true ? 'bytes' : undefined;
  }

  /** Takes note of what was read; how many of those lines may be kept. */
  take(lines: number, bytes: number, nowMs: number): { readonly kept: number; readonly over?: 'lines' | 'bytes' } {
    if (this.over === 'pause' || lines === 0) {
      this.#lines?.take(lines, nowMs);
      this.#bytes?.take(bytes, nowMs);
      return { kept: lines };
    }
    const byLines = this.#lines?.share(lines, nowMs) ?? 1;
    const byBytes = this.#bytes?.share(bytes, nowMs) ?? 1;
    const share = Math.min(byLines, byBytes);
    const kept = Math.floor(lines * share);
    this.#lines?.take(kept, nowMs);
    this.#bytes?.take(bytes * (kept / lines), nowMs);
    return kept === lines ? { kept } : { kept, over: byLines <= byBytes ? 'lines' : 'bytes' };
  }
}

class Bucket {
  readonly #perSecond: number;
  #left: number;
  #sinceMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#left = this.#most;
    this.#sinceMs = nowMs;
  }

  get #most(): number {
    return Math.max(1, this.#perSecond * burstSeconds);
  }

  isEmpty(nowMs: number): boolean {
    return this.#refilled(nowMs) <= 0;
  }

  /** The part of `count` that there is room for, from 0 to 1. */
  share(count: number, nowMs: number): number {
    return count <= 0 ? 1 : Math.min(1, Math.max(0, this.#refilled(nowMs) / count));
  }

  take(count: number, nowMs: number): void {
    this.#left = this.#refilled(nowMs) - count;
  }

  /** A clock that was set back adds nothing. */
  #refilled(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#sinceMs);
    this.#left = Math.min(this.#most, this.#left + (elapsedMs / 1_000) * this.#perSecond);
    this.#sinceMs = nowMs;
    return this.#left;
  }
}
