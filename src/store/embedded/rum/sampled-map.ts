import { hashText } from '../traces/hash.ts';

/** Keys together; those of the SDK have 36 letters, but anybody may send longer ones. */
const mostChars = 16 * 1024 * 1024;
const briefChars = 200;

/** What is kept of a text of whoever: not more than 200 characters, and nothing of the rest in memory. */
export function brief(text: string): string {
  return text.length <= briefChars ? text : Buffer.from(text.slice(0, briefChars)).toString();
}

/**
 * A map that holds all of its keys until they are too many, then every second one, every fourth, and so on: always those whose
 * hash says so, so that what is kept of a key does not hang on when it came. `scale` is how many keys one stands for.
 */
export class SampledMap<V> {
  readonly #most: number;
  readonly #entries = new Map<string, V>();
  #mask = 0;
  #chars = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** 1: nothing was left out. */
  get scale(): number {
    return this.#mask + 1;
  }

  /** How many keys there are; past the cap an estimate. */
  get count(): number {
    return this.#entries.size * this.scale;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** Is a key of that name kept? Ask before making a value for it. */
  wants(key: string): boolean {
    return this.#mask === 0 || (hashText(key).first & this.#mask) === 0;
  }

  set(key: string, value: V): void {
    if (!this.wants(key)) {
      return;
    }
    this.#chars += this.#entries.has(key) ? 0 : key.length;
    this.#entries.set(key, value);
    while (this.#entries.size > this.#most || this.#chars > mostChars) {
      this.#mask = this.#mask * 2 + 1;
      for (const one of this.#entries.keys()) {
        if (!this.wants(one)) {
          this.#entries.delete(one);
          this.#chars -= one.length;
        }
      }
    }
  }

  values(): Iterable<V> {
    return this.#entries.values();
  }
}
