import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BridgeError } from '../../../contract/errors.ts';
import type { RumPoint } from '../../../model/rum.ts';
import { Column, ColumnBuilder, type ColumnJson, columnsOf, noColumn } from './column.ts';

/** A page that inflates to more than this is not ours: a builder stops far below. */
const maxPageBytes = 256 * 1024 * 1024;
const nanosPerMs = 1_000_000n;

/** Points of one record of the lane that stand one behind the other: `[seq, index of the first, when it came in ms, how many]`. */
export type ArrivalRun = readonly [seq: number, index: number, arrivedMs: number, count: number];

interface PageJson {
  readonly v: 1;
  readonly count: number;
  readonly kind: ColumnJson;
  /** ms since 1970 of the first point, then the differences; and the ns beyond the ms. */
  readonly ms: readonly number[];
  readonly nanos: readonly number[] | 0;
  readonly runs: readonly ArrivalRun[];
  readonly tags: readonly ColumnJson[];
  readonly fields: readonly ColumnJson[];
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
  readonly #kind = new ColumnBuilder('');
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
    const page: PageJson = {
      v: 1,
      count,
      kind: this.#kind.finish(count),
      ms: this.#ms,
      nanos: this.#nanos.every((nanos) => nanos === 0) ? 0 : this.#nanos,
      runs: this.#runs,
      tags: [...this.#tags.values()].map((column) => column.finish(count)),
      fields: [...this.#fields.values()].map((column) => column.finish(count)),
    };
    return zstdCompressSync(Buffer.from(JSON.stringify(page)), {
      params: { [constants.ZSTD_c_compressionLevel]: 3 },
    });
  }
}

function setAll(columns: Map<string, ColumnBuilder>, values: RumPoint['fields'], at: number): void {
  for (const [key, value] of Object.entries(values)) {
    let column = columns.get(key);
    if (column === undefined) {
      column = new ColumnBuilder(key);
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

/** The points of one block, by column. */
export class PointPage {
  readonly count: number;
  readonly kind: Column;
  readonly ms: Float64Array;
  readonly runs: readonly ArrivalRun[];
  readonly #nanos: readonly number[] | 0;
  readonly #tags: ReadonlyMap<string, Column>;
  readonly #fields: ReadonlyMap<string, Column>;

  /** Throws BRIDGE_CORRUPT. */
  constructor(payload: Buffer) {
    const page = pageOf(payload);
    this.count = page.count;
    this.kind = new Column(page.kind);
    this.runs = page.runs;
    this.ms = new Float64Array(page.count);
    let ms = 0;
    for (const [i, difference] of page.ms.entries()) {
      ms += difference;
      this.ms[i] = ms;
    }
    this.#nanos = page.nanos;
    this.#tags = columnsOf(page.tags);
    this.#fields = columnsOf(page.fields);
  }

  /** Of the tag, or of the field, of that name. */
  column(key: string): Column {
    return this.#tags.get(key) ?? this.#fields.get(key) ?? noColumn;
  }

  get keys(): readonly string[] {
    return [...this.#tags.keys(), ...this.#fields.keys()];
  }

  point(at: number): RumPoint {
    const nanos = this.#nanos === 0 ? 0 : (this.#nanos[at] ?? 0);
    const tags = [...this.#tags].flatMap(([key, column]): [string, string][] => {
      const value = column.at(at);
      return value === undefined ? [] : [[key, String(value)]];
    });
    const fields = [...this.#fields].flatMap(([key, column]) => {
      const value = column.at(at);
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

function pageOf(payload: Buffer): PageJson {
  let page: PageJson;
  try {
    page = JSON.parse(zstdDecompressSync(payload, { maxOutputLength: maxPageBytes }).toString());
  } catch (cause) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a page of points cannot be inflated', { cause });
  }
  if (page.v !== 1) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a page of points of another version');
  }
  return page;
}
