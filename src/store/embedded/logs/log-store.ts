import type { Answer, Question } from '../../../contract/store.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import { HeldRanges } from '../blocks/held-ranges.ts';
import { PartitionSeries, type Recovered, type SeriesOptions } from '../blocks/partition-series.ts';
import { Sealing } from '../blocks/sealing.ts';
import type { DamageBook } from '../damage-book.ts';
import { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { SignalStore } from '../signal-store.ts';
import type { Slice } from '../slice.ts';
import { type BlockSummary, lineBlocks } from './block-summary.ts';
import { LogIntake } from './log-intake.ts';
import { LogPartition } from './log-partition.ts';
import { isLogQuestion, LogQuestions } from './log-questions.ts';
import { sealPartition } from './log-seal.ts';
import { Scratch } from './scratch.ts';

export interface LogStoreOptions extends SeriesOptions {
  readonly damage: DamageBook;
}

/**
 * Lines on disk: one active partition, the ones before it, and what waits in memory for the next commit.
 *
 * Every flush makes blocks of what came since the last one, and commits them: a stream with 128 KiB or more gets blocks of its own,
 * of 256 KiB of text, the others share blocks. So lines are durable and found within a second. At high rates these are good
 * blocks at once; streams that trickle leave small ones, which shrink less (about 0.26 of the raw bytes at 4 KiB). A partition
 * that no longer grows is sealed: where small blocks are a good part of it, they are packed anew, sorted by stream, into
 * another file (`log-seal.ts`), a few ms at a time beside ingest and questions.
 */
export class LogStore implements SignalStore {
  readonly signal = 'logs';
  readonly #files = new FileCache();
  readonly #intake: LogIntake;
  readonly #series: PartitionSeries<BlockSummary, LogPartition>;
  readonly #questions: LogQuestions;
  readonly #sealing: Sealing<LogPartition>;

  constructor(options: LogStoreOptions) {
    const { damage } = options;
    const shared = { files: this.#files, damage, headers: new Scratch() };
    this.#intake = new LogIntake(damage);
    this.#series = new PartitionSeries(options, {
      format: lineBlocks,
      partition: (dir, startMs) => new LogPartition(dir, startMs, shared),
      releaseFiles: (path) => (path === undefined ? this.#files.close() : this.#files.forget(path)),
    });
    this.#sealing = new Sealing({
      files: this.#files,
      resting: () => this.partitions.filter((partition) => partition !== this.#series.active),
      seal: (partition, signal) => sealPartition(partition, { files: this.#files, signal }),
    });
    this.#questions = new LogQuestions(this);
  }

  get partitions(): readonly LogPartition[] {
    return this.#series.partitions;
  }

  /** The last record whose lines are durable and found by questions. */
  get position(): HeldPosition | undefined {
    return this.#series.position;
  }

  get waiting(): SignalStore['waiting'] {
    return this.#intake.waiting;
  }

  async open(): Promise<void> {
    const recovered = await this.#series.open();
    this.#intake.begin(recovered.position, this.#heldOf(recovered));
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
    return isLogQuestion(question) ? this.#sealing.during(this.#questions.answer(question, slice)) : undefined;
  }

  async close(): Promise<void> {
    await this.#sealing.stop();
    await this.#series.close();
  }

  /** What stands in intact blocks beyond the position must not be taken again. */
  #heldOf({ beyond, beyondQueueId }: Recovered<BlockSummary>): HeldRanges {
    const partition = this.#series.active;
    const contents = partition?.contents();
    if (partition === undefined || contents === undefined || beyond.length === 0) {
      return new HeldRanges(undefined, []);
    }
    const firstBlock = contents.table.length - beyond.length;
    const ranges = beyond.flatMap(
      (_, i) =>
        partition.lines(contents, firstBlock + i, ({ columns }) =>
          columns.runs.map(({ seq, index, lines }) => ({
            first: { seq, index },
            last: { seq, index: index + lines - 1 },
          })),
        ) ?? [],
    );
    return new HeldRanges(beyondQueueId, ranges);
  }
}
