import { TextFilter } from './words.ts';

/**
 * A text that lines are searched for, letters of either case. Blocks are searched as one string of a character per byte, folded by
 * `foldText`; in that string an ASCII text is found exactly. Other letters have cases that bytes do not show: there a part of
 * the text leads to lines that may hold it, and `holds` looks closely.
 */
export class TextNeedle {
  /** What must stand in a folded line; empty where every line must be looked at. */
  readonly folded: string;
  readonly filter: TextFilter;
  readonly #exact: string | undefined;

  constructor(text: string) {
    const bytes = Buffer.from(text);
    const ascii = bytes.length === text.length;
    const caseless = ascii || text.toLowerCase() === text.toUpperCase();
    this.folded = foldText(caseless ? bytes : Buffer.from(longestAscii(text)));
    this.filter = new TextFilter(bytes);
    this.#exact = ascii ? undefined : text.toLowerCase();
  }

  /** Whether a line that holds `folded` is meant. */
  holds(line: Uint8Array): boolean {
    return this.#exact === undefined || Buffer.from(line).toString().toLowerCase().includes(this.#exact);
  }
}

/** A character for each byte, ASCII capitals as small letters (and some bytes above that as others, always the same way). */
export function foldText(bytes: Buffer): string {
  return bytes.toString('latin1').toLowerCase();
}

function longestAscii(text: string): string {
  const parts = text.split(/[^\0-\x7f]+/);
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}
