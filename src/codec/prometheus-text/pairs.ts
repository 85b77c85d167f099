export type Pair = readonly [name: string, value: string];

/** Makes equal label pairs one object, so that what 1,500 series of a sidecar share is held once. */
export class Pairs {
  readonly #byName = new Map<string, Map<string, Pair>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  pair(name: string, value: string): Pair {
    let values = this.#byName.get(name);
    if (values === undefined) {
      values = new Map();
      this.#byName.set(name, values);
    }
    let pair = values.get(value);
    if (pair === undefined) {
      pair = [name, value];
      values.set(value, pair);
      this.#size++;
    }
    return pair;
  }
}
