import type { Series } from '../../../model/metric.ts';
import { dropName, inByteOrder, type Labels, metricName } from '../../../promql/labels.ts';
import { hashOf, reaching, wide } from './columns.ts';
import { LabelBook } from './label-book.ts';

/** What a series is beside its name and labels. */
export type SeriesFacts = Pick<Series, 'type' | 'help' | 'unit' | 'measurement' | 'field'>;

/** A table as it is written down. */
export interface TableColumns {
  readonly strings: readonly string[];
  readonly facts: readonly SeriesFacts[];
  readonly columns: Readonly<Record<ColumnName, Uint32Array>>;
}

const ownColumns = ['names', 'factsOf', 'rowEnds', 'rows', 'firstSeconds', 'lastSeconds'] as const;
export const columnNames = ['pairNames', 'pairValues', ...ownColumns] as const;
export type ColumnName = (typeof columnNames)[number];
type OwnColumns = Record<(typeof ownColumns)[number], Uint32Array>;

const none = 0xffffffff;

/**
 * The series of one partition, by number. Strings, label pairs and facts stand there once; a series is a row of pair numbers:
 * 4 bytes a label, and 32 more. Series of one name are chained.
 */
export class SeriesTable {
  /** Its strings, and its label pairs. */
  readonly book: LabelBook;
  readonly #facts: SeriesFacts[] = [];
  readonly #factsByKey = new Map<string, number>();
  /** The first and the last series of each metric name, by the number of its string; the last one in a column. */
  readonly #firstOfName = new Map<number, number>();
  #lastOfName = wide(0);
  #columns: OwnColumns;
  #nextOfName = wide(0);
  #hashed = wide(64).fill(none);
  #size = 0;
  #holes = 0;

