import { crc32 } from 'node:zlib';
import { BridgeError } from '../../../contract/errors.ts';
import type { FragmentTable } from './fragment-table.ts';
import type { TraceKey } from './hash.ts';

/**
 * The sorted part of an index file: pages of 4 KiB, each u32 crc32 of all that follows, u32 number of entries, then entries of
 * u32 high, u32 low, u32 block; zeros to the end of the page.
 */
export const pageBytes = 4096;
const entryBytes = 12;
const pageHeadBytes = 8;
export const pageEntries = Math.floor((pageBytes - pageHeadBytes) / entryBytes);

/** How many pages are laid before others have their turn. */
const runPages = 64;

export function pagesOf(fragments: number): number {
  return Math.ceil(fragments / pageEntries);
}

/** The pages in order, some at a time. */
export function* layPages(fragments: FragmentTable): Generator<Buffer, void, undefined> {
  const words = fragments.sorted();
  const pages = pagesOf(fragments.fragments);
  for (let first = 0; first < pages; first += runPages) {
    const count = Math.min(runPages, pages - first);
    const run = Buffer.alloc(count * pageBytes);
    for (let page = 0; page < count; page++) {
      layPage(run.subarray(page * pageBytes, (page + 1) * pageBytes), words, (first + page) * pageEntries);
    }
    yield run;
  }
}

function layPage(page: Buffer, words: Uint32Array, firstEntry: number): void {
  const own = words.subarray(firstEntry * 3, (firstEntry + pageEntries) * 3);
  page.writeUInt32LE(own.length / 3, 4);
  page.set(new Uint8Array(own.buffer, own.byteOffset, own.byteLength), pageHeadBytes);
  page.writeUInt32LE(crc32(page.subarray(4)), 0);
}

/** Finds entries by reading few pages: keys are evenly spread, so the first guess is nearly right. */
export class FragmentPages {
  readonly #readPage: (page: number) => Buffer;
  readonly #pages: number;

  /** `readPage` gives the bytes of one page. */
  constructor(fragments: number, readPage: (page: number) => Buffer) {
    this.#pages = pagesOf(fragments);
    this.#readPage = readPage;
  }

  /** In order. Throws BRIDGE_CORRUPT at a page that is not what was written. */
  blocksOf(key: TraceKey): number[] {
    const blocks: number[] = [];
    for (let page = this.#firstPage(key); page < this.#pages; page++) {
      const words = this.#words(page);
      for (let at = lowerBound(words, key); at < words.length; at += 3) {
        if (words[at] !== key.high || words[at + 1] !== key.low) {
          return blocks;
        }
        blocks.push(words[at + 2] ?? 0);
      }
    }
    return blocks;
  }

  /** The page that holds the first entry that is not before the key. */
  #firstPage(key: TraceKey): number {
    let low = 0;
    let high = this.#pages - 1;
    let guess = this.#pagesOver(key.high);
    while (low < high) {
      guess = Math.max(low, Math.min(high, guess));
      const words = this.#words(guess);
      if (before(words, words.length - 3, key)) {
        low = guess + 1;
        guess += Math.max(1, this.#pagesOver(key.high - (words.at(-3) ?? 0)));
      } else if (guess > low && !before(words, 0, key)) {
        high = guess;
        guess -= Math.max(1, this.#pagesOver((words[0] ?? 0) - key.high));
      } else {
        return guess;
      }
    }
    return low;
  }

  /** About how many pages so many upper words take. */
  #pagesOver(highs: number): number {
    return Math.floor((highs / 2 ** 32) * this.#pages);
  }

  #words(page: number): Uint32Array {
    const bytes = this.#readPage(page);
    const entries = bytes.readUInt32LE(4);
    if (crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0) || entries > pageEntries) {
      throw new BridgeError('BRIDGE_CORRUPT', `page ${page} fails its checksum`);
    }
    return new Uint32Array(bytes.buffer, bytes.byteOffset + pageHeadBytes, entries * 3);
  }
}

/** Does the entry at `at` stand before the key? */
function before(words: Uint32Array, at: number, key: TraceKey): boolean {
  const high = words[at] ?? 0;
  return high < key.high || (high === key.high && (words[at + 1] ?? 0) < key.low);
}

/** Offset in words of the first entry that is not before the key. */
function lowerBound(words: Uint32Array, key: TraceKey): number {
  let low = 0;
  let high = words.length / 3;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(words, middle * 3, key)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low * 3;
}
