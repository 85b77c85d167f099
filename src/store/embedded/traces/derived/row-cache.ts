/** Some half a KB each. */
const keptEntries = 40_000;
/** What a row without entries counts. */
const leastWeight = 4;

/** The rows that were read last. */
export class RowCache<T> {
  readonly #rows = new Map<string, T>();
  readonly #entriesOf: (row: T) => number;
  #weight = 0;

  constructor(entriesOf: (row: T) => number) {
    this.#entriesOf = entriesOf;
  }

  get(key: string, read: () => T | undefined): T | undefined {
    const known = this.#rows.get(key);
    if (known !== undefined) {
      this.#rows.delete(key);
      this.#rows.set(key, known);
      return known;
    }
    const row = read();
    if (row !== undefined) {
      this.#rows.set(key, row);
      this.#weight += this.#weightOf(row);
      this.#shrink();
    }
    return row;
  }

  delete(key: string): void {
    const row = this.#rows.get(key);
    if (row !== undefined) {
      this.#rows.delete(key);
      this.#weight -= this.#weightOf(row);
    }
  }

  #shrink(): void {
    for (const key of this.#rows.keys()) {
      if (this.#weight <= keptEntries) {
        return;
      }
      this.delete(key);
    }
  }

  #weightOf(row: T): number {
    return this.#entriesOf(row) + leastWeight;
  }
}
