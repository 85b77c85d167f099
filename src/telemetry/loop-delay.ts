import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** A timer that wakes the process is most of what an idle one costs: perf_hooks' own monitor does it 50 times a second. */
const everyMs = 250;
const nanosPerMs = 1e6;

/** How late the event loop comes to a timer of its own. */
export class LoopDelay {
  readonly #histogram: RecordableHistogram = createHistogram();
  #dueMs = performance.now() + everyMs;

  constructor() {
    setInterval(() => this.#note(), everyMs).unref();
  }

  /** The percentile since `reset`, in seconds; 0 where nothing was noted. */
  seconds(percentile: number): number {
    return this.#histogram.count === 0 ? 0 : this.#histogram.percentile(percentile) / nanosPerMs / 1000;
  }

  reset(): void {
    this.#histogram.reset();
  }

  #note(): void {
    const nowMs = performance.now();
    this.#histogram.record(Math.max(1, Math.round((nowMs - this.#dueMs) * nanosPerMs)));
    this.#dueMs = nowMs + everyMs;
  }
}
