import type { Clock } from '../../src/contract/runtime.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. Sleepers wake in the order of their times. */
export class HeldClock implements Clock {
  #nowMs: number;
  #steppedMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(nowMs = Date.UTC(2026, 10, 21, 12)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  steady(): number {
    return this.#nowMs - this.#steppedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        atMs: this.#nowMs + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** How many sleep now: what a test waits for before it moves the clock. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  /** When the next sleeper is due, ms since 1970. */
  get nextWakeMs(): number | undefined {
    const times = [...this.#sleepers].map((sleeper) => sleeper.atMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Moves the time, stopping at each sleeper that is due so that what it starts may sleep again within the same move. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#sleepers].filter((s) => s.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) {
        break;
      }
      this.#sleepers.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.wake();
      await turns();
    }
    this.#nowMs = endMs;
    await turns();
  }

  /** Steps the time without waking anyone, backwards too: what NTP does. */
  step(ms: number): void {
    this.#nowMs += ms;
    this.#steppedMs += ms;
  }
}

/** Lets promise callbacks and a few rounds of I/O callbacks run. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
