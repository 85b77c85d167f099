import { logBlockFormat, logBlockParts } from '../../codec/log-block/log-block.ts';
import type { Batch, Origin, Position } from '../../model/batch.ts';
import type { LineFramer } from './line-framer.ts';
import { LogChain, type SeenLog } from './log-chain.ts';
import type { LogDescription } from './log-description.ts';
import type { LogFile, ReadBlock } from './log-file.ts';
import { ReadTimes, withinLimit } from './outgoing-lines.ts';
import { bothStreams, encodePosition, type LogPosition, type PerStream } from './position.ts';
import { RecordAssembler } from './record-assembler.ts';
import type { MissedBytes } from './unplaced-positions.ts';

/** A batch that is to be emitted; no further `step` until `commit` or `rollback`. */
export interface TakenBatch {
  readonly batch: Batch;
  readonly position: Position;
  /** Records that were read and left out, by what of the container's limit was reached. */
  readonly leftOut?: { readonly lines: number; readonly reason: 'lines' | 'bytes' };
}

export interface ContainerLogOptions {
  /** Key of its position. */
  readonly key: string;
  /** What is known and wanted of it at first. */
  readonly description: LogDescription;
  readonly maxLineBytes: number;
  /** How long the rest of a record may take. */
  readonly flushAfterMs: number;
  /** Where files begin that are there at the first look and are not known from an earlier life. */
  readonly from: 'beginning' | 'end';
  /** Whose time lines have: the runtime's, or that of the reading. */
  readonly times: 'runtime' | 'read';
}

/** A rotated file is done when its successor has had bytes for this long: the runtime has one of them open, not both. */
const rotationGraceMs = 250;
/** A log that changed is looked at more often for this long. */
const busyMs = 2_000;

/**
 * One container instance's log: a chain of files, read one after the other from the oldest on, as one stream of records. Its
 * position names all of them, so that one record of the lane says how far all have been read, wherever a rotation falls.
 */
