import { TextFilter } from './words.ts';

/**
 * A text that lines are searched for, letters of either case. Blocks are searched as bytes with ASCII capitals made small; in those an
 * ASCII text is found exactly. Other letters have cases that bytes do not show: there a part of the text leads to lines that
 * may hold it, and `holds` looks closely.
 */
export class TextNeedle {
  /** What must stand in a folded line; empty where every line must be looked at. */
  readonly folded: Buffer;
  readonly filter: TextFilter;
  readonly #exact: string | undefined;

  constructor(text: string) {
    const bytes = Buffer.from(text);
    const ascii = bytes.length === text.length;
    const caseless = ascii || text.toLowerCase() === text.toUpperCase();
    this.folded = Buffer.from(new TextFolder().fold(caseless ? bytes : Buffer.from(longestAscii(text))));
    this.filter = new TextFilter(bytes);
    this.#exact = ascii ? undefined : text.toLowerCase();
  }

  /** Whether a line that holds `folded` is meant. */
  holds(line: Uint8Array): boolean {
    return this.#exact === undefined || Buffer.from(line).toString().toLowerCase().includes(this.#exact);
  }
}

/** Makes ASCII capitals small, four bytes at a time. */
export class TextFolder {
  #words = new Uint32Array(0);

  /** A view until the next call. */
  fold(text: Uint8Array): Buffer {
    const { length } = text;
    const words = length >>> 2;
    if (this.#words.length <= words) {
      this.#words = new Uint32Array(words + 1);
    }
    const folded = this.#words;
    const bytes = Buffer.from(folded.buffer, 0, length);
    if (text.byteOffset % 4 === 0) {
      const source = new Uint32Array(text.buffer, text.byteOffset, words);
      for (let i = 0; i < words; i++) {
        folded[i] = foldWord(source[i] ?? 0);
      }
    } else {
      bytes.set(text);
      for (let i = 0; i < words; i++) {
        folded[i] = foldWord(folded[i] ?? 0);
      }
    }
    for (let i = words * 4; i < length; i++) {
      bytes[i] = foldWord(text[i] ?? 0);
    }
    return bytes;
  }
}

/** Of four bytes: those from A to Z get the bit that makes them small. */
function foldWord(word: number): number {
  const lowBits = word & 0x7f7f7f7f;
  const fromA = lowBits + 0x3f3f3f3f;
  const pastZ = lowBits + 0x25252525;
  return word | ((((fromA ^ pastZ) & ~word & 0x80808080) >>> 2) & 0x20202020);
}

function longestAscii(text: string): string {
  const parts = text.split(/[^\0-\x7f]+/);
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}
