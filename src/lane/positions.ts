/** Positions twice: as appended, which a new segment begins with, and as durable, which is what sources are told. */
export class Positions {
  #appended: Map<string, string>;
  readonly #durable: Map<string, string>;

  constructor(known: Iterable<readonly [string, string]>) {
    this.#durable = new Map(known);
    this.#appended = new Map(this.#durable);
  }

  append(key: string, value: string | undefined): void {
    setOrDelete(this.#appended, key, value);
  }

  commit(key: string, value: string | undefined): void {
    setOrDelete(this.#durable, key, value);
  }

  /** What was appended and not committed is gone. */
  rollBack(): void {
    this.#appended = new Map(this.#durable);
  }

  durable(key: string): string | undefined {
    return this.#durable.get(key);
  }

  durableWith(prefix: string): ReadonlyMap<string, string> {
    return new Map([...this.#durable].filter(([key]) => key.startsWith(prefix)));
  }

  appended(): [string, string][] {
    return [...this.#appended];
  }

  get count(): number {
    return this.#durable.size;
  }
}

function setOrDelete(map: Map<string, string>, key: string, value: string | undefined): void {
  if (value === undefined) {
    map.delete(key);
  } else {
    map.set(key, value);
  }
}
