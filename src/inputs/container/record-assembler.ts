import type { RuntimeLine, StreamIndex } from '../../codec/cri/runtime-line.ts';
import { sniffLevel } from '../../codec/log-block/level.ts';
import type { LogBlockBuilder } from '../../codec/log-block/log-block-builder.ts';
import { logFlags } from '../../model/log.ts';
import type { LogSteps, RecordSteps } from '../../pipeline/logs/settings.ts';
import { bothStreams, type PerStream } from './position.ts';
import { holdBack, type RecordStart } from './record-start.ts';

const carriageReturn = 13;

/** A record whose last fragment has not come yet. */
interface OpenRecord {
  readonly seconds: number;
  readonly nanos: number;
  readonly fragments: Uint8Array[];
  bytes: number;
  truncated: boolean;
}

/**
 * Joins fragments to records, per stream, since the fragments of stdout and stderr interleave. A record past the limit is cut
 * there and marked, and what follows of it is left out. With steps, they get the records and put what they make of them into
 * the block; they may keep records open too, to put lines together.
 */
export class RecordAssembler {
  readonly #maxBytes: number;
  readonly #open: PerStream<OpenRecord | undefined> = [undefined, undefined];
  /** Whether the rest of a record that was cut is being left out. */
  discarding: PerStream<boolean> = [false, false];
  readonly #marks = { seconds: 0, nanos: 0, flags: 0, level: 0 };
  /** Bytes cut off records that were too long. */
  cutBytes = 0;
  #steps: LogSteps | undefined;
  #instance: RecordSteps | undefined;
  /** Of the records that come now; kept only where steps put lines together. */
  readonly #starts: PerStream<RecordStart | undefined> = [undefined, undefined];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A record of the stream is not whole yet. */
  isOpen(stream: StreamIndex): boolean {
    return this.#open[stream] !== undefined || this.#instance?.isOpen(stream) === true;
  }

  /** Steps want to know where the record begins that comes next, and it does not go on with fragments that came before. */
  wantsStart(stream: StreamIndex): boolean {
    return this.#instance?.joins === true && this.#open[stream] === undefined;
  }

  /** Changes the steps that records go through, as soon as no record is half read; what the old ones have open ends. */
  use(steps: LogSteps, into: LogBlockBuilder): void {
    if (steps === this.#steps || this.#open[0] !== undefined || this.#open[1] !== undefined) {
      return;
    }
    this.#instance?.flush(0, into);
    this.#instance?.flush(1, into);
    this.#steps = steps;
    this.#instance = steps.open();
  }

  /** Records that steps left out so far. */
  get dropped(): number {
    return this.#instance?.dropped ?? 0;
  }

  /** Ends lines that were put together and have waited long enough for another, where no record is half read. */
  flushIdle(nowMs: number, into: LogBlockBuilder): void {
    for (const stream of bothStreams) {
      if (this.#open[stream] === undefined) {
        this.#instance?.flushIdle(stream, nowMs, into);
      }
    }
  }

  /** Where the record begins that comes next. */
  begins(stream: StreamIndex, start: RecordStart): void {
    this.#starts[stream] = start;
  }

  get hasOpen(): boolean {
    return this.isOpen(0) || this.isOpen(1);
  }

  /** One whole physical line. */
  take(line: RuntimeLine, into: LogBlockBuilder): void {
    const isWhole = !line.partial && line.end - line.start <= this.#maxBytes;
    if (isWhole && this.#open[line.stream] === undefined && !this.discarding[line.stream]) {
      this.#append(line, line.stream, into);
      return;
    }
    this.extend(line);
    this.end(line.stream, line.partial, into);
  }

  /** A piece of a record; the first piece gives it its time. */
  extend({ stream, bytes, start, end, seconds, nanos }: RuntimeLine): void {
    if (this.discarding[stream]) {
      this.cutBytes += end - start;
      return;
    }
    const record = this.#open[stream] ?? { seconds, nanos, fragments: [], bytes: 0, truncated: false };
    this.#open[stream] = record;
    const room = this.#maxBytes - record.bytes;
    const taken = end - start <= room ? end : characterBefore(bytes, start, start + room);
    if (taken > start && !record.truncated) {
      record.fragments.push(Uint8Array.prototype.slice.call(bytes, start, taken));
      record.bytes += taken - start;
    }
    if (taken < end) {
      record.truncated = true;
      this.cutBytes += end - taken;
    }
  }

  /** The physical line of the last piece is at its end; the record too, unless that line was `partial`. */
  end(stream: StreamIndex, partial: boolean, into: LogBlockBuilder): void {
    const record = this.#open[stream];
    if (record === undefined) {
      this.discarding[stream] = this.discarding[stream] && partial;
      return;
    }
    if (!partial || record.truncated) {
      this.#finish(stream, into);
      this.discarding[stream] = partial;
    }
  }

  /** Gives out what there is of the record that is open, if one is. */
  flush(stream: StreamIndex, into: LogBlockBuilder): void {
    this.#finish(stream, into);
    this.#instance?.flush(stream, into);
  }

  /** The fragments so far are a record. */
  #finish(stream: StreamIndex, into: LogBlockBuilder): void {
    const record = this.#open[stream];
    if (record === undefined) {
      return;
    }
    this.#open[stream] = undefined;
    const bytes = Buffer.concat(record.fragments);
    this.#append({ ...record, bytes, start: 0, end: bytes.length }, stream, into);
  }

  /** What follows belongs to no record that is open or being cut. */
  interrupt(stream: StreamIndex, into: LogBlockBuilder): void {
    this.#finish(stream, into);
    this.discarding[stream] = false;
  }

  /** Forgets what is open, since it will be read again. */
  reset(discarding: PerStream<boolean>): void {
    this.#open.fill(undefined);
    this.#instance?.reset();
    this.discarding = [...discarding];
  }

  #append(
    record: Pick<RuntimeLine, 'bytes' | 'start' | 'end' | 'seconds' | 'nanos'> & { truncated?: boolean },
    stream: StreamIndex,
    into: LogBlockBuilder,
  ): void {
    const { bytes, start, seconds, nanos } = record;
    const flags = (stream === 1 ? logFlags.stderr : 0) | (record.truncated === true ? logFlags.truncated : 0);
    if (this.#instance !== undefined) {
      const outcome = this.#instance.take(stream, { bytes, start, end: record.end, seconds, nanos, flags }, into);
      const began = this.#starts[stream];
      if (outcome === 'opened' && began !== undefined) {
        holdBack(began, stream);
      }
      return;
    }
    // The runtime ends a line at \n; what a program wrote as \r\n has its \r here.
    const end = record.end > start && bytes[record.end - 1] === carriageReturn ? record.end - 1 : record.end;
    const marks = this.#marks;
    marks.seconds = seconds;
    marks.nanos = nanos;
    marks.flags = flags;
    marks.level = sniffLevel(bytes, start, end);
    into.append(marks, bytes, start, end);
  }
}

/** The last place at or before `end` that does not cut a UTF-8 sequence in two; `end` itself where the bytes are no UTF-8. */
function characterBefore(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && end - at < 4 && ((bytes[at] ?? 0) & 0xc0) === 0x80) {
    at -= 1;
  }
  return ((bytes[at] ?? 0) & 0xc0) === 0xc0 || ((bytes[at] ?? 0) & 0x80) === 0 ? at : end;
}
