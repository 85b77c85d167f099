import type { Exemplar, Series } from '../../model/metric.ts';
import { Families, familyNames } from './families.ts';
import { type KnownLine, Layout, sameFamily, sameSeries, seriesHash } from './layout.ts';
import { LineReader } from './line-reader.ts';
import type { PageParserOptions } from './page.ts';
import type { Pairs } from './pairs.ts';

export interface ReadPage {
  /** Undefined where a key could be the beginning of another one, so that it proves nothing about the next page. */
  readonly layout: Layout;
  readonly reusable: boolean;
  readonly values: Float64Array;
  readonly timestampsMs: Float64Array | undefined;
  readonly exemplars: readonly Exemplar[] | undefined;
}

/** Reads one page line by line. Lines that the last page had too are found by their bytes; the others are taken apart. */
export class PageReader {
  readonly #page: Buffer;
  readonly #options: PageParserOptions;
  readonly #before: Layout | undefined;
  readonly #reader: LineReader;
  readonly #families = new Families();

  readonly #series: Series[] = [];
  readonly #values: number[] = [];
  readonly #times = new Map<number, number>();
  readonly #exemplars: Exemplar[] = [];
  readonly #bySeries = new Map<number, number>();

  readonly #lines: KnownLine[] = [];
  readonly #slots: number[] = [];
  /** Per sample: where its segment begins, where its line begins, where its value begins. */
  readonly #marks: number[] = [];
  #segmentAt = 0;
  #expected = 0;
  #unwanted = 0;
  #duplicates = 0;

  constructor(page: Buffer, pairs: Pairs, options: PageParserOptions, before: Layout | undefined) {
    this.#page = page;
    this.#options = options;
    this.#before = before;
    this.#reader = new LineReader(page, pairs);
  }

  read(): ReadPage {
    const reader = this.#reader;
    while (reader.pos < this.#page.length) {
      const lineAt = reader.pos;
      reader.skipBlanks();
      if (reader.peek() === 0x0a) {
        reader.pos++;
      } else if (reader.peek() === 0x23) {
        reader.comment(this.#families);
      } else {
        reader.pos = lineAt;
        this.#sample();
      }
    }
    const size = this.#series.length;
    return {
      ...this.#layout(),
      values: Float64Array.from(this.#values),
      timestampsMs: this.#times.size === 0 ? undefined : spread(this.#times, size),
      exemplars: this.#exemplars.length === 0 ? undefined : this.#exemplars,
    };
  }

  #sample(): void {
    const reader = this.#reader;
    const lineAt = reader.pos;
    const line = this.#known(lineAt) ?? this.#taken();
    const valueAt = reader.pos;
    const slot = this.#slot(line);
    this.#marks.push(this.#segmentAt, lineAt, valueAt);
    this.#lines.push(line);
    this.#slots.push(slot);

    const value = reader.value();
    const timestampMs = reader.timestampMs(this.#options.dialect);
    const exemplar = reader.exemplar();
    reader.lineEnd();
    this.#segmentAt = Math.min(reader.pos, this.#page.length);
    if (slot < 0) {
      return;
    }
    this.#values[slot] = value;
    this.#times.delete(slot);
    if (timestampMs !== undefined && this.#options.timestamps === 'honor') {
      this.#times.set(slot, timestampMs);
    }
    if (exemplar !== undefined) {
      this.#exemplars.push({ index: slot, ...exemplar });
    }
  }

  #known(pos: number): KnownLine | undefined {
    const before = this.#before;
    const found = before?.find(this.#page, pos, this.#expected) ?? -1;
    const line = before?.parts.lines[found];
    if (before === undefined || line === undefined) {
      return undefined;
    }
    this.#expected = found + 1;
    if (!sameFamily(line, this.#families)) {
      return undefined;
    }
    this.#reader.pos = pos + before.keyBytes(found);
    return line;
  }

  #taken(): KnownLine {
    this.#reader.skipBlanks();
    const { name, labels } = this.#reader.key();
    const names = familyNames(name);
    const found = this.#families.of(names);
    const family = found?.name ?? name;
    const type = found?.type ?? 'unknown';
    const help = found?.help;
    const unit = found?.unit;
    const series = this.#options.place({
      name,
      labels,
      family,
      type,
      ...(help !== undefined && { help }),
      ...(unit !== undefined && { unit }),
    });
    return { series, hash: series === undefined ? 0 : seriesHash(series), names, family, type, help, unit };
  }

  #slot(line: KnownLine): number {
    const { series } = line;
    if (series === undefined) {
      this.#unwanted++;
      return -1;
    }
    for (let hash = line.hash; ; hash++) {
      const slot = this.#bySeries.get(hash);
      const there = slot === undefined ? undefined : this.#series[slot];
      if (slot === undefined || there === undefined) {
        this.#bySeries.set(hash, this.#series.length);
        return this.#series.push(series) - 1;
      }
      if (sameSeries(there, series)) {
        this.#duplicates++;
        return slot;
      }
    }
  }

  #layout(): { readonly layout: Layout; readonly reusable: boolean } {
    const page = this.#page;
    const marks = this.#marks;
    const count = this.#lines.length;
    const starts = new Uint32Array(count);
    const ends = new Uint32Array(count);
    const keys = Buffer.allocUnsafeSlow(this.#keyBytes());
    let reusable = true;
    let filled = 0;
    for (let i = 0; i < count; i++) {
      const from = marks[3 * i] ?? 0;
      const to = marks[3 * i + 2] ?? 0;
      starts[i] = filled + (marks[3 * i + 1] ?? 0) - from;
      filled += page.copy(keys, filled, from, to);
      ends[i] = filled;
      const last = keys[filled - 1];
      reusable &&= last === 0x20 || last === 0x09 || last === 0x7d;
    }
    page.copy(keys, filled, this.#segmentAt);
    const parts = {
      keys,
      ends,
      starts,
      slots: Int32Array.from(this.#slots),
      lines: this.#lines,
      series: this.#series,
      unwanted: this.#unwanted,
      duplicates: this.#duplicates,
    };
    return { layout: new Layout(parts), reusable };
  }

  #keyBytes(): number {
    let sum = this.#page.length - this.#segmentAt;
    for (let i = 0; i < this.#marks.length; i += 3) {
      sum += (this.#marks[i + 2] ?? 0) - (this.#marks[i] ?? 0);
    }
    return sum;
  }
}

function spread(bySlot: ReadonlyMap<number, number>, size: number): Float64Array {
  const all = new Float64Array(size).fill(Number.NaN);
  for (const [slot, value] of bySlot) {
    all[slot] = value;
  }
  return all;
}
