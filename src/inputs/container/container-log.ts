import type { Batch, Origin } from '../../model/batch.ts';
import type { LogBlock } from '../../model/log.ts';
import type { LogSteps } from '../../pipeline/logs/settings.ts';
import { BlockFraming } from './block-framing.ts';
import { type Gap, type Moment, momentOf } from './gap.ts';
import { GapBook } from './gap-book.ts';
import type { Inflaters } from './inflated-bytes.ts';
import type { LineFramer } from './line-framer.ts';
import { LogChain, type SeenLog } from './log-chain.ts';
import type { LogDescription } from './log-description.ts';
import type { LogFile, ReadBlock } from './log-file.ts';
import { ReadTimes, withinLimit } from './outgoing-lines.ts';
import type { LogPosition, PerStream } from './position.ts';
import { RecordAssembler } from './record-assembler.ts';
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
  readonly #framing: BlockFraming;
  readonly #gaps = new GapBook();
  #discardingBefore: PerStream<boolean>;
  #emitting = false;
  #pendingLines = 0;
  #positionDue: boolean;
  #from: 'beginning' | 'end';
  #lastChangeMs = 0;
  #dropped = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ContainerLogOptions, nowMs: number, earlier?: LogPosition) {
    this.key = options.key;
    this.description = options.description;
    this.#options = options;
    this.#assembler = new RecordAssembler(options.maxLineBytes);
    this.#chain = new LogChain(options.inflaters, options.begin);
    const { plain, flushAfterMs } = options;
    const { counts } = this;
    this.#framing = new BlockFraming(
      { plain, flushAfterMs, counts, assembler: this.#assembler, chain: this.#chain, gaps: this.#gaps },
      earlier?.lastTime,
    );
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
    return (
      isUnfinished ||
      this.#assembler.hasOpen ||
      isDue ||
      nowMs - Math.max(this.#lastChangeMs, this.#framing.grownAtMs) < busyMs
    );
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

  /** When the last record was written that has been read. */
  get lastMoment(): Moment | undefined {
    return this.#framing.lastMoment;
  }

  #frame(file: LogFile, block: ReadBlock, framer: LineFramer, nowMs: number): boolean {
    if (this.steps !== undefined) {
      this.#assembler.use(this.steps, framer.builder);
    }
    return this.#framing.frame(file, block, framer, nowMs);
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
