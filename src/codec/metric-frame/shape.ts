import { createHash } from 'node:crypto';
import type { MetricType, Series } from '../../model/metric.ts';
import { ByteReader, ByteWriter } from './bytes.ts';

const shapeVersion = 1;

/** Codes of the wire: only ever add at the end. */
const metricTypes: readonly MetricType[] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'summary',
  'info',
  'stateset',
  'gaugehistogram',
];

type Pair = readonly [name: string, value: string];

/** A shape as it stands in `Batch.dictionary`. */
export interface EncodedShape {
  /** 128 bits of SHA-256 over the bytes, in hex. */
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * Version · strings · label pairs (two string numbers each) · series. A series is name, type, help + 1, unit + 1,
 * measurement, field, and its pairs by number: what 1,500 series of a sidecar share stands there once.
 */
export function encodeShape(series: readonly Series[]): EncodedShape {
  const tables = new Tables();
  const rows = new ByteWriter(64 + series.length * 48);
  rows.count(series.length);
  for (const one of series) {
    rows.count(tables.string(one.name));
    rows.byte(Math.max(0, metricTypes.indexOf(one.type)));
    rows.count(one.help === undefined ? 0 : tables.string(one.help) + 1);
    rows.count(one.unit === undefined ? 0 : tables.string(one.unit) + 1);
    rows.count(tables.string(one.measurement));
    rows.count(tables.string(one.field));
    rows.count(one.labels.length);
    for (const pair of one.labels) {
      rows.count(tables.pair(pair));
    }
  }
  const bytes = Buffer.concat([Buffer.of(shapeVersion), tables.strings(), tables.pairs(), rows.bytes()]);
  const id = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
  return { id, bytes, count: series.length };
}

/** Series of equal labels share the pairs. Throws BRIDGE_DECODE. */
export function decodeShape(bytes: Uint8Array): readonly Series[] {
  const reader = new ByteReader(bytes, 'shape');
  const version = reader.byte();
  if (version !== shapeVersion) {
    throw reader.fault(`version ${version} is not known`);
  }
  const strings = Array.from({ length: reader.length() }, () => reader.text());
  const string = (): string => entry(reader, strings, reader.count());
  const pairs = Array.from({ length: reader.length() }, (): Pair => [string(), string()]);
  const series = Array.from({ length: reader.length() }, () => readSeries(reader, strings, pairs));
  reader.end();
  return series;
}

function readSeries(reader: ByteReader, strings: readonly string[], pairs: readonly Pair[]): Series {
  const name = entry(reader, strings, reader.count());
  const type = entry(reader, metricTypes, reader.byte());
  const help = reader.count();
  const unit = reader.count();
  const measurement = entry(reader, strings, reader.count());
  const field = entry(reader, strings, reader.count());
  const labels = Array.from({ length: reader.length() }, () => entry(reader, pairs, reader.count()));
  return {
    name,
    labels,
    type,
    ...(help > 0 && { help: entry(reader, strings, help - 1) }),
    ...(unit > 0 && { unit: entry(reader, strings, unit - 1) }),
    measurement,
    field,
  };
}

function entry<T>(reader: ByteReader, table: readonly T[], index: number): T {
  const found = table[index];
  if (found === undefined) {
    throw reader.fault(`entry ${index} of a table of ${table.length}`);
  }
  return found;
}

/** Numbers strings and pairs in the order in which they are first met. */
class Tables {
  readonly #strings = new Map<string, number>();
  readonly #byPair = new Map<Pair, number>();
  readonly #byText = new Map<number, Map<number, number>>();
  readonly #pairs = new ByteWriter();
  #pairCount = 0;

  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) {
      return known;
    }
    this.#strings.set(text, this.#strings.size);
    return this.#strings.size - 1;
  }

  pair(pair: Pair): number {
    const known = this.#byPair.get(pair);
    if (known !== undefined) {
      return known;
    }
    const number = this.#numbered(this.string(pair[0]), this.string(pair[1]));
    this.#byPair.set(pair, number);
    return number;
  }

  strings(): Buffer {
    const writer = new ByteWriter(this.#strings.size * 32);
    writer.count(this.#strings.size);
    for (const text of this.#strings.keys()) {
      writer.text(text);
    }
    return writer.bytes();
  }

  pairs(): Buffer {
    const writer = new ByteWriter();
    writer.count(this.#pairCount);
    return Buffer.concat([writer.bytes(), this.#pairs.bytes()]);
  }

  #numbered(name: number, value: number): number {
    const values = this.#byText.get(name) ?? new Map<number, number>();
    this.#byText.set(name, values);
    const known = values.get(value);
    if (known !== undefined) {
      return known;
    }
    values.set(value, this.#pairCount);
    this.#pairs.count(name);
    this.#pairs.count(value);
    return this.#pairCount++;
  }
}
