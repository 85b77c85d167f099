import type { MetricType, Series } from '../../model/metric.ts';
import type { SeriesList } from '../metric-frame/metric-frame.ts';
import type { Families, FamilyNames } from './families.ts';
import { bytesHash } from './line-models.ts';
import type { PageKeys, Places } from './page-keys.ts';

/** What TYPE, HELP and UNIT said of the lines of one name. */
export interface KnownFamily {
  readonly names: FamilyNames;
  readonly family: string;
  readonly type: MetricType;
  readonly help: string | undefined;
  readonly unit: string | undefined;
}

/** Whether the family is still what it was. */
export function isAsKnown(known: KnownFamily, families: Families): boolean {
  const family = families.of(known.names);
  return (
    (family?.name ?? known.names.own) === known.family &&
    (family?.type ?? 'unknown') === known.type &&
    family?.help === known.help &&
    family?.unit === known.unit
  );
}

export interface LayoutParts {
  readonly keys: PageKeys;
  readonly list: SeriesList;
  /** By line: index into the series; −1 where the sample is not wanted. Undefined: each line has its own, in their order. */
  readonly slots: Int32Array | undefined;
  /** Lines whose series had stood there before. */
  readonly repeats: ReadonlySet<number>;
  /** By line: `seriesHash` of its series; 0 where it has none. */
  readonly hashes: Int32Array;
  /** By line: index into `families`. */
  readonly familyOf: Uint32Array;
  readonly families: readonly KnownFamily[];
  /** By line: `bytesHash` of its key. */
  readonly keyHashes: Int32Array;
  readonly unwanted: number;
}

/** Where everything stood on the last page that was read whole. */
export class Layout {
  readonly parts: LayoutParts;

  constructor(parts: LayoutParts) {
    this.parts = parts;
  }

  slot(line: number): number {
    return this.parts.slots === undefined ? line : (this.parts.slots[line] ?? -1);
  }
}

/** Finds lines of an earlier page on a new one. */
export class LineFinder {
  readonly layout: Layout;
  readonly series: readonly Series[];
  readonly #places: Places;
  #index: Int32Array | undefined;

  constructor(layout: Layout, places: Places) {
    this.layout = layout;
    this.series = layout.parts.list.series;
    this.#places = places;
  }

  /** The line whose name and labels stand at `pos`, or −1. Tries `expected` first: pages mostly keep their order. */
  find(page: Buffer, pos: number, expected: number): number {
    if (this.#isAt(page, pos, expected)) {
      return expected;
    }
    const end = guessKeyEnd(page, pos);
    if (end < 0) {
      return -1;
    }
    this.#index ??= this.#indexed();
    const index = this.#index;
    const mask = index.length - 1;
    for (let at = bytesHash(page, pos, end) & mask; ; at = (at + 1) & mask) {
      const line = (index[at] ?? 0) - 1;
      if (line < 0 || this.#isAt(page, pos, line)) {
        return line;
      }
    }
  }

  /** Of a line that was found: where its value begins. */
  valueAt(line: number): number {
    return this.#places.end(line);
  }

  #isAt(page: Buffer, pos: number, line: number): boolean {
    const { keys } = this.layout.parts;
    if (line >= keys.count) {
      return false;
    }
    const behind = keys.line(page, pos, line, this.#places);
    if (behind < 0 || behind >= page.length) {
      return false;
    }
    // More blanks, or braces behind a bare name: equal bytes so far, but another key.
    const next = page[behind];
    return next !== 0x20 && next !== 0x09 && next !== 0x7b;
  }

  #indexed(): Int32Array {
    const { keyHashes } = this.layout.parts;
    const index = new Int32Array(2 ** Math.ceil(Math.log2(keyHashes.length * 2 + 2)));
    const mask = index.length - 1;
    for (let line = keyHashes.length - 1; line >= 0; line--) {
      let at = (keyHashes[line] ?? 0) & mask;
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