  constructor(book = new LabelBook()) {
    this.book = book;
    this.#columns = {
      names: wide(0),
      factsOf: wide(0),
      rowEnds: wide(0),
      rows: wide(0),
      firstSeconds: wide(0),
      lastSeconds: wide(0),
    };
  }

  /** Series have numbers below this. */
  get size(): number {
    return this.#size;
  }

  /** False where numbers were lost: then first series of names are not what they were when files were sorted. */
  get whole(): boolean {
    return this.#holes === 0;
  }

  /** The number of a series; one that is not there yet is added. */
  number(series: Series): number {
    const name = this.book.string(series.name);
    const row = series.labels.map((pair) => this.book.pair(pair));
    const slot = this.#slot(name, row);
    const known = this.#hashed[slot] ?? none;
    if (known === none) {
      return this.#add(series, name, row);
    }
    // Remote-write says of which type series are some time after their first samples.
    if (series.type !== 'unknown' && this.facts(known)?.type === 'unknown') {
      this.#columns.factsOf[known] = this.#factsNumber(series);
    }
    return known;
  }

  /** Keeps numbers in step where a piece of the table was lost: they belong to no series. */
  skipTo(size: number): void {
    while (this.#size < size) {
      const number = this.#size++;
      this.#holes++;
      this.#reach();
      this.#columns.names[number] = none;
      this.#columns.rowEnds[number] = this.#rowBegin(number);
      this.#columns.firstSeconds[number] = none;
      this.#nextOfName[number] = none;
    }
  }

  known(number: number): boolean {
    return number < this.#size && this.#columns.names[number] !== none;
  }

  name(number: number): string {
    return this.book.text(this.#columns.names[number] ?? none);
  }

  /** The first series of the same name: files sort by it. */
  leader(number: number): number {
    return this.#firstOfName.get(this.#columns.names[number] ?? none) ?? number;
  }

  facts(number: number): SeriesFacts | undefined {
    return this.#facts[this.#columns.factsOf[number] ?? none];
  }

  /** With `__name__`, sorted by name in byte order. */
  labels(number: number): Labels {
    const labels: (readonly [string, string])[] = [];
    let named = false;
    for (const pair of this.pairsOf(number)) {
      const label = this.book.name(pair);
      if (!named && inByteOrder(label, metricName) > 0) {
        labels.push([metricName, this.name(number)]);
        named = true;
      }
      labels.push([label, this.book.value(pair)]);
    }
    if (!named) {
      labels.push([metricName, this.name(number)]);
    }
    return labels;
  }

  series(number: number): Series {
    const facts = this.facts(number) ?? { type: 'unknown', measurement: '', field: '' };
    return { ...facts, name: this.name(number), labels: dropName(this.labels(number)) };
  }

  /** It has samples from `firstMs` to `lastMs`. */
  extend(number: number, firstMs: number, lastMs: number): void {
    const { firstSeconds, lastSeconds } = this.#columns;
    firstSeconds[number] = Math.min(firstSeconds[number] ?? none, Math.max(0, Math.floor(firstMs / 1000)));
    lastSeconds[number] = Math.max(lastSeconds[number] ?? 0, Math.max(0, Math.ceil(lastMs / 1000)));
  }

  /** Has it a sample in that range? By the second, and by its first and last. */
  reaches(number: number, startMs: number, endMs: number): boolean {
    const { firstSeconds, lastSeconds } = this.#columns;
    return (firstSeconds[number] ?? none) * 1000 <= endMs && (lastSeconds[number] ?? 0) * 1000 >= startMs;
  }

  /** Every metric name, with the number of its first series. */
  *names(): Generator<readonly [name: string, first: number], void, undefined> {
    for (const [name, first] of this.#firstOfName) {
      yield [this.book.text(name), first];
    }
  }

  /** The next series of the same name. */
  next(number: number): number | undefined {
    const next = this.#nextOfName[number] ?? none;
    return next === none ? undefined : next;
  }

  /** Numbers of its label pairs, by label name. */
  pairsOf(number: number): Uint32Array {
    return this.#columns.rows.subarray(this.#rowBegin(number), this.#rowEnd(number));
  }

  /** The pair of the series with a label of that name; undefined when it has none. */
  pairNamed(number: number, name: number): number | undefined {
    const { rows } = this.#columns;
    const end = this.#rowEnd(number);
    for (let at = this.#rowBegin(number); at < end; at++) {
      const pair = rows[at] ?? 0;
      if (this.book.nameNumber(pair) === name) {
        return pair;
      }
    }
    return undefined;
  }

  write(): TableColumns {
    const size = this.#size;
    const rows = this.#columns.rows.subarray(0, size === 0 ? 0 : this.#rowEnd(size - 1));
    const columns = { ...this.#columns };
    for (const name of ownColumns) {
      columns[name] = columns[name].subarray(0, size);
    }
    return { strings: this.book.texts, facts: this.#facts, columns: { ...this.book.columns, ...columns, rows } };
  }

  /** One that is only read. */
  static read({ strings, facts, columns }: TableColumns): SeriesTable {
    const table = new SeriesTable(LabelBook.read(strings, columns.pairNames, columns.pairValues));
    table.#facts.push(...facts);
    table.#columns = { ...columns };
    table.#nextOfName = wide(columns.names.length).fill(none);
    for (const [number, name] of columns.names.entries()) {
      table.#size = number + 1;
      if (name === none) {
        table.#holes++;
      } else {
        table.#chain(number, name);
      }
    }
    return table;
  }

  #rowEnd(number: number): number {
    return this.#columns.rowEnds[number] ?? 0;
  }

  #rowBegin(number: number): number {
    return number === 0 ? 0 : (this.#columns.rowEnds[number - 1] ?? 0);
  }

  #add(series: Series, name: number, row: readonly number[]): number {
    const number = this.#size++;
    this.#reach();
    const columns = this.#columns;
    const begin = this.#rowBegin(number);
    columns.rows = reaching(columns.rows, begin + row.length, wide);
    columns.rows.set(row, begin);
    columns.rowEnds[number] = begin + row.length;
    columns.names[number] = name;
    columns.factsOf[number] = this.#factsNumber(series);
    columns.firstSeconds[number] = none;
    columns.lastSeconds[number] = 0;
    this.#chain(number, name);
    if (this.#size * 2 > this.#hashed.length) {
      this.#rehash();
    } else {
      this.#hashed[this.#slot(name, row)] = number;
    }
    return number;
  }

  #chain(number: number, name: number): void {
    this.#nextOfName[number] = none;
    const { length } = this.#lastOfName;
    this.#lastOfName = name < length ? this.#lastOfName : reaching(this.#lastOfName, name + 1, wide).fill(none, length);
    const last = this.#lastOfName[name] ?? none;
    if (last === none) {
      this.#firstOfName.set(name, number);
    } else {
      this.#nextOfName[last] = number;
    }
    this.#lastOfName[name] = number;
  }

  #reach(): void {
    const columns = this.#columns;
    columns.names = reaching(columns.names, this.#size, wide);
    columns.factsOf = reaching(columns.factsOf, this.#size, wide);
    columns.rowEnds = reaching(columns.rowEnds, this.#size, wide);
    columns.firstSeconds = reaching(columns.firstSeconds, this.#size, wide);
    columns.lastSeconds = reaching(columns.lastSeconds, this.#size, wide);
    this.#nextOfName = reaching(this.#nextOfName, this.#size, wide);
  }

  #factsNumber({ type, help, unit, measurement, field }: Series): number {
    const key = JSON.stringify([type, help, unit, measurement, field]);
    const known = this.#factsByKey.get(key);
    if (known !== undefined) {
      return known;
    }
    const said = { ...(help !== undefined && { help }), ...(unit !== undefined && { unit }) };
    this.#factsByKey.set(key, this.#facts.length);
    return this.#facts.push({ type, ...said, measurement, field }) - 1;
  }

  /** Where that series stands in the hash table, or would. */
  #slot(name: number, row: ArrayLike<number>): number {
    const mask = this.#hashed.length - 1;
    let slot = hashOf(name, row) & mask;
    for (;;) {
      const number = this.#hashed[slot] ?? none;
      if (number === none || this.#is(number, name, row)) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #is(number: number, name: number, row: ArrayLike<number>): boolean {
    const begin = this.#rowBegin(number);
    if (this.#columns.names[number] !== name || this.#rowEnd(number) - begin !== row.length) {
      return false;
    }
    for (let i = 0; i < row.length; i++) {
      if (this.#columns.rows[begin + i] !== row[i]) {
        return false;
      }
    }
    return true;
  }

  #rehash(): void {
    this.#hashed = wide(this.#hashed.length * 4).fill(none);
    for (let number = 0; number < this.#size; number++) {
      if (this.known(number)) {
        this.#hashed[this.#slot(this.#columns.names[number] ?? none, this.pairsOf(number))] = number;
      }
    }
  }
}
