import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BridgeError } from '../../../contract/errors.ts';
import type { RumPoint } from '../../../model/rum.ts';
import { Column, ColumnBuilder, type ColumnJson, noColumn } from './column.ts';

/** A page that inflates to more than this is not ours: a builder stops far below. */
const maxPageBytes = 256 * 1024 * 1024;
const nanosPerMs = 1_000_000n;

/** Points of one record of the lane that stand one behind the other: `[seq, index of the first, when it came in ms, how many]`. */
export type ArrivalRun = readonly [seq: number, index: number, arrivedMs: number, count: number];

/** Key, and bytes of its column. */
type KeyJson = readonly [key: string, bytes: number];

/**
 * A page before it is packed: u32 length of this head, this head as JSON, and the columns as JSON, those of the tags and then
 * those of the fields, in the order of their keys here.
 */
interface PageHead {
  readonly v: 1;
  readonly count: number;
  readonly kind: ColumnJson;
  /** ms since 1970 of the first point, then the differences; and the ns beyond the ms. */
  readonly ms: readonly number[];
  readonly nanos: readonly number[] | 0;
  readonly runs: readonly ArrivalRun[];
  readonly tags: readonly KeyJson[];
  readonly fields: readonly KeyJson[];
}

/** A point, and where it came from. */
export interface PlacedPoint {
  readonly point: RumPoint;
  readonly seq: number;
  readonly index: number;
  readonly arrivedMs: number;
}

/** Puts points into columns. */
export class PageBuilder {
  readonly #kind = new ColumnBuilder();
  readonly #ms: number[] = [];
  readonly #nanos: number[] = [];
  readonly #runs: [number, number, number, number][] = [];
  readonly #tags = new Map<string, ColumnBuilder>();
  readonly #fields = new Map<string, ColumnBuilder>();
  #lastMs = 0;

  get count(): number {
    return this.#ms.length;
  }

  add({ point, seq, index, arrivedMs }: PlacedPoint): void {
    const at = this.count;
    const run = this.#runs.at(-1);
    if (run !== undefined && run[0] === seq && run[1] + run[3] === index) {
      run[3] += 1;
    } else {
      this.#runs.push([seq, index, arrivedMs, 1]);
    }
    const ms = msOf(point.timeNanos);
    this.#ms.push(ms - this.#lastMs);
    this.#lastMs = ms;
    this.#nanos.push(Number(point.timeNanos - BigInt(ms) * nanosPerMs));
    this.#kind.set(at, point.measurement);
    setAll(this.#tags, point.tags, at);
    setAll(this.#fields, point.fields, at);
  }

  finish(): Buffer {
    const { count } = this;
    const columns: Buffer[] = [];
    const keysOf = (builders: ReadonlyMap<string, ColumnBuilder>): readonly KeyJson[] =>
      [...builders].map(([key, builder]) => {
        const column = Buffer.from(JSON.stringify(builder.finish(count)));
        columns.push(column);
        return [key, column.length];
      });
    const head: PageHead = {
      v: 1,
      count,
      kind: this.#kind.finish(count),
      ms: this.#ms,
      nanos: this.#nanos.every((nanos) => nanos === 0) ? 0 : this.#nanos,
      runs: this.#runs,
      tags: keysOf(this.#tags),
      fields: keysOf(this.#fields),
    };
    const json = Buffer.from(JSON.stringify(head));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    return zstdCompressSync(Buffer.concat([length, json, ...columns]), {
      params: { [constants.ZSTD_c_compressionLevel]: 3 },
    });
  }
}

function setAll(columns: Map<string, ColumnBuilder>, values: RumPoint['fields'], at: number): void {
  for (const [key, value] of Object.entries(values)) {
    let column = columns.get(key);
    if (column === undefined) {
      column = new ColumnBuilder();
      columns.set(key, column);
    }
    column.set(at, value);
  }
}

/** Whole ms, towards the past. */
export function msOf(timeNanos: bigint): number {
  const ms = timeNanos / nanosPerMs;
  return Number(timeNanos < 0n && ms * nanosPerMs !== timeNanos ? ms - 1n : ms);
}

/** Where a column stands, and the column once somebody asked for it. */
interface Place {
  readonly at: number;
  readonly bytes: number;
  column?: Column;
}

/** The points of one block, by column; a column is read when it is first asked for. */
export class PointPage {
  readonly count: number;
  readonly kind: Column;
  readonly ms: Float64Array;
  readonly runs: readonly ArrivalRun[];
  readonly #bytes: Buffer;
  readonly #nanos: readonly number[] | 0;
  readonly #tags = new Map<string, Place>();
  readonly #fields = new Map<string, Place>();

  /** Throws BRIDGE_CORRUPT. */
  constructor(payload: Buffer) {
    const { bytes, head, columnsAt } = opened(payload);
    this.#bytes = bytes;
    this.count = head.count;
    this.kind = new Column(head.kind);
    this.runs = head.runs;
    this.ms = new Float64Array(head.count);
    let ms = 0;
    for (const [i, difference] of head.ms.entries()) {
      ms += difference;
      this.ms[i] = ms;
    }
    this.#nanos = head.nanos;
    let at = columnsAt;
    for (const [places, keys] of [
      [this.#tags, head.tags],
      [this.#fields, head.fields],
    ] as const) {
      for (const [key, length] of keys) {
        places.set(key, { at, bytes: length });
        at += length;
      }
    }
  }

  /** Of the tag, or of the field, of that name. */
  column(key: string): Column {
    const place = this.#tags.get(key) ?? this.#fields.get(key);
    return place === undefined ? noColumn : this.#columnAt(place);
  }

  #columnAt(place: Place): Column {
    place.column ??= new Column(JSON.parse(this.#bytes.toString('utf8', place.at, place.at + place.bytes)));
    return place.column;
  }

  point(at: number): RumPoint {
    const nanos = this.#nanos === 0 ? 0 : (this.#nanos[at] ?? 0);
    const tags = [...this.#tags].flatMap(([key, place]): [string, string][] => {
      const value = this.#columnAt(place).at(at);
      return value === undefined ? [] : [[key, String(value)]];
    });
    const fields = [...this.#fields].flatMap(([key, place]) => {
      const value = this.#columnAt(place).at(at);
      return value === undefined ? [] : [[key, value] as const];
    });
    return {
      measurement: this.kind.text(at),
      tags: Object.fromEntries(tags),
      fields: Object.fromEntries(fields),
      timeNanos: BigInt(this.ms[at] ?? 0) * nanosPerMs + BigInt(nanos),
    };
  }

  /** All points with their places, in order. */
  *placed(): Generator<PlacedPoint, void, undefined> {
    let at = 0;
    for (const [seq, index, arrivedMs, count] of this.runs) {
      for (let i = 0; i < count; i++) {
        yield { point: this.point(at), seq, index: index + i, arrivedMs };
        at += 1;
      }
    }
  }
}

function opened(payload: Buffer): { readonly bytes: Buffer; readonly head: PageHead; readonly columnsAt: number } {
  let bytes: Buffer;
  let head: PageHead;
  let columnsAt: number;
  try {
    bytes = zstdDecompressSync(payload, { maxOutputLength: maxPageBytes });
    columnsAt = 4 + bytes.readUInt32LE(0);
    head = JSON.parse(bytes.toString('utf8', 4, columnsAt));
  } catch (cause) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a page of points cannot be inflated', { cause });
  }
  if (head.v !== 1) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a page of points of another version');
  }
  return { bytes, head, columnsAt };
}
