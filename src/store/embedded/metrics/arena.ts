import { reaching, wide } from './columns.ts';

const pieceBytes = 32;
const piecesInPage = 8192;
const pageBytes = pieceBytes * piecesInPage;
const none = 0;

/**
 * Byte strings that grow at the end, in chains of small pieces: no string moves while it grows, and all of them are given back at
 * once. A string is the number of its first piece; 0 is the empty one.
 */
export class Arena {
  readonly #pages: Uint8Array[] = [];
  #next = wide(0);
  /** Piece 0 is never used. */
  #pieces = 1;

  get bytes(): number {
    return this.#pieces * (pieceBytes + 4);
  }

  /** Writes a byte behind `length` others, of which the last stands in piece `last`. Returns the piece it stands in. */
  push(last: number, length: number, byte: number): number {
    const at = length % pieceBytes;
    const piece = at === 0 ? this.#behind(last) : last;
    const page = this.#pages[Math.floor(piece / piecesInPage)];
    if (page !== undefined) {
      page[(piece % piecesInPage) * pieceBytes + at] = byte;
    }
    return piece;
  }

  /** Copies the string that begins with piece `first`. */
  copy(first: number, length: number, target: Uint8Array): void {
    let piece = first;
    for (let done = 0; done < length; done += pieceBytes) {
      const begin = (piece % piecesInPage) * pieceBytes;
      const taken = Math.min(pieceBytes, length - done);
      const page = this.#pages[Math.floor(piece / piecesInPage)];
      if (page !== undefined) {
        target.set(page.subarray(begin, begin + taken), done);
      }
      piece = this.#next[piece] ?? none;
    }
  }

  /** Half of the pages stay for the next time. */
  clear(): void {
    this.#pages.length = Math.ceil(this.#pages.length / 2);
    this.#pieces = 1;
  }

  #behind(last: number): number {
    const piece = this.#pieces++;
    this.#next = reaching(this.#next, this.#pieces, wide);
    this.#next[piece] = none;
    if (last !== none) {
      this.#next[last] = piece;
    }
    this.#pages[Math.floor(piece / piecesInPage)] ??= new Uint8Array(pageBytes);
    return piece;
  }
}
