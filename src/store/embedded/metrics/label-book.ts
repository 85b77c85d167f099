import { reaching, wide } from './columns.ts';

/** Two numbers of strings make one key. */
const pairScale = 2 ** 26;

/** Strings and pairs of a label name and a value, each once and by number. */
export class LabelBook {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #pairs = new Map<number, number>();
  #names = wide(0);
  #values = wide(0);
  #size = 0;

  /** Of pairs. */
  get size(): number {
    return this.#size;
  }

  get texts(): readonly string[] {
    return this.#texts;
  }

  /** The strings of the pairs, by number. */
  get columns(): { readonly pairNames: Uint32Array; readonly pairValues: Uint32Array } {
    return { pairNames: this.#names.subarray(0, this.#size), pairValues: this.#values.subarray(0, this.#size) };
  }

  text(number: number): string {
    return this.#texts[number] ?? '';
  }

  /** The number of a string that is there. */
  known(text: string): number | undefined {
    return this.#numbers.get(text);
  }

  string(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) {
      return known;
    }
    this.#numbers.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  pair([name, value]: readonly [string, string]): number {
    const names = this.string(name);
    const values = this.string(value);
    const key = names * pairScale + values;
    const known = this.#pairs.get(key);
    if (known !== undefined) {
      return known;
    }
    const pair = this.#size++;
    this.#names = reaching(this.#names, this.#size, wide);
    this.#values = reaching(this.#values, this.#size, wide);
    this.#names[pair] = names;
    this.#values[pair] = values;
    this.#pairs.set(key, pair);
    return pair;
  }

  nameNumber(pair: number): number | undefined {
    return this.#names[pair];
  }

  name(pair: number): string {
    return this.#texts[this.#names[pair] ?? -1] ?? '';
  }

  value(pair: number): string {
    return this.#texts[this.#values[pair] ?? -1] ?? '';
  }

  /** One that is only read: it takes no further pairs. */
  static read(texts: readonly string[], pairNames: Uint32Array, pairValues: Uint32Array): LabelBook {
    const book = new LabelBook();
    for (const text of texts) {
      book.string(text);
    }
    book.#names = pairNames;
    book.#values = pairValues;
    book.#size = pairNames.length;
    return book;
  }
}
