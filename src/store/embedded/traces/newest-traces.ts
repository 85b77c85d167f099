/** The newest traces up to a limit. */
export class NewestTraces {
  readonly #limit: number;
  /** Newest first. */
  readonly #traces: { readonly traceId: string; readonly micros: number }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(traceId: string, micros: number): void {
    if (this.isPast(micros)) {
      return;
    }
    let low = 0;
    let high = this.#traces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#traces[middle]?.micros ?? 0) >= micros) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    this.#traces.splice(low, 0, { traceId, micros });
    this.#traces.length = Math.min(this.#traces.length, this.#limit);
  }

  /** Is a trace of that time, or an older one, too old to be among them? */
  isPast(micros: number): boolean {
    return this.#traces.length >= this.#limit && micros <= (this.#traces.at(-1)?.micros ?? 0);
  }

  ids(): string[] {
    return this.#traces.map(({ traceId }) => traceId);
  }
}
