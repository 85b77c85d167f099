import type { Batch, Origin } from '../../model/batch.ts';
import type { LogBlock } from '../../model/log.ts';
import type { LogSteps } from '../../pipeline/logs/settings.ts';
import { type Gap, type Moment, momentOf } from './gap.ts';
import { GapBook } from './gap-book.ts';
import type { Inflaters } from './inflated-bytes.ts';
import type { FramingTarget, LineFramer } from './line-framer.ts';
import { LogChain, type SeenLog } from './log-chain.ts';
import type { LogDescription } from './log-description.ts';
import type { LogFile, ReadBlock } from './log-file.ts';
import { ReadTimes, withinLimit } from './outgoing-lines.ts';
import type { LogPosition, PerStream } from './position.ts';
import { RecordAssembler } from './record-assembler.ts';
import { settle } from './settle.ts';
import { type TakenBatch, takenBatch } from './taken-batch.ts';

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
  /** Its lines are as a program wrote them, and no runtime. */
  readonly plain: boolean;
  readonly inflaters: Inflaters;
  /** Where the very first life began. */
  readonly begin: 'beginning' | 'end';
}

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
  /** What is done with its lines from the next block on. */
  steps: LogSteps | undefined;
  readonly #options: ContainerLogOptions;
  readonly #readTimes = new ReadTimes();
  readonly #assembler: RecordAssembler;
  readonly #chain: LogChain;
  readonly #lastTime = { seconds: 0, nanos: 0 };
  readonly #gaps = new GapBook();
  #discardingBefore: PerStream<boolean>;
  #emitting = false;
  #pendingLines = 0;
  #positionDue: boolean;
  #from: 'beginning' | 'end';
  #lastChangeMs = 0;
  #dropped = 0;
  #lastGrowthMs = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ContainerLogOptions, nowMs: number, earlier?: LogPosition) {
    this.key = options.key;
    this.description = options.description;
    this.#options = options;
    this.#assembler = new RecordAssembler(options.maxLineBytes);
    this.#chain = new LogChain(options.inflaters, options.begin);
    Object.assign(this.#lastTime, earlier?.lastTime);
    this.#from = earlier === undefined ? options.from : 'beginning';
    this.#positionDue = this.#from === 'end';
    this.#chain.expect(earlier?.files ?? [], earlier?.lastTime, nowMs);
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

  /** It has the beginning of a record whose end has not come. */
  get hasOpenRecord(): boolean {
    return this.#assembler.hasOpen;
  }

  get isEmitting(): boolean {
    return this.#emitting;
  }

  /** Files of an earlier life that have not turned up yet. */
  get awaitedFiles(): number {
    return this.#chain.awaitedFiles;
  }

  /** Nothing is left of it: its position need not be kept. */
  get isOver(): boolean {
    return this.#chain.isEmpty && !this.#emitting && this.#gaps.isEmpty;
  }

  /** Whether a step is worth the while now; else the next look at the directory tells. */
  isBusy(nowMs: number): boolean {
    if (!this.#mayStep(nowMs)) {
      return false;
    }
    const isUnfinished = this.files.some((file) => !file.done && (file.gone || !file.seen.active || file.lagBytes > 0));
    const isDue = this.#positionDue || !this.#gaps.isEmpty;
    return isUnfinished || this.#assembler.hasOpen || isDue || nowMs - this.#lastChangeMs < busyMs;
  }

  #mayStep(nowMs: number): boolean {
    return this.description.leftOut === undefined && this.pausedBy(nowMs) === undefined;
  }

  /** Notes that something is lost: a record says so before the next lines. */
  addGap(gap: Gap): void {
    this.#gaps.add(gap);
  }

  /** Lets go of a deleted file that is held open, with what is left in it. */
  abandon(file: LogFile, nowMs: number): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#emitting || !this.#chain.files.includes(file)) {
        return;
      }
      const { name, size, consumed } = file.position();
      await this.#chain.abandon(file);
      const bytes = Math.max(0, size - Math.min(...consumed));
      this.addGap({ name, bytes, reason: 'abandoned', from: this.lastMoment, to: momentOf(nowMs) });
    });
  }

  /** Takes note of a look at the directory. Resolves with what turned out to be lost. */
  see(log: SeenLog, nowMs: number): Promise<readonly Gap[]> {
    return this.#exclusively(async () => {
      const changed = await this.#chain.see(log, this.#from, nowMs);
      this.#from = 'beginning';
      if (changed) {
        this.#lastChangeMs = nowMs;
      }
      await this.#release(nowMs);
      for (const gap of this.#chain.missed(log, nowMs)) {
        this.addGap({ ...gap, from: gap.from ?? this.lastMoment });
      }
      return this.#gaps.tell();
    });
  }

  /** Reads one block of the oldest file that is not done. `more`: another step may find more at once. */
  step(framer: LineFramer, nowMs: number): Promise<{ readonly taken: TakenBatch | undefined; readonly more: boolean }> {
    return this.#exclusively(async () => {
      if (!this.#mayStep(nowMs)) {
        return { taken: undefined, more: false };
      }
      framer.builder.clear();
      if (!this.#gaps.isEmpty) {
        return { taken: this.#takeGaps(framer), more: true };
      }
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
    this.#gaps.commit();
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
      this.#chain.giveUp(file, this.lastMoment, nowMs);
      return 'again';
    }
    const block = opened === 'open' ? await file.read(framer.buffer) : opened;
    if (block !== 'replaced') {
      return typeof block === 'object' ? block : 'nothing';
    }
    this.#rollback();
    await this.#chain.startAnew(file, this.lastMoment, nowMs);
    return 'again';
  }

  #frame(file: LogFile, { from, to }: ReadBlock, framer: LineFramer, nowMs: number): boolean {
    const { plain } = this.#options;
    if (plain || this.#lastTime.seconds === 0) {
      this.#lastTime.seconds = Math.trunc(nowMs / 1000);
      this.#lastTime.nanos = plain ? (nowMs % 1000) * 1_000_000 : 0;
    }
    this.#useSteps(framer);
    const older = this.#chain.olderThan(file);
    const { counts } = this;
    const target = { nowMs, file, older, assembler: this.#assembler, lastTime: this.#lastTime, counts, plain };
    const end = framer.frame(from, to, target);
    const isAtEnd = to < framer.buffer.length;
    file.advance(framer.buffer, from, end);
    if (end > from) {
      this.#lastGrowthMs = nowMs;
      this.#lastChangeMs = nowMs;
      file.finishedSinceMs = undefined;
    } else if (isAtEnd && this.#chain.isFinished(file, nowMs, this.#options.flushAfterMs)) {
      this.#finish(file, { from, to }, framer, target);
      file.done = true;
    }
    if (file.done || (isAtEnd && end === to && this.#isQuiet(file, nowMs))) {
      this.#endOpenRecords(file, framer);
    }
    if (isAtEnd && end === to && this.#chain.successorOf(file) === undefined) {
      this.#assembler.flushIdle(nowMs, framer.builder);
    }
    settle(file, older, this.#assembler);
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
    this.addGap({ name, bytes: undefined, reason: 'damaged', from: this.lastMoment, to: momentOf(target.nowMs) });
  }

  /** When the last record was written that has been read. */
  get lastMoment(): Moment | undefined {
    const { seconds, nanos } = this.#lastTime;
    return seconds === 0 ? undefined : { seconds, nanos };
  }

  /** Nothing has come for a while; where an earlier life read it already, the file's own time tells. */
  #isQuiet({ seen, framed }: LogFile, nowMs: number): boolean {
    const grownMs = seen.size === framed ? Number(seen.modifiedNanos / 1_000_000n) : nowMs;
    return nowMs - Math.min(this.#lastGrowthMs, grownMs) >= this.#options.flushAfterMs;
  }

  /** Output that ends without a newline never gets its last fragment (containerd#4813), so an open record ends with time. */
  #endOpenRecords(file: LogFile, { builder }: LineFramer): void {
    if (this.#chain.successorOf(file) === undefined && file.longLine === undefined) {
      this.#assembler.flush(0, builder);
      this.#assembler.flush(1, builder);
    }
  }

  #useSteps({ builder }: LineFramer): void {
    if (this.steps !== undefined) {
      this.#assembler.use(this.steps, builder);
    }
  }

  #take({ builder }: LineFramer, nowMs: number): TakenBatch | undefined {
    // What steps left out is behind us too.
    const { dropped } = this.#assembler;
    this.#positionDue ||= dropped !== this.#dropped;
    this.#dropped = dropped;
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
    this.#chain.noteFirst(block);
    return {
      ...this.#batchOf(block, { origin, ...(edits && { edits }) }),
      ...(reason !== undefined && { leftOut: { lines: leftOut, reason } }),
    };
  }

  /** Gaps go alone, so that no limit leaves one out. */
  #takeGaps({ builder }: LineFramer): TakenBatch {
    this.#gaps.appendTo(builder);
    this.#emitting = true;
    this.#pendingLines = 0;
    const { origin, edits } = this.description;
    return this.#batchOf(builder.block(), { origin, ...(edits && { edits }) });
  }

  #batchOf(block: LogBlock, from: Pick<Batch, 'origin' | 'edits'>): TakenBatch {
    const files = this.#chain.positions();
    const lastTime = this.lastMoment;
    const place = { files, discarding: this.#assembler.discarding, ...(lastTime !== undefined && { lastTime }) };
    return takenBatch(block, from, { key: this.key, place });
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
