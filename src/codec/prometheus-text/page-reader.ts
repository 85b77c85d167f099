import type { Exemplar, Series } from '../../model/metric.ts';
import { SeriesList } from '../metric-frame/metric-frame.ts';
import { Families, familyNames } from './families.ts';
import { isAsKnown, type KnownFamily, Layout, LineFinder, sameSeries, seriesHash } from './layout.ts';
import { bytesHash } from './line-models.ts';
import { LineReader } from './line-reader.ts';
import { type PageParserOptions, TooManySamples } from './page.ts';
import { PageKeys, Places } from './page-keys.ts';
import { Pairs } from './pairs.ts';

export interface ReadPage {
  readonly layout: Layout;
  /** False where a key could be the beginning of another one, so that it proves nothing about the next page. */
  readonly reusable: boolean;
  readonly values: Float64Array;
  readonly timestampsMs: Float64Array | undefined;
  readonly exemplars: readonly Exemplar[] | undefined;
}

interface Line {
  readonly series: Series | undefined;
  readonly hash: number;
  readonly family: number;
  /** Where it stood on the page before; −1: it did not. */
  readonly before: number;
}

/** Reads one page line by line. Lines that the last page had too are found by their bytes; the others are taken apart. */
export class PageReader {
  readonly #page: Buffer;
  readonly #options: PageParserOptions;
  readonly #before: LineFinder | undefined;
  readonly #reader: LineReader;
  readonly #families = new Families();
  readonly #known: KnownFamilies;

  readonly #series: Series[] = [];
  readonly #values: number[] = [];
  readonly #times = new Map<number, number>();
  readonly #exemplars: Exemplar[] = [];
  readonly #bySeries = new Map<number, number>();

  readonly #slots: number[] = [];
  readonly #hashes: number[] = [];
  readonly #familyOf: number[] = [];
  readonly #stoodAt: number[] = [];
  /** Per sample: where its segment begins, where its line begins, where its value begins. */
  readonly #marks: number[] = [];
  #segmentAt = 0;
  #expected = 0;
  #unwanted = 0;
  #lines = 0;
  #wanted = 0;
  readonly #mostWanted: number;
  readonly #repeats = new Set<number>();

  constructor(page: Buffer, options: PageParserOptions, before: Layout | undefined) {
    this.#page = page;
    this.#options = options;
    this.#mostWanted = options.maxSamples ?? Number.POSITIVE_INFINITY;
    this.#before = before === undefined ? undefined : new LineFinder(before, new Places(before.parts.keys.count));
    this.#known = new KnownFamilies(before?.parts.families ?? [], this.#families);
    this.#reader = new LineReader(page, new Pairs());
  }

  /** Throws BRIDGE_DECODE, and TooManySamples. */
  read(): ReadPage {
    const reader = this.#reader;
    while (reader.pos < this.#page.length) {
      const lineAt = reader.pos;
      reader.skipBlanks();
      if (reader.peek() === 0x0a) {
        reader.pos++;
      } else if (reader.peek() === 0x23) {
        reader.comment(this.#families);
        this.#known.changed();
      } else {
        reader.pos = lineAt;
        this.#sample();
      }
    }
    if (this.#wanted > this.#mostWanted) {
      throw new TooManySamples(this.#lines, this.#wanted);
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
    const line = this.#found(lineAt) ?? this.#taken();
    const valueAt = reader.pos;
    const slot = this.#placed(line, lineAt, valueAt);

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

  /** Where its value goes; −1: nowhere. */
  #placed(line: Line, lineAt: number, valueAt: number): number {
    this.#lines++;
    this.#wanted += line.series === undefined ? 0 : 1;
    if (this.#wanted > this.#mostWanted) {
      return -1;
    }
    const slot = this.#slot(line);
    this.#marks.push(this.#segmentAt, lineAt, valueAt);
    this.#slots.push(slot);
    this.#hashes.push(line.hash);
    this.#familyOf.push(line.family);
    this.#stoodAt.push(line.before);
    return slot;
  }

  #found(pos: number): Line | undefined {
    const before = this.#before;
    const line = before?.find(this.#page, pos, this.#expected) ?? -1;
    if (before === undefined || line < 0) {
      return undefined;
    }
    this.#expected = line + 1;
    const { hashes, familyOf, repeats } = before.layout.parts;
    const family = familyOf[line] ?? 0;
    // Of a repeated series only what was first placed is kept.
    if (repeats.has(line) || !this.#known.isAsBefore(family)) {
      return undefined;
    }
    this.#reader.pos = before.valueAt(line);
    return { series: before.series[before.layout.slot(line)], hash: hashes[line] ?? 0, family, before: line };
  }

  #taken(): Line {
    this.#reader.skipBlanks();
    const { name, labels } = this.#reader.key();
    const number = this.#known.numberOf(name);
    const { family = name, type = 'unknown', help, unit } = this.#known.families[number] ?? {};
    const series = this.#options.place({
      name,
      labels,
      family,
      type,
      ...(help !== undefined && { help }),
      ...(unit !== undefined && { unit }),
    });
    return { series, hash: series === undefined ? 0 : seriesHash(series), family: number, before: -1 };
  }

