import type { Pair } from './pairs.ts';

/**
 * The labels of one line after the other. Most lines have most labels of the line before, in the same places: these are
 * known by their bytes, and no string is made of them.
 */
export class LineLabels {
  /** Of the line before: its labels, and where their bytes stand, quotes and all. */
  #before: readonly Pair[] = [];
  #labels: Pair[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** So far the names are those of the line before, in its order: then no name can stand there twice. */
  #sameNames = true;

  begin(): void {
    this.#before = this.#labels;
    this.#labels = [];
    this.#sameNames = true;
  }

  /** Takes the next label where it is that of the line before; where it ends, or −1. */
  again(page: Buffer, at: number): number {
    const place = this.#labels.length;
    const pair = this.#before[place];
    if (pair === undefined || !this.#sameNames) {
      return -1;
    }
    const from = this.#starts[place] ?? 0;
    const end = at + (this.#ends[place] ?? 0) - from;
    for (let i = at; i < end; i++) {
      if (page[i] !== page[from + i - at]) {
        return -1;
      }
    }
    this.#labels.push(pair);
    return end;
  }

  /** Whether a label of that name may stand next. */
  isNew(name: string): boolean {
    if (this.#sameNames && this.#before[this.#labels.length]?.[0] === name) {
      return true;
    }
    this.#sameNames = false;
    return name !== '__name__' && !this.#labels.some((other) => other[0] === name);
  }

  /** Its bytes stand from `start` to `end`. */
  add(pair: Pair, start: number, end: number): void {
    this.#starts[this.#labels.length] = start;
    this.#ends[this.#labels.length] = end;
    this.#labels.push(pair);
  }

  end(): readonly Pair[] {
    return this.#labels;
  }
}
