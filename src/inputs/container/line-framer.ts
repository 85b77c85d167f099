import { CriLineParser } from '../../codec/cri/cri-line.ts';
import { RuntimeLine, type StreamIndex } from '../../codec/cri/runtime-line.ts';
import { DockerJsonLineParser } from '../../codec/docker-json/docker-json-line.ts';
import { LogBlockBuilder } from '../../codec/log-block/log-block-builder.ts';
import type { LogFile } from './log-file.ts';
import type { RecordAssembler } from './record-assembler.ts';
import { holdBack } from './record-start.ts';

const newline = 10;
const brace = 123;

/** The time that a line gets which has none of its own: that of the line before, or else of the reading. */
export interface LastTime {
  seconds: number;
  nanos: number;
}

/** Where the records of a file go, and what was seen on the way. */
export interface FramingTarget {
  readonly file: LogFile;
  /** Files of the same log that were read to their end, but for records that are open. */
  readonly older: readonly LogFile[];
  readonly assembler: RecordAssembler;
  readonly lastTime: LastTime;
  /** Lines that are of no known format. */
  readonly counts: { malformed: number };
  /** Lines are as a program wrote them, and no runtime; their time is `lastTime`. */
  readonly plain?: boolean;
}

interface Block extends FramingTarget {
  readonly bytes: Buffer;
  /** The file's offset of `bytes[0]`. */
  readonly base: number;
}

/**
 * What a reader works with, one block of bytes after the other: the read buffer, the parsers and the records so far. Many files
 * share it; what must outlive a block is copied.
 */
export class LineFramer {
  readonly buffer: Buffer;
  readonly builder = new LogBlockBuilder(2_048, 262_144);
  readonly #cri = new CriLineParser();
  readonly #docker = new DockerJsonLineParser();
  readonly #line = new RuntimeLine();

  constructor(bufferBytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(bufferBytes);
  }

  /**
   * Takes the whole lines of `buffer[from .. to)`, and of a line that fills the buffer its first part. Returns the end of what
   * was taken. `from` is at the file's offset `framed`.
   */
  frame(from: number, to: number, target: FramingTarget): number {
    const block = { ...target, bytes: this.buffer.subarray(0, to), base: target.file.framed - from };
    let at = target.file.longLine === undefined ? from : this.#continueLong(block, from);
    for (let end = block.bytes.indexOf(newline, at); end >= 0; end = block.bytes.indexOf(newline, at)) {
      if (end > at) {
        this.#take(block, at, end);
      }
      at = end + 1;
    }
    if (at === from && to === this.buffer.length) {
      this.#beginLong(block, at);
      return to;
    }
    return at;
  }

  /** What is left behind the last newline of a file that nobody writes any more is a line too. */
  frameRest(from: number, to: number, target: FramingTarget): void {
    const block = { ...target, bytes: this.buffer.subarray(0, to), base: target.file.framed - from };
    if (target.file.longLine !== undefined) {
      this.#continueLong({ ...block, isLast: true }, from);
    } else if (to > from) {
      this.#take(block, from, to);
    }
  }

  #take(block: Block, start: number, end: number): void {
    const line = this.#line;
    const { file, assembler } = block;
    this.#parse(block, start, end);
    if (block.base + start < file.consumed[line.stream]) {
      return;
    }
    const wasOpen = assembler.isOpen(line.stream);
    noteStart(block, line.stream, block.base + start);
    assembler.take(line, this.builder);
    if (line.partial && !wasOpen) {
      noteOpening(block, line.stream, block.base + start);
    }
  }

  /** Fills the line; bytes of no known format are kept as a line of stdout. */
  #parse({ bytes, lastTime, assembler, counts, plain }: Block, start: number, end: number): void {
    const line = this.#line;
    if (plain === true) {
      this.#fillOutside(bytes, start, end, lastTime);
      return;
    }
    const parser = bytes[start] === brace ? this.#docker : this.#cri;
    if (parser.parse(bytes, start, end, line)) {
      lastTime.seconds = line.seconds;
      lastTime.nanos = line.nanos;
      return;
    }
    counts.malformed += 1;
    this.#fillOutside(bytes, start, end, lastTime);
    assembler.interrupt(line.stream, this.builder);
  }

  /** A line of no runtime's. */
  #fillOutside(bytes: Buffer, start: number, end: number, { seconds, nanos }: LastTime): void {
    const line = this.#line;
    this.#fill(bytes, start, end);
    line.stream = 0;
    line.partial = false;
    line.seconds = seconds;
    line.nanos = nanos;
  }

  #fill(bytes: Buffer, start: number, end: number): void {
    this.#line.bytes = bytes;
    this.#line.start = start;
    this.#line.end = end;
  }

  /** Takes the first part of a line whose newline is not in the buffer. Docker's are never that long, so they stay as they are. */
  #beginLong(block: Block, at: number): void {
    const { file, assembler, bytes, base } = block;
    const line = this.#line;
    this.#parse(block, at, bytes.length);
    const skipped = base + at < file.consumed[line.stream];
    file.longLine = { start: base + at, stream: line.stream, partial: line.partial, skipped };
    if (skipped) {
      return;
    }
    const wasOpen = assembler.isOpen(line.stream);
    noteStart(block, line.stream, base + at);
    assembler.extend(line);
    if (!wasOpen) {
      noteOpening(block, line.stream, base + at);
    }
  }

  /** Takes what belongs to the long line and returns the place behind it. */
  #continueLong(block: Block & { readonly isLast?: boolean }, from: number): number {
    const { file, assembler, bytes } = block;
    const long = file.longLine;
    const newlineAt = bytes.indexOf(newline, from);
    const end = newlineAt < 0 ? bytes.length : newlineAt;
    if (long === undefined) {
      return from;
    }
    const isEnded = newlineAt >= 0 || block.isLast === true;
    if (!long.skipped) {
      this.#fill(bytes, from, end);
      this.#line.stream = long.stream;
      assembler.extend(this.#line);
    }
    if (isEnded) {
      file.longLine = undefined;
      if (!long.skipped) {
        assembler.end(long.stream, long.partial, this.builder);
      }
    }
    return newlineAt < 0 ? end : end + 1;
  }
}

/** A record has opened that was not open before. */
function noteOpening({ file, older, assembler }: FramingTarget, stream: StreamIndex, start: number): void {
  if (assembler.isOpen(stream)) {
    holdBack({ file, older, start }, stream);
  }
}

/** Lines that are put together are held back from where the first of them begins, which may be known only later. */
function noteStart({ file, older, assembler }: FramingTarget, stream: StreamIndex, start: number): void {
  if (assembler.wantsStart(stream)) {
    assembler.begins(stream, { file, older, start });
  }
}
