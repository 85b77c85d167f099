import { join } from 'node:path';
import type { Answer, Question } from '../../../contract/store.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import { HeldRanges } from '../blocks/held-ranges.ts';
import { PartitionSeries, type SeriesOptions } from '../blocks/partition-series.ts';
import type { DamageBook } from '../damage-book.ts';
import { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { SignalStore } from '../signal-store.ts';
import type { Slice } from '../slice.ts';
import { BlockCache } from './block-cache.ts';
import { type BlockSummary, spanBlocks } from './block-summary.ts';
import { DerivedRows } from './derived/derived-rows.ts';
import { RedSeries } from './derived/red-series.ts';
import { Partition } from './partition.ts';
import { PinnedTraces, renewPins } from './pinned-traces.ts';
import { type DecodeSpans, TraceIntake } from './trace-intake.ts';
import { isTraceQuestion, TraceQuestions } from './trace-questions.ts';

export interface TraceStoreOptions extends SeriesOptions {
  readonly decode: DecodeSpans;
  readonly damage: DamageBook;
  /** Keys of tags whose values are offered to those who search. */
  readonly offeredTags: readonly string[];
  /** What pinned traces may take beside the rest. */
  readonly pinnedMaxBytes: number;
}

/** Traces on disk: one active partition, the sealed ones before it, and what waits in memory for the next commit. */
export class TraceStore implements SignalStore {
  readonly signal = 'traces';
  readonly #files = new FileCache();
  readonly #intake: TraceIntake;
  readonly #series: PartitionSeries<BlockSummary, Partition>;
  readonly blocks = new BlockCache();
  readonly offeredTags: readonly string[];
  readonly pins: PinnedTraces;
  readonly derived: DerivedRows;
  /** What is derived, as PromQL reads it. */
  readonly series: RedSeries;
  readonly #questions: TraceQuestions;

  constructor(options: TraceStoreOptions) {
    const { damage } = options;
    this.offeredTags = options.offeredTags;
    this.pins = new PinnedTraces({ dir: join(options.dir, 'pinned'), maxBytes: options.pinnedMaxBytes, damage });
    this.#intake = new TraceIntake(options.decode, damage);
    this.derived = new DerivedRows(this, options.clock);
    this.series = new RedSeries(this.derived);
    this.#questions = new TraceQuestions(this, this.derived);
    this.#series = new PartitionSeries(options, {
      format: spanBlocks,
      partition: (dir, startMs) => new Partition(dir, startMs, { files: this.#files, damage }),
      releaseFiles: (path) => (path === undefined ? this.#files.close() : this.#files.forget(path)),
    });
  }

  get partitions(): readonly Partition[] {
    return this.#series.partitions;
  }

  /** The last record whose spans are durable and found by questions. */
  get position(): HeldPosition | undefined {
    return this.#series.position;
  }

  get waiting(): SignalStore['waiting'] {
    return { items: this.#intake.spans, bytes: this.#intake.bytes };
  }

  async open(): Promise<void> {
    const { position, beyond, beyondQueueId } = await this.#series.open();
    const ranges = beyond.map(({ summary }) => summary);
    this.pins.open();
    this.#intake.begin(position, new HeldRanges(beyondQueueId, ranges));
  }

  /** Takes records into memory; what is at or before the position is skipped. */
  append(queueId: string, records: readonly QueueRecord[]): void {
    for (const record of records) {
      this.#intake.add(queueId, record);
    }
  }

  /** Makes durable, and then visible, what was appended before. */
  flush(): Promise<void> {
    return this.#series.commit(() => this.#intake.take());
  }

  expire(): Promise<number> {
    return this.#series.expire();
  }

  dropOldest(): Promise<number> {
    return this.#series.dropOldest();
  }

  answer(question: Question, slice: Slice): Promise<Answer> | undefined {
    return isTraceQuestion(question) ? this.#questions.answer(question, slice) : undefined;
  }

  /** Works out what follows from the minutes that are closed by now. */
  async derive(slice: Slice): Promise<void> {
    await this.derived.close(slice);
    await renewPins(this, this.derived.nowMs, slice);
  }

  close(): Promise<void> {
    return this.#series.close();
  }
}
