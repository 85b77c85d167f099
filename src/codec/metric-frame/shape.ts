import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import type { Series } from '../../model/metric.ts';
import { ByteWriter } from './bytes.ts';
import { metricTypes, readShapeRows, shapeVersions } from './shape-rows.ts';

/** A smaller shape is not worth compressing. */
const packedFromBytes = 1024;
const fast = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

type Pair = readonly [name: string, value: string];
const none: Pair = ['', ''];

/** A shape as it stands in `Batch.dictionary`. */
export interface EncodedShape {
  /** 128 bits of SHA-256 over the bytes before compression, in hex. */
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * Version · strings · label pairs (two string numbers each) · series. A series is name, type, help + 1, unit + 1,
 * measurement, field, and its pairs by number: what 1,500 series of a sidecar share stands there once. A long one is
 * compressed, to a tenth and less.
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
  const plain = Buffer.concat([Buffer.of(shapeVersions.plain), tables.strings(), tables.pairs(), rows.bytes()]);
  const id = createHash('sha256').update(plain).digest('hex').slice(0, 32);
  return { id, bytes: plain.length < packedFromBytes ? plain : packed(plain, series.length), count: series.length };
}

function packed(plain: Buffer, count: number): Buffer {
  const head = new ByteWriter(24);
  head.byte(shapeVersions.packed);
  head.count(count);
  head.count(plain.length);
  return Buffer.concat([head.bytes(), zstdCompressSync(plain, fast)]);
}

/** Series of equal labels share the pairs. Throws BRIDGE_DECODE. */
export function decodeShape(bytes: Uint8Array): readonly Series[] {
  const rows = readShapeRows(bytes);
  const strings = rows.strings.map((text) => text.toString('utf8'));
  const string = (index: number | undefined): string => strings[index ?? -1] ?? '';
  const pairs = Array.from({ length: rows.pairs.length / 2 }, (_, i): Pair => {
    return [string(rows.pairs[2 * i]), string(rows.pairs[2 * i + 1])];
  });
  return Array.from({ length: rows.count }, (_, i): Series => {
    const help = rows.helps[i] ?? 0;
    const unit = rows.units[i] ?? 0;
    return {
      name: string(rows.names[i]),
      labels: Array.from(
        rows.labels.subarray(rows.labelsFrom[i], rows.labelsFrom[i + 1]),
        (pair) => pairs[pair] ?? none,
      ),
      type: metricTypes[rows.types[i] ?? 0] ?? 'unknown',
      ...(help > 0 && { help: string(help - 1) }),
      ...(unit > 0 && { unit: string(unit - 1) }),
      measurement: string(rows.measurements[i]),
      field: string(rows.fields[i]),
    };
  });
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
