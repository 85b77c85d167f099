import type { Answer, Question } from '../../../contract/store.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import { HeldRanges } from '../blocks/held-ranges.ts';
import { PartitionSeries, type SeriesOptions } from '../blocks/partition-series.ts';
import { Sealing } from '../blocks/sealing.ts';
import type { DamageBook } from '../damage-book.ts';
import { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { SignalStore } from '../signal-store.ts';
import type { Slice } from '../slice.ts';
import { type BlockSummary, pointBlocks } from './block-summary.ts';
import { PointIntake } from './point-intake.ts';
import { RumPartition } from './rum-partition.ts';
import { isRumQuestion, RumQuestions } from './rum-questions.ts';
import { sealPartition } from './rum-seal.ts';

export interface RumStoreOptions extends SeriesOptions {
  readonly damage: DamageBook;
}

/**
 * Points of browsers on disk: one active partition, the ones before it, and what waits in memory for the next commit. Each flush
 * makes blocks of up to 1024 points, column by column, so that a question reads the few keys that it asks for. A partition that
 * no longer grows is sealed, and its small blocks are packed anew, a few ms at a time.
 */
export class RumStore implements SignalStore {
  readonly signal = 'rum';
  readonly #files = new FileCache();
  readonly #intake: PointIntake;
  readonly #series: PartitionSeries<BlockSummary, RumPartition>;
  readonly #questions = new RumQuestions(this);
  readonly #sealing: Sealing<RumPartition>;

  constructor(options: RumStoreOptions) {
    const { damage } = options;
    this.#intake = new PointIntake(damage);
    this.#series = new PartitionSeries(options, {
      format: pointBlocks,
      partition: (dir, startMs) => new RumPartition(dir, startMs, { files: this.#files, damage }),
      releaseFiles: (path) => (path === undefined ? this.#files.close() : this.#files.forget(path)),
    });
    this.#sealing = new Sealing({
      files: this.#files,
      resting: () => this.partitions.filter((partition) => partition !== this.#series.active),
      seal: (partition, signal) => sealPartition(partition, { files: this.#files, signal }),
      onQuiet: () => {
        for (const partition of this.partitions) {
          partition.forget();
        }
      },
    });
  }

  get partitions(): readonly RumPartition[] {
    return this.#series.partitions;
  }

  get position(): HeldPosition | undefined {
    return this.#series.position;
  }

  get waiting(): SignalStore['waiting'] {
    return this.#intake.waiting;
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

  flush(): Promise<void> {
    return this.#series.commit(() => this.#intake.take());
  }

  async expire(): Promise<number> {
    const freed = await this.#series.expire();
    await this.#sealing.run();
    return freed;
  }

  dropOldest(): Promise<number> {
    return this.#series.dropOldest();
  }

  answer(question: Question, slice: Slice): Promise<Answer> | undefined {
    return isRumQuestion(question) ? this.#sealing.during(this.#questions.answer(question, slice)) : undefined;
  }

  async close(): Promise<void> {
    await this.#sealing.stop();
    await this.#series.close();
  }
}
