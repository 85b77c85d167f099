import { paddingBytes } from './chunk.ts';

const pageBytes = 256 * 1024;
/** Pieces are so large; a chunk that grows out of one moves to the next. */
export const pieceBytes: readonly number[] = [
  32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384,
];

/** Memory in pieces of a few sizes, all of them given back at once. A place is a number; pieces do not straddle pages. */
export class Arena {
  readonly #pages: Uint8Array[] = [];
  readonly #free: number[][] = pieceBytes.map(() => []);
  #page = -1;
  #used = pageBytes;

  /** Of the pages in use. */
  get bytes(): number {
    return (this.#page + 1) * pageBytes;
  }

  take(size: number): number {
    const again = this.#free[size]?.pop();
    if (again !== undefined) {
      return again;
    }
    const bytes = pieceBytes[size] ?? 0;
    if (this.#used + bytes > pageBytes) {
      this.#page++;
      this.#pages[this.#page] ??= new Uint8Array(pageBytes + paddingBytes);
      this.#used = 0;
    }
    const place = this.#page * pageBytes + this.#used;
    this.#used += bytes;
    return place;
  }

  give(place: number, size: number): void {
    this.#free[size]?.push(place);
  }

  /** The page that a piece stands in, and where. */
  page(place: number): Uint8Array {
    return this.#pages[Math.floor(place / pageBytes)] ?? new Uint8Array(0);
  }

  offset(place: number): number {
    return place % pageBytes;
  }

  /** What was read from it is gone. Half of the pages stay for the next time. */
  clear(): void {
    this.#pages.length = Math.ceil((this.#page + 1) / 2);
    for (const list of this.#free) {
      list.length = 0;
    }
    this.#page = -1;
    this.#used = pageBytes;
  }
}
