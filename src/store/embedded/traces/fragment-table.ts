import { GrowingWords } from './growing.ts';
import type { TraceKey } from './hash.ts';

const firstSlots = 1024;
const buckets = 65_536;

/**
 * Which blocks hold a fragment of which trace, for a partition that still grows: open addressing over chains, 16 bytes a
 * fragment and 8 to 16 a trace.
 */
export class FragmentTable {
  readonly #high = new GrowingWords();
  readonly #low = new GrowingWords();
  readonly #block = new GrowingWords();
  /** The fragment before of the same trace, one larger; 0 where there is none. */
  readonly #before = new GrowingWords();
  /** The last fragment of a trace, one larger; 0 is free. */
  #slots = new Uint32Array(firstSlots);
  #traces = 0;

  get fragments(): number {
    return this.#block.length;
  }

  /** `keys` are high and low words in turn. Blocks are added in order. */
  add(keys: Uint32Array, block: number): void {
    for (let at = 0; at < keys.length; at += 2) {
      this.#addOne(keys[at] ?? 0, keys[at + 1] ?? 0, block);
    }
  }

  /** In order. */
  blocksOf({ high, low }: TraceKey): number[] {
    const blocks: number[] = [];
    let entry = this.#slots[this.#slotOf(high, low)] ?? 0;
    while (entry !== 0) {
      blocks.push(this.#block.at(entry - 1));
      entry = this.#before.at(entry - 1);
    }
    return blocks.reverse();
  }

  /** The block that was added last for that trace; -1 where none was. */
  lastBlockOf({ high, low }: TraceKey): number {
    const entry = this.#slots[this.#slotOf(high, low)] ?? 0;
    return entry === 0 ? -1 : this.#block.at(entry - 1);
  }

  /** All fragments: three words each (high, low, block), sorted in that order. */
  sorted(): Uint32Array {
    const { order, begins } = this.#byUpperBits();
    for (let bucket = 0; bucket < buckets; bucket++) {
      this.#sortBucket(order, begins[bucket] ?? 0, begins[bucket + 1] ?? 0);
    }
    const words = new Uint32Array(order.length * 3);
    for (let i = 0; i < order.length; i++) {
      const fragment = order[i] ?? 0;
      words[i * 3] = this.#high.at(fragment);
      words[i * 3 + 1] = this.#low.at(fragment);
      words[i * 3 + 2] = this.#block.at(fragment);
    }
    return words;
  }

  /** Fragments by the upper 16 bits of their key, each bucket in the order they were added. */
  #byUpperBits(): { order: Uint32Array; begins: Uint32Array } {
    const high = this.#high.view();
    const begins = new Uint32Array(buckets + 1);
    for (const key of high) {
      const next = (key >>> 16) + 1;
      begins[next] = (begins[next] ?? 0) + 1;
    }
    for (let bucket = 0; bucket < buckets; bucket++) {
      begins[bucket + 1] = (begins[bucket + 1] ?? 0) + (begins[bucket] ?? 0);
    }
    const order = new Uint32Array(high.length);
    const next = begins.slice();
    for (let fragment = 0; fragment < high.length; fragment++) {
      const bucket = (high[fragment] ?? 0) >>> 16;
      const at = next[bucket] ?? 0;
      order[at] = fragment;
      next[bucket] = at + 1;
    }
    return { order, begins };
  }

  /** By insertion: a bucket is small, and blocks of one trace stay in order. A large one is left to the built-in sort. */
  #sortBucket(order: Uint32Array, begin: number, end: number): void {
    if (end - begin > 64) {
      order.subarray(begin, end).sort((a, b) => this.#compare(a, b) || a - b);
      return;
    }
    for (let i = begin + 1; i < end; i++) {
      const fragment = order[i] ?? 0;
      let at = i;
      while (at > begin && this.#compare(order[at - 1] ?? 0, fragment) > 0) {
        order[at] = order[at - 1] ?? 0;
        at--;
      }
      order[at] = fragment;
    }
  }

  #compare(a: number, b: number): number {
    return this.#high.at(a) - this.#high.at(b) || this.#low.at(a) - this.#low.at(b);
  }

  #addOne(high: number, low: number, block: number): void {
    if (this.#traces * 2 >= this.#slots.length) {
      this.#grow();
    }
    const slot = this.#slotOf(high, low);
    const before = this.#slots[slot] ?? 0;
    this.#traces += before === 0 ? 1 : 0;
    this.#high.push(high);
    this.#low.push(low);
    this.#block.push(block);
    this.#before.push(before);
    this.#slots[slot] = this.#block.length;
  }

  /** The slot of that trace, or the free one where it belongs. Keys are evenly spread already. */
  #slotOf(high: number, low: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? 0;
      if (entry === 0 || (this.#high.at(entry - 1) === high && this.#low.at(entry - 1) === low)) {
        return slot;
      }
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (const entry of old) {
      if (entry !== 0) {
        this.#slots[this.#slotOf(this.#high.at(entry - 1), this.#low.at(entry - 1))] = entry;
      }
    }
  }
}