export class ContainerLog {
  readonly key: string;
  readonly counts = { malformed: 0, lines: 0, leftOut: 0 };
  /** What is known and wanted of it now. */
  description: LogDescription;
  readonly #options: ContainerLogOptions;
  readonly #readTimes = new ReadTimes();
  readonly #assembler: RecordAssembler;
  readonly #chain = new LogChain();
  readonly #lastTime = { seconds: 0, nanos: 0 };
  #discardingBefore: PerStream<boolean>;
  #emitting = false;
  #pendingLines = 0;
  #positionDue: boolean;
  #from: 'beginning' | 'end';
  #lastChangeMs = 0;
  #lastGrowthMs = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ContainerLogOptions, nowMs: number, earlier?: LogPosition) {
    this.key = options.key;
    this.description = options.description;
    this.#options = options;
    this.#assembler = new RecordAssembler(options.maxLineBytes);
    this.#from = earlier === undefined ? options.from : 'beginning';
    this.#positionDue = this.#from === 'end';
    this.#chain.expect(earlier?.files ?? [], nowMs);
    this.#discardingBefore = earlier?.discarding ?? [false, false];
    this.#assembler.reset(this.#discardingBefore);
  }

  get origin(): Origin {
    return this.description.origin;
  }

  /** What of its limit keeps it from being read now. */
  pausedBy(nowMs: number): 'lines' | 'bytes' | undefined {
    return this.description.limit?.paused(nowMs);
  }

  get files(): readonly LogFile[] {
    return this.#chain.files;
  }

  /** Why a file of it can't be opened now. */
  get problem(): string | undefined {
    return this.#chain.problem;
  }

  get cutBytes(): number {
    return this.#assembler.cutBytes;
  }

  get isEmitting(): boolean {
    return this.#emitting;
  }

  /** Nothing is left of it: its position need not be kept. */
  get isOver(): boolean {
    return this.#chain.isEmpty && !this.#emitting;
  }

  /** Whether a step is worth the while now; else the next look at the directory tells. */
  isBusy(nowMs: number): boolean {
    if (this.pausedBy(nowMs) !== undefined) {
      return false;
    }
    const isUnfinished = this.files.some((file) => !file.done && (file.gone || !file.seen.active || file.lagBytes > 0));
    return isUnfinished || this.#assembler.hasOpen || this.#positionDue || nowMs - this.#lastChangeMs < busyMs;
  }

  /** Takes note of a look at the directory. Resolves with what turned out to be lost. */
  see(log: SeenLog, nowMs: number): Promise<readonly MissedBytes[]> {
    return this.#exclusively(async () => {
      const changed = await this.#chain.see(log, this.#from, nowMs);
      this.#from = 'beginning';
      if (changed) {
        this.#lastChangeMs = nowMs;
      }
      await this.#release(nowMs);
      return this.#chain.missed(log, nowMs);
    });
  }

  /** Reads one block of the oldest file that is not done. `more`: another step may find more at once. */
  step(framer: LineFramer, nowMs: number): Promise<{ readonly taken: TakenBatch | undefined; readonly more: boolean }> {
    return this.#exclusively(async () => {
      if (this.pausedBy(nowMs) !== undefined) {
        return { taken: undefined, more: false };
      }
      framer.builder.clear();
      const file = this.#chain.current;
      const block = file === undefined ? 'nothing' : await this.#read(file, framer, nowMs);
      const more = file !== undefined && typeof block === 'object' && this.#frame(file, block, framer, nowMs);
      const taken = this.#take(framer, nowMs);
      await this.#release(nowMs);
      return { taken, more: more || block === 'again' };
    });
  }

  /** What `step` took is on disk. */
  commit(): void {
    this.#emitting = false;
    this.counts.lines += this.#pendingLines;
    this.#commit();
  }

  /** What `step` took is not on disk: it is read again. */
  rollback(): void {
    this.#emitting = false;
    this.#positionDue ||= this.#pendingLines === 0;
    this.#rollback();
  }

  close(): Promise<void> {
    return this.#exclusively(() => this.#chain.close());
  }

  /** Looks and steps do not mix: each waits for the one before. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #read(file: LogFile, framer: LineFramer, nowMs: number): Promise<ReadBlock | 'nothing' | 'again'> {
    const opened = await this.#chain.open(file);
    if (opened === 'moved' && file.gone) {
      this.#chain.giveUp(file, nowMs);
      return 'again';
    }
    const block = opened === 'open' ? await file.read(framer.buffer) : opened;
    if (block !== 'replaced') {
      return typeof block === 'object' ? block : 'nothing';
    }
    this.#rollback();
    await this.#chain.startAnew(file, nowMs);
    return 'again';
  }

  #frame(file: LogFile, { from, to }: ReadBlock, framer: LineFramer, nowMs: number): boolean {
    if (this.#lastTime.seconds === 0) {
      this.#lastTime.seconds = Math.trunc(nowMs / 1000);
    }
    const older = this.#chain.olderThan(file);
    const target = { file, older, assembler: this.#assembler, lastTime: this.#lastTime, counts: this.counts };
    const end = framer.frame(from, to, target);
    const isAtEnd = to < framer.buffer.length;
    file.advance(framer.buffer, from, end);
    if (end > from) {
      this.#lastGrowthMs = nowMs;
      this.#lastChangeMs = nowMs;
      file.finishedSinceMs = undefined;
    } else if (isAtEnd && this.#isFinished(file, nowMs)) {
      framer.frameRest(from, to, target);
      file.advance(framer.buffer, from, to);
      file.done = true;
    }
    if (file.done || (isAtEnd && end === to && this.#isQuiet(nowMs))) {
      this.#endOpenRecords(file, framer);
    }
    this.#settle(file, older);
    return !isAtEnd || file.done;
  }

  /** Nobody writes to it any more: it was rotated away and its successor has bytes, or deleted; and some time has passed. */
  #isFinished(file: LogFile, nowMs: number): boolean {
    const successor = this.#chain.successorOf(file);
    if (!file.gone && (file.seen.active || successor === undefined)) {
      return false;
    }
    const apartNanos = (successor?.seen.modifiedNanos ?? 0n) - file.seen.modifiedNanos;
    if (apartNanos > BigInt(rotationGraceMs) * 1_000_000n) {
      return true;
    }
    file.finishedSinceMs ??= nowMs;
    const graceMs = successor === undefined ? this.#options.flushAfterMs : rotationGraceMs;
    return nowMs - file.finishedSinceMs >= graceMs;
  }

  #isQuiet(nowMs: number): boolean {
    return nowMs - this.#lastGrowthMs >= this.#options.flushAfterMs;
  }

  /** Output that ends without a newline never gets its last fragment (containerd#4813), so an open record ends with time. */
  #endOpenRecords(file: LogFile, { builder }: LineFramer): void {
    if (this.#chain.successorOf(file) === undefined && file.longLine === undefined) {
      this.#assembler.flush(0, builder);
      this.#assembler.flush(1, builder);
    }
  }

  /** All before `framed` counts as taken, but for records that are open. */
  #settle(file: LogFile, older: readonly LogFile[]): void {
    const boundary = file.longLine?.start ?? file.framed;
    for (const stream of bothStreams) {
      if (this.#assembler.isOpen(stream)) {
        continue;
      }
      file.consumed[stream] = Math.max(file.consumed[stream], boundary);
      for (const before of older) {
        before.consumed[stream] = before.framed;
      }
    }
  }

  #take({ builder }: LineFramer, nowMs: number): TakenBatch | undefined {
    if (builder.count === 0 && !this.#positionDue) {
      this.#commit();
      return undefined;
    }
    const { origin, edits, limit } = this.description;
    const { block, leftOut, reason } = withinLimit(builder.block(), limit, nowMs);
    if (this.#options.times === 'read') {
      this.#readTimes.stamp(block, nowMs);
    }
    const items = block.count;
    this.#emitting = true;
    this.#pendingLines = items;
    this.#positionDue = false;
    const payload = items === 0 ? new Uint8Array(0) : logBlockParts(block);
    const value = encodePosition({ files: this.#chain.positions(), discarding: this.#assembler.discarding });
    return {
      batch: { signal: 'logs', format: logBlockFormat(block), payload, items, origin, ...(edits && { edits }) },
      position: { key: this.key, value },
      ...(reason !== undefined && { leftOut: { lines: leftOut, reason } }),
    };
  }

  #commit(): void {
    this.#discardingBefore = [...this.#assembler.discarding];
    this.#chain.commit();
  }

  #rollback(): void {
    this.#assembler.reset(this.#discardingBefore);
    this.#chain.rollback();
  }

  async #release(nowMs: number): Promise<void> {
    if (!this.#emitting) {
      await this.#chain.release(nowMs);
    }
  }
}
