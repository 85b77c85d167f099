import type { Answer, Question } from '../../../contract/store.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import { unlessDiskFull } from '../blocks/disk-full.ts';
import { HeldRanges } from '../blocks/held-ranges.ts';
import { PartitionSeries, type SeriesOptions } from '../blocks/partition-series.ts';
import type { DamageBook } from '../damage-book.ts';
import { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { SignalStore } from '../signal-store.ts';
import type { Slice } from '../slice.ts';
import { type FrameBlock, frameBlocks, WrittenShapes } from './frame-block.ts';
import type { Held } from './live-part.ts';
import { MetricIntake } from './metric-intake.ts';
import { answerMetrics, isMetricQuestion } from './metric-questions.ts';
import { MetricPartition } from './partition.ts';
import type { VirtualSeries } from './virtual-series.ts';

export interface MetricStoreOptions extends SeriesOptions {
  readonly damage: DamageBook;
  /** Series that queries find beside those that came. */
  readonly virtual?: VirtualSeries;
}

/** Samples stand in memory no longer than this, and take no more than that. */
const cutMs = 30 * 60_000;
const cutBytes = 96 * 1024 * 1024;
/** So many are cut at the end of a life: the next one would take a second and more to read their frames. */
const cutSamples = 2_000_000;
/** Indexes of sealed partitions that stay in memory between questions, by their bytes on disk: some ten times as much there. */
const keptIndexBytes = 8 * 1024 * 1024;

/**
 * Metrics on disk. What makes a sample durable is its frame: each commit appends the frames as the lane gave them, zstd, to
 * `blocks.rec` of the active partition, together with the position, and only then do they go to the heads in memory, where
 * questions find them. So the position never lags, a restart reads again no more than the frames behind the last cut, and the
 * lane may drop its segments at once. The price is that every sample is written twice: some 4 bytes in a frame, about one in its chunk.
 * (The other way, to move the position only when chunks are cut, would write once, but keep half an hour of the lane and show it as lag.)
 *
 * Every half hour the heads are cut to a file of chunks. When the partition is sealed, an index is written beside these, and
 * the frames are unlinked.
 */
export class MetricStore implements SignalStore {
  readonly signal = 'metrics';
  readonly #options: MetricStoreOptions;
  readonly #files = new FileCache();
  readonly #intake: MetricIntake;
  readonly #series: PartitionSeries<FrameBlock, MetricPartition>;

  constructor(options: MetricStoreOptions) {
    const { damage } = options;
    this.#options = options;
    this.#intake = new MetricIntake(damage, () => this.#series.active?.writtenShapes ?? new WrittenShapes());
    this.#series = new PartitionSeries(options, {
      format: frameBlocks,
      partition: (dir, startMs) => new MetricPartition(dir, startMs, { files: this.#files, damage }),
      releaseFiles: (path) => (path === undefined ? this.#files.close() : this.#files.forget(path)),
    });
  }

  get partitions(): readonly MetricPartition[] {
    return this.#series.partitions;
  }

  get position(): HeldPosition | undefined {
    return this.#series.position;
  }

  get waiting(): SignalStore['waiting'] {
    return { items: this.#intake.items, bytes: this.#intake.bytes };
  }

  async open(): Promise<void> {
    const { position, beyond, beyondQueueId } = await this.#series.open();
    const ranges = beyond.map(({ summary }) => summary);
    this.#intake.begin(position, new HeldRanges(beyondQueueId, ranges));
  }

  append(queueId: string, records: readonly QueueRecord[]): void {
    for (const record of records) {
      this.#intake.add(queueId, record);
    }
  }

  async flush(): Promise<void> {
    await this.#series.commit(() => this.#intake.take());
    await this.#cutIfDue();
  }

  async expire(): Promise<number> {
    await this.#cutIfDue();
    return this.#series.expire();
  }

  dropOldest(): Promise<number> {
    return this.#series.dropOldest();
  }

  answer(question: Question, slice: Slice): Promise<Answer> | undefined {
    return isMetricQuestion(question) ? this.#answer(question, slice) : undefined;
  }

  async close(): Promise<void> {
    await this.#cutIf(({ samples }) => samples >= cutSamples);
    await this.#series.close();
  }

  async #answer(question: Parameters<typeof answerMetrics>[1], slice: Slice): Promise<Answer> {
    try {
      return await answerMetrics({ partitions: this.partitions, virtual: this.#options.virtual }, question, slice);
    } finally {
      this.#forget();
    }
  }

  #cutIfDue(): Promise<void> {
    const nowMs = this.#options.clock.now();
    return this.#cutIf(({ sinceMs = nowMs, bytes }) => nowMs - sinceMs >= cutMs || bytes >= cutBytes);
  }

  /** What is not cut stays in memory, and stands in frames on disk: where a file of chunks finds no room, the next cut takes it. */
  async #cutIf(due: (held: Held) => boolean): Promise<void> {
    await this.#series.inTurn(async () => {
      const { active } = this.#series;
      if (active !== undefined && due(active.held)) {
        await unlessDiskFull(active.cut());
      }
    });
  }

  /** Oldest first. */
  #forget(): void {
    let bytes = this.partitions.reduce((sum, { loadedBytes }) => sum + loadedBytes, 0);
    for (const partition of this.partitions) {
      if (bytes <= keptIndexBytes) {
        break;
      }
      bytes -= partition.loadedBytes;
      partition.forget();
    }
  }
}
