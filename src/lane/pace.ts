import type { Clock } from '../contract/runtime.ts';
import { steadyMs } from './steady.ts';

/** Keeps what an output is given, of all signals, to so many bytes a second: after each batch it rests for what that took. */
export class Pace {
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  #restedAtMs = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
  }

  /** Resolves when the next batch may go. Rejects with the signal's reason. */
  async rested(signal: AbortSignal): Promise<void> {
    for (let restMs = this.#restMs(); restMs > 0; restMs = this.#restMs()) {
      await this.#clock.sleep(restMs, signal);
    }
  }

  spent(bytes: number): void {
    const nowMs = steadyMs(this.#clock);
    this.#restedAtMs = Math.max(nowMs, this.#restedAtMs) + (bytes / this.#bytesPerSecond) * 1_000;
  }

  #restMs(): number {
    return this.#restedAtMs - steadyMs(this.#clock);
  }
}
