import { BridgeError } from '../../../contract/errors.ts';
import type { LogBlock } from '../../../model/log.ts';

/** Lines of one record of the lane, one behind the other, on their way into a block. */
export interface LineRun {
  readonly block: LogBlock;
  /** Lines `from` to `to` (not included) of `block`. */
  readonly from: number;
  readonly to: number;
  /** When the lane took the record, its number, and the place of line `from` in it. */
  readonly arrivedMs: number;
  readonly seq: number;
  readonly index: number;
}

/** The same as it stands in a block: `lines` lines of stream `stream` of the block's list. */
export interface StoredRun {
  readonly arrivedMs: number;
  readonly seq: number;
  readonly index: number;
  readonly lines: number;
  readonly stream: number;
}

/** What a block says of its lines but their text. */
export interface LineColumns {
  readonly runs: readonly StoredRun[];
  readonly seconds: Uint32Array;
  readonly nanos: Uint32Array;
  readonly flags: Uint8Array;
  readonly levels: Uint8Array;
  /** One more than lines; the first is 0. */
  readonly offsets: Uint32Array;
}

/**
 * Bytes before compression, little-endian: u32 runs, u32 lines; per run f64 arrivedMs, f64 seq, u32 index, u32 lines, u32
 * stream; then of all lines, plane by plane (first all lowest bytes, then all second ones): difference of seconds to the line
 * before (4 planes, zigzag), of milliseconds within the second (2, zigzag), microseconds within the millisecond (2),
 * nanoseconds within the microsecond (2), length of the text (4), flags (1), levels (1). Clocks that tick in ms or µs so
 * cost nothing below that.
 */
const headBytes = 8;
const runBytes = 28;
const planes = { seconds: 0, millis: 4, micros: 6, nanos: 8, length: 10, flags: 14, levels: 15, all: 16 } as const;

export function linesOf(runs: readonly { readonly from: number; readonly to: number }[]): number {
  return runs.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** `streams[i]` is the number of the stream of `runs[i]`. */
export function encodeColumns(runs: readonly LineRun[], streams: readonly number[]): Buffer {
  const lines = linesOf(runs);
  const planesAt = headBytes + runs.length * runBytes;
  const bytes = Buffer.alloc(planesAt + lines * planes.all);
  bytes.writeUInt32LE(runs.length, 0);
  bytes.writeUInt32LE(lines, 4);
  for (const [i, { arrivedMs, seq, index, from, to }] of runs.entries()) {
    const at = headBytes + i * runBytes;
    bytes.writeDoubleLE(arrivedMs, at);
    bytes.writeDoubleLE(seq, at + 8);
    bytes.writeUInt32LE(index, at + 16);
    bytes.writeUInt32LE(to - from, at + 20);
    bytes.writeUInt32LE(streams[i] ?? 0, at + 24);
  }
  const writer = new PlaneWriter(bytes.subarray(planesAt), lines);
  for (const { block, from, to } of runs) {
    for (let line = from; line < to; line++) {
      writer.add(block, line);
    }
  }
  return bytes;
}

class PlaneWriter {
  readonly #bytes: Uint8Array;
  readonly #lines: number;
  #line = 0;
  #seconds = 0;
  #millis = 0;

  constructor(bytes: Uint8Array, lines: number) {
    this.#bytes = bytes;
    this.#lines = lines;
  }

  add(block: LogBlock, line: number): void {
    const seconds = block.seconds[line] ?? 0;
    const nanos = block.nanos[line] ?? 0;
    const millis = Math.floor(nanos / 1_000_000);
    const micros = Math.floor(nanos / 1000);
    this.#put4(planes.seconds, zigzag((seconds - this.#seconds) | 0));
    this.#put2(planes.millis, zigzag(millis - this.#millis));
    this.#put2(planes.micros, micros - millis * 1000);
    this.#put2(planes.nanos, nanos - micros * 1000);
    this.#put4(planes.length, (block.offsets[line + 1] ?? 0) - (block.offsets[line] ?? 0));
    this.#bytes[planes.flags * this.#lines + this.#line] = block.flags[line] ?? 0;
    this.#bytes[planes.levels * this.#lines + this.#line] = block.levels[line] ?? 0;
    this.#seconds = seconds;
    this.#millis = millis;
    this.#line += 1;
  }

  #put2(plane: number, value: number): void {
    this.#bytes[plane * this.#lines + this.#line] = value;
    this.#bytes[(plane + 1) * this.#lines + this.#line] = value >>> 8;
  }

  #put4(plane: number, value: number): void {
    this.#put2(plane, value);
    this.#put2(plane + 2, value >>> 16);
  }
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

function unzigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}

/** Throws BRIDGE_CORRUPT when they are not the columns of `textBytes` bytes of text. */
export function decodeColumns(bytes: Buffer, textBytes: number): LineColumns {
  const runCount = bytes.length < headBytes ? 0 : bytes.readUInt32LE(0);
  const lines = bytes.length < headBytes ? 0 : bytes.readUInt32LE(4);
  const planesAt = headBytes + runCount * runBytes;
  if (bytes.length !== planesAt + lines * planes.all) {
    throw new BridgeError('BRIDGE_CORRUPT', 'columns of another length');
  }
  const runs = Array.from({ length: runCount }, (_, i) => readRun(bytes, headBytes + i * runBytes));
  const columns: LineColumns = {
    runs,
    ...readTimes(bytes.subarray(planesAt), lines),
    flags: bytes.subarray(planesAt + planes.flags * lines, planesAt + planes.levels * lines),
    levels: bytes.subarray(planesAt + planes.levels * lines),
    offsets: readOffsets(bytes.subarray(planesAt + planes.length * lines), lines),
  };
  if (runs.reduce((sum, run) => sum + run.lines, 0) !== lines || columns.offsets[lines] !== textBytes) {
    throw new BridgeError('BRIDGE_CORRUPT', 'columns that do not fit each other');
  }
  return columns;
}

function readRun(bytes: Buffer, at: number): StoredRun {
  return {
    arrivedMs: bytes.readDoubleLE(at),
    seq: bytes.readDoubleLE(at + 8),
    index: bytes.readUInt32LE(at + 16),
    lines: bytes.readUInt32LE(at + 20),
    stream: bytes.readUInt32LE(at + 24),
  };
}

function readTimes(bytes: Uint8Array, lines: number): Pick<LineColumns, 'seconds' | 'nanos'> {
  const seconds = new Uint32Array(lines);
  const nanos = new Uint32Array(lines);
  let second = 0;
  let milli = 0;
  for (let line = 0; line < lines; line++) {
    second = (second + unzigzag(two(bytes, lines, line) | (two(bytes, lines, 2 * lines + line) << 16))) >>> 0;
    milli += unzigzag(two(bytes, lines, planes.millis * lines + line));
    const micro = two(bytes, lines, planes.micros * lines + line);
    seconds[line] = second;
    nanos[line] = milli * 1_000_000 + micro * 1000 + two(bytes, lines, planes.nanos * lines + line);
  }
  return { seconds, nanos };
}

function readOffsets(bytes: Uint8Array, lines: number): Uint32Array {
  const offsets = new Uint32Array(lines + 1);
  let end = 0;
  for (let line = 0; line < lines; line++) {
    end += (two(bytes, lines, line) | (two(bytes, lines, 2 * lines + line) << 16)) >>> 0;
    offsets[line + 1] = end;
  }
  return offsets;
}

/** The value of which the low byte stands at `at` and the high one a plane further. */
function two(bytes: Uint8Array, lines: number, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + lines] ?? 0) << 8);
}