  #slot({ series, hash: from }: Line): number {
    if (series === undefined) {
      this.#unwanted++;
      return -1;
    }
    for (let hash = from; ; hash++) {
      const slot = this.#bySeries.get(hash);
      const there = slot === undefined ? undefined : this.#series[slot];
      if (slot === undefined || there === undefined) {
        this.#bySeries.set(hash, this.#series.length);
        return this.#series.push(series) - 1;
      }
      if (sameSeries(there, series)) {
        this.#repeats.add(this.#slots.length);
        return slot;
      }
    }
  }

  #layout(): { readonly layout: Layout; readonly reusable: boolean } {
    const page = this.#page;
    const marks = this.#marks;
    const count = this.#slots.length;
    const keyHashes = new Int32Array(count);
    const before = this.#before?.layout.parts.keys;
    let reusable = true;
    for (let i = 0; i < count; i++) {
      const valueAt = marks[3 * i + 2] ?? 0;
      keyHashes[i] = bytesHash(page, marks[3 * i + 1] ?? 0, valueAt);
      const last = page[valueAt - 1];
      reusable &&= last === 0x20 || last === 0x09 || last === 0x7d;
    }
    const layout = new Layout({
      keys: new PageKeys(page, {
        count,
        marks,
        restAt: this.#segmentAt,
        ...(before && { before: { keys: before, lines: this.#stoodAt } }),
      }),
      list: new SeriesList(this.#series, this.#options.behind ?? []),
      slots: this.#slots.every((slot, i) => slot === i) ? undefined : Int32Array.from(this.#slots),
      hashes: Int32Array.from(this.#hashes),
      familyOf: Uint32Array.from(this.#familyOf),
      families: this.#known.families,
      keyHashes,
      unwanted: this.#unwanted,
      repeats: this.#repeats,
    });
    return { layout, reusable };
  }
}

/** Numbers what TYPE, HELP and UNIT say of names: those of the page before go on under their numbers. */
class KnownFamilies {
  readonly families: KnownFamily[];
  readonly #now: Families;
  readonly #byName = new Map<string, number[]>();
  /** By number: whether it is as it was, asked since the last comment. */
  #checked: (boolean | undefined)[] = [];

  constructor(before: readonly KnownFamily[], now: Families) {
    this.families = [...before];
    this.#now = now;
    before.forEach((one, number) => {
      this.#note(one.names.own, number);
    });
  }

  /** A comment was read. */
  changed(): void {
    this.#checked = [];
  }

  isAsBefore(number: number): boolean {
    const known = this.families[number];
    this.#checked[number] ??= known !== undefined && isAsKnown(known, this.#now);
    return this.#checked[number];
  }

  /** Of the family that covers samples of that name now. */
  numberOf(name: string): number {
    const known = this.#byName.get(name)?.find((number) => this.isAsBefore(number));
    if (known !== undefined) {
      return known;
    }
    const names = familyNames(name);
    const found = this.#now.of(names);
    const { type = 'unknown', help, unit } = found ?? {};
    this.#note(name, this.families.length);
    return this.families.push({ names, family: found?.name ?? name, type, help, unit }) - 1;
  }

  #note(name: string, number: number): void {
    const numbers = this.#byName.get(name);
    if (numbers === undefined) {
      this.#byName.set(name, [number]);
    } else {
      numbers.push(number);
    }
  }
}

function spread(bySlot: ReadonlyMap<number, number>, size: number): Float64Array {
  const all = new Float64Array(size).fill(Number.NaN);
  for (const [slot, value] of bySlot) {
    all[slot] = value;
  }
  return all;
}
