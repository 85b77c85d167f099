import type { MetricType, Series } from '../../model/metric.ts';
import type { Families, FamilyNames } from './families.ts';

/** A sample line that was read before: what became of it, and what TYPE, HELP and UNIT said then. */
export interface KnownLine {
  readonly series: Series | undefined;
  readonly hash: number;
  readonly names: FamilyNames;
  readonly family: string;
  readonly type: MetricType;
  readonly help: string | undefined;
  readonly unit: string | undefined;
}

/** Whether the family of that line is still what it was. */
export function sameFamily(known: KnownLine, families: Families): boolean {
  const family = families.of(known.names);
  return (
    (family?.name ?? known.names.own) === known.family &&
    (family?.type ?? 'unknown') === known.type &&
    family?.help === known.help &&
    family?.unit === known.unit
  );
}

export interface LayoutParts {
  /**
   * The page without its values: for each sample the bytes from the end of the line of the one before up to its value,
   * comments in between included, and last what stands behind the last sample.
   */
  readonly keys: Buffer;
  /** Where in `keys` the bytes before each value end. */
  readonly ends: Uint32Array;
  /** Where in `keys` the line of each sample begins. */
  readonly starts: Uint32Array;
  /** Index into `series`; −1 where the sample is not wanted. */
  readonly slots: Int32Array;
  readonly lines: readonly KnownLine[];
  readonly series: readonly Series[];
  readonly unwanted: number;
  readonly duplicates: number;
}

/** Where everything stood on the last page that was read whole. */
export class Layout {
  readonly parts: LayoutParts;
  #index: Int32Array | undefined;

  constructor(parts: LayoutParts) {
    this.parts = parts;
  }

  /** The line whose name and labels stand at `pos`, or −1. Tries `expected` first: pages mostly keep their order. */
  find(page: Buffer, pos: number, expected: number): number {
    if (this.#isAt(page, pos, expected)) {
      return expected;
    }
    const guess = guessKeyEnd(page, pos);
    if (guess < 0) {
      return -1;
    }
    this.#index ??= this.#indexed();
    const index = this.#index;
    const mask = index.length - 1;
    for (let at = sparseHash(page, pos, guess) & mask; ; at = (at + 1) & mask) {
      const line = (index[at] ?? 0) - 1;
      if (line < 0 || this.#isAt(page, pos, line)) {
        return line;
      }
    }
  }

  keyBytes(line: number): number {
    return (this.parts.ends[line] ?? 0) - (this.parts.starts[line] ?? 0);
  }

  #isAt(page: Buffer, pos: number, line: number): boolean {
    const { keys, starts, ends } = this.parts;
    const start = starts[line];
    const end = ends[line];
    if (start === undefined || end === undefined) {
      return false;
    }
    const behind = pos + end - start;
    if (behind >= page.length || page.compare(keys, start, end, pos, behind) !== 0) {
      return false;
    }
    // More blanks, or braces behind a bare name: equal bytes so far, but another key.
    const next = page[behind];
    return next !== 0x20 && next !== 0x09 && next !== 0x7b;
  }

  #indexed(): Int32Array {
    const { keys, starts, ends } = this.parts;
    const index = new Int32Array(2 ** Math.ceil(Math.log2(ends.length * 2 + 2)));
    const mask = index.length - 1;
    for (let line = ends.length - 1; line >= 0; line--) {
      let at = sparseHash(keys, starts[line] ?? 0, ends[line] ?? 0) & mask;
      while (index[at] !== 0) {
        at = (at + 1) & mask;
      }
      index[at] = line + 1;
    }
    return index;
  }
}

/** Where the value begins, if the line is an ordinary one. A wrong guess finds nothing and costs a slow read, no more. */
function guessKeyEnd(page: Buffer, pos: number): number {
  const newline = page.indexOf(0x0a, pos);
  const lineEnd = newline < 0 ? page.length : newline;
  const brace = page.lastIndexOf(0x7d, lineEnd - 1);
  let end = brace + 1;
  if (brace < pos) {
    const blank = page.indexOf(0x20, pos);
    if (blank < 0 || blank >= lineEnd) {
      return -1;
    }
    end = blank;
  }
  while (page[end] === 0x20 || page[end] === 0x09) {
    end++;
  }
  return end;
}

/** Sees the length, some sixteen bytes spread over the key, and its end, where the buckets of a histogram differ. */
function sparseHash(bytes: Buffer, from: number, to: number): number {
  let hash = to - from;
  const step = Math.max(1, (to - from) >> 4);
  for (let at = from; at < to; at += step) {
    hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  }
  for (let at = Math.max(from, to - 12); at < to; at++) {
    hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}

/** 32 bits over name and labels. */
export function seriesHash(series: Series): number {
  let hash = textHash(0x811c9dc5, series.name);
  for (const [name, value] of series.labels) {
    hash = textHash(textHash(hash, name), value);
  }
  return hash;
}

function textHash(seed: number, text: string): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return Math.imul(hash ^ 0xff, 0x01000193);
}

/** Equal name and labels. */
export function sameSeries(a: Series, b: Series): boolean {
  return (
    a === b ||
    (a.name === b.name &&
      a.labels.length === b.labels.length &&
      a.labels.every(
        (pair, i) => pair === b.labels[i] || (pair[0] === b.labels[i]?.[0] && pair[1] === b.labels[i]?.[1]),
      ))
  );
}
