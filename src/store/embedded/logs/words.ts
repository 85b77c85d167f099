/**
 * Words are runs of ASCII letters and digits, capitals as small letters. Of each block a bloom filter knows
 * - every word of 3 to 32 letters,
 * - every run of 32 letters within a word of up to 256.
 * So a text that is searched for as a part of lines rules blocks out exactly: where it begins or ends within a word, only those
 * blocks stay that have a longer word.
 */
export const shortestWord = 3;
export const windowLength = 32;
export const longestIndexed = 256;

/** A block with more different words has no filter. */
const maxWords = 1 << 16;
/** Few blocks have more different words than half of this; the table grows for those. */
const firstTableSize = 1 << 13;
const bitsPerWord = 8;
/** With 8 bits a word, five probes give about two false hits in a hundred. */
const probes = 5;

/** In `byteClasses`: the byte is no digit of a hex number in small letters. */
export const notHexBit = 0x100;

/** For each byte the small letter or digit that it stands for, with `notHexBit`; 0 where it separates words. */
export const byteClasses: Uint16Array = classTable();

function classTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (const letter of '0123456789abcdefghijklmnopqrstuvwxyz') {
    const byte = letter.charCodeAt(0);
    table[letter.toUpperCase().charCodeAt(0)] = byte | notHexBit;
    table[byte] = letter <= 'f' ? byte : byte | notHexBit;
  }
  return table;
}

/** The hash of a word is begun, goes on with the class of each byte, and is finished; the result is never 0. */
export const hashBegin = 0x811c9dc5;

export function hashNext(hash: number, byteClass: number): number {
  return Math.imul(hash ^ (byteClass & 0xff), 0x01000193);
}

export function hashEnd(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0 || 1;
}

/** `bytes[start .. end)` are letters and digits. */
export function hashWord(bytes: Uint8Array, start: number, end: number): number {
  let hash = hashBegin;
  for (let i = start; i < end; i++) {
    hash = hashNext(hash, byteClasses[bytes[i] ?? 0] ?? 0);
  }
  return hashEnd(hash);
}

function secondOf(hash: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 0) | 1;
}

/** The different words of one block, on the way to its filter. */
export class WordSet {
  #table = new Uint32Array(firstTableSize);
  #hashes = new Uint32Array(firstTableSize / 2);
  #count = 0;
  #overflow = false;
  #longest = 0;

  /** Letters of the longest word, also of words that are too short or too long for the filter. */
  get longest(): number {
    return this.#longest;
  }

  /** `bytes[start .. end)` is a whole word; `hash` is its hash, not yet ended. */
  add(bytes: Uint8Array, start: number, end: number, hash: number): void {
    const length = end - start;
    if (length > this.#longest) {
      this.#longest = length;
    }
    if (length >= shortestWord && length <= windowLength) {
      this.#put(hashEnd(hash));
    } else if (length > windowLength && length <= longestIndexed) {
      for (let at = start; at + windowLength <= end; at++) {
        this.#put(hashWord(bytes, at, at + windowLength));
      }
    }
  }

  /** The filter over what was added; empty when there was too much. Forgets all. */
  finish(): Uint8Array {
    const bloom = this.#overflow ? new Uint8Array(0) : this.#bloom();
    this.#table.fill(0);
    this.#count = 0;
    this.#longest = 0;
    this.#overflow = false;
    return bloom;
  }

  #put(hash: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let slot = hash & mask;
    for (let here = table[slot]; here !== 0; here = table[slot]) {
      if (here === hash) {
        return;
      }
      slot = (slot + 1) & mask;
    }
    if (this.#count === maxWords) {
      this.#overflow = true;
      return;
    }
    table[slot] = hash;
    this.#hashes[this.#count++] = hash;
    if (this.#count === this.#hashes.length) {
      this.#grow();
    }
  }

  #grow(): void {
    const hashes = this.#hashes;
    this.#table = new Uint32Array(this.#table.length * 2);
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#count = 0;
    for (const hash of hashes) {
      this.#put(hash);
    }
  }

  #bloom(): Uint8Array {
    const bytes = new Uint8Array(Math.max(8, Math.ceil((this.#count * bitsPerWord) / 8)));
    const bits = bytes.length * 8;
    for (let i = 0; i < this.#count; i++) {
      let position = this.#hashes[i] ?? 0;
      const step = secondOf(position);
      for (let probe = 0; probe < probes; probe++) {
        const bit = position % bits;
        bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
        position = (position + step) >>> 0;
      }
    }
    return bytes;
  }
}

export function bloomHas(bloom: Uint8Array, hash: number): boolean {
  const bits = bloom.length * 8;
  let position = hash;
  const step = secondOf(hash);
  for (let probe = 0; probe < probes; probe++) {
    const bit = position % bits;
    if (((bloom[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) {
      return false;
    }
    position = (position + step) >>> 0;
  }
  return true;
}

/** What a searched text asks of a block's filter. */
interface Demand {
  readonly hashes: readonly number[];
  /** A block with a word longer than this may hold the text whatever the filter says. */
  readonly unlessLongerThan: number;
}

/** May a block hold a text? Says no only when it does not. */
export class TextFilter {
  readonly #demands: readonly Demand[];

  /** `text` as UTF-8. */
  constructor(text: Uint8Array) {
    this.#demands = wordsIn(text).flatMap(demandOf);
  }

  /** True when the filter can rule out nothing. */
  get idle(): boolean {
    return this.#demands.length === 0;
  }

  mayHold(bloom: Uint8Array, longestWord: number): boolean {
    return (
      bloom.length === 0 ||
      this.#demands.every(
        ({ hashes, unlessLongerThan }) =>
          longestWord > unlessLongerThan || hashes.every((hash) => bloomHas(bloom, hash)),
      )
    );
  }
}

interface Word {
  readonly bytes: Uint8Array;
  /** Does the text begin or end with it? In a line, the word may be longer. */
  readonly atEdge: boolean;
}

function wordsIn(text: Uint8Array): Word[] {
  const words: Word[] = [];
  let start = -1;
  for (let i = 0; i <= text.length; i++) {
    const inWord = i < text.length && byteClasses[text[i] ?? 0] !== 0;
    if (inWord && start < 0) {
      start = i;
    } else if (!inWord && start >= 0) {
      words.push({ bytes: text.subarray(start, i), atEdge: start === 0 || i === text.length });
      start = -1;
    }
  }
  return words;
}

function demandOf({ bytes, atEdge }: Word): Demand[] {
  const { length } = bytes;
  if (length < shortestWord || length > longestIndexed) {
    return [];
  }
  const hashes: number[] = [];
  for (let at = 0; at === 0 || at + windowLength <= length; at++) {
    hashes.push(hashWord(bytes, at, Math.min(length, at + windowLength)));
  }
  if (!atEdge) {
    return [{ hashes, unlessLongerThan: Number.POSITIVE_INFINITY }];
  }
  return [{ hashes, unlessLongerThan: length < windowLength ? length : longestIndexed }];
}
