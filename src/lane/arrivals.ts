import type { Clock } from '../contract/runtime.ts';
import type { DeliveryCursor, DeliveryLimits, DeliverySource } from './delivery-parts.ts';
import { steadyMs } from './steady.ts';

export interface ArrivalsOptions {
  readonly source: DeliverySource;
  readonly cursor: DeliveryCursor;
  readonly tail: { readonly seq: number };
  readonly limits: DeliveryLimits;
  readonly clock: Clock;
}

/** Knows what durable data its reader has not read, since when, and whether it is worth a request. */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  #unsubscribe: (() => void) | undefined;
  #stopped = false;
  #hurried = false;
  /** When unread data came; undefined: there is none. */
  #sinceMs: number | undefined;
  #waiter: { readonly wake: () => void; readonly forWhat: 'news' | 'full request' } | undefined;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.source.onDurable(() => this.#arrived());
    this.#sinceMs = Number.NEGATIVE_INFINITY;
  }

  /** Whoever waits goes on. */
  stop(): void {
    this.#stopped = true;
    this.#unsubscribe?.();
    this.#waiter?.wake();
  }

  /** From now on nobody waits: neither for more, nor for anything at all. */
  hurry(): void {
    this.#hurried = true;
    this.#waiter?.wake();
  }

  /** The reader has read on. */
  read(): void {
    const { source, tail } = this.#options;
    this.#sinceMs = source.durableSeq > tail.seq ? Number.NEGATIVE_INFINITY : undefined;
  }

  /** Resolves when there is durable data behind that record, or at the stop. */
  async behind(seq: number): Promise<void> {
    while (this.#options.source.durableSeq <= seq && !this.#isOver) {
      await this.#wait('news', undefined);
    }
  }

  /** Resolves when a request's worth is unread, or something has been unread for `batchWaitMs`, or at the stop. */
  async enough(): Promise<void> {
    const { tail, limits, clock } = this.#options;
    await this.behind(tail.seq);
    const nowMs = steadyMs(clock);
    const leftMs = (this.#sinceMs ?? nowMs) + limits.batchWaitMs - nowMs;
    if (leftMs > 0 && !this.#full() && !this.#isOver) {
      await this.#wait('full request', leftMs);
    }
  }

  get #isOver(): boolean {
    return this.#stopped || this.#hurried;
  }

  #arrived(): void {
    this.#sinceMs ??= steadyMs(this.#options.clock);
    if (this.#waiter?.forWhat === 'news' || (this.#waiter !== undefined && this.#full())) {
      this.#waiter.wake();
    }
  }

  #full(): boolean {
    const { source, cursor, limits } = this.#options;
    return source.cumItems - cursor.cumItems >= limits.batchItems || cursor.waitingBytes >= limits.batchBytes;
  }

  async #wait(forWhat: 'news' | 'full request', ms: number | undefined): Promise<void> {
    if (ms === undefined) {
      await new Promise<void>((wake) => {
        this.#waiter = { wake, forWhat };
      });
    } else {
      const awake = new AbortController();
      // A reason of our own: the default one is an error with its stack, made for nobody.
      this.#waiter = { wake: () => awake.abort('awake'), forWhat };
      await this.#options.clock.sleep(ms, awake.signal).catch(() => undefined);
    }
    this.#waiter = undefined;
  }
}
