import { type Moment, momentOf } from './gap.ts';
import type { GapBook } from './gap-book.ts';
import type { FramingTarget, LineFramer } from './line-framer.ts';
import type { LogChain } from './log-chain.ts';
import type { LogFile, ReadBlock } from './log-file.ts';
import type { RecordAssembler } from './record-assembler.ts';
import { settle } from './settle.ts';

export interface FramingParts {
  /** Its lines are as a program wrote them, and no runtime. */
  readonly plain: boolean;
  /** How long the rest of a record may take. */
  readonly flushAfterMs: number;
  readonly counts: FramingTarget['counts'];
  readonly assembler: RecordAssembler;
  readonly chain: LogChain;
  readonly gaps: GapBook;
}

/** Takes the records out of the blocks of one log, and tells when a file and the record that it ends with are over. */
export class BlockFraming {
  readonly #parts: FramingParts;
  readonly #lastTime = { seconds: 0, nanos: 0 };
  #grownAtMs = 0;

  constructor(parts: FramingParts, lastTime: Moment | undefined) {
    this.#parts = parts;
    Object.assign(this.#lastTime, lastTime);
  }

  /** When something was last found that was not there before. */
  get grownAtMs(): number {
    return this.#grownAtMs;
  }

  /** When the last record was written that has been read. */
  get lastMoment(): Moment | undefined {
    const { seconds, nanos } = this.#lastTime;
    return seconds === 0 ? undefined : { seconds, nanos };
  }

  /** Whether another look at the file may find more at once. */
  frame(file: LogFile, { from, to }: ReadBlock, framer: LineFramer, nowMs: number): boolean {
    const { plain, assembler, chain, counts, flushAfterMs } = this.#parts;
    if (plain || this.#lastTime.seconds === 0) {
      this.#lastTime.seconds = Math.trunc(nowMs / 1000);
      this.#lastTime.nanos = plain ? (nowMs % 1000) * 1_000_000 : 0;
    }
    const older = chain.olderThan(file);
    const target = { nowMs, file, older, assembler, lastTime: this.#lastTime, counts, plain };
    const end = framer.frame(from, to, target);
    const isAtEnd = to < framer.buffer.length;
    file.advance(framer.buffer, from, end);
    if (end > from) {
      this.#grownAtMs = nowMs;
      file.finishedSinceMs = undefined;
    } else if (isAtEnd && chain.isFinished(file, nowMs, flushAfterMs)) {
      this.#finish(file, { from, to }, framer, target);
      file.done = true;
    }
    if (file.done || (isAtEnd && end === to && this.#isQuiet(file, nowMs))) {
      this.#endOpenRecords(file, framer);
    }
    if (isAtEnd && end === to && chain.successorOf(file) === undefined) {
      assembler.flushIdle(nowMs, framer.builder);
    }
    settle(file, older, assembler);
    return !isAtEnd || file.done;
  }

  /** What can't be inflated is lost, the line among it that it begins with. */
  #finish(file: LogFile, { from, to }: ReadBlock, framer: LineFramer, target: FramingTarget & { nowMs: number }): void {
    if (file.damage === undefined) {
      framer.frameRest(from, to, target);
      file.advance(framer.buffer, from, to);
      return;
    }
    const { name } = file.seen;
    file.leaveRest();
    const span = { from: this.lastMoment, to: momentOf(target.nowMs) };
    this.#parts.gaps.add({ name, bytes: undefined, reason: 'damaged', ...span });
  }

  /** Nothing has come for a while; where an earlier life read it already, the file's own time tells. */
  #isQuiet({ seen, framed }: LogFile, nowMs: number): boolean {
    const grownMs = seen.size === framed ? Number(seen.modifiedNanos / 1_000_000n) : nowMs;
    return nowMs - Math.min(this.#grownAtMs, grownMs) >= this.#parts.flushAfterMs;
  }

  /** Output that ends without a newline never gets its last fragment (containerd#4813), so an open record ends with time. */
  #endOpenRecords(file: LogFile, { builder }: LineFramer): void {
    const { assembler, chain } = this.#parts;
    if (chain.successorOf(file) === undefined && file.longLine === undefined) {
      assembler.flush(0, builder);
      assembler.flush(1, builder);
    }
  }
}
