/** Promises that somebody has to wait for before the end. */
export class UnderWay {
  readonly #promises = new Set<Promise<void>>();

  /** As the promise. */
  async own(promise: Promise<void>): Promise<void> {
    this.#promises.add(promise);
    try {
      await promise;
    } finally {
      this.#promises.delete(promise);
    }
  }

  /** Resolves once all that are owned now are settled, one way or the other. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#promises);
  }
}
