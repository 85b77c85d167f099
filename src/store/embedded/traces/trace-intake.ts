import type { QueueRecord } from '../../../model/batch.ts';
import type { Span } from '../../../model/span.ts';
import type { PackedBlock } from '../blocks/block-format.ts';
import type { HeldRanges } from '../blocks/held-ranges.ts';
import { LaneProgress, noteUndecodable } from '../blocks/lane-progress.ts';
import type { Commit } from '../blocks/partition-series.ts';
import type { DamageBook } from '../damage-book.ts';
import type { HeldPosition } from '../position.ts';
import { BlockBuilder } from './block-builder.ts';
import type { BlockSummary } from './block-summary.ts';
import { packBlock } from './pack-block.ts';

/** The one decoder of trace records; applies their tag edits. Throws BRIDGE_DECODE. */
export type DecodeSpans = (record: QueueRecord) => readonly Span[];

/** Turns records of the lane into blocks, in memory, each record once. */
export class TraceIntake {
  readonly #decode: DecodeSpans;
  readonly #damage: DamageBook;
  readonly #builder = new BlockBuilder();
  readonly #lane = new LaneProgress();
  #blocks: PackedBlock<BlockSummary>[] = [];
  #packedSpans = 0;
  #packedBytes = 0;

  constructor(decode: DecodeSpans, damage: DamageBook) {
    this.#decode = decode;
    this.#damage = damage;
  }

  /** Where the store stands after recovery. */
  begin(position: HeldPosition | undefined, held: HeldRanges): void {
    this.#lane.begin(position, held);
  }

  get spans(): number {
    return this.#packedSpans + this.#builder.spans;
  }

  /** Of the blocks that are packed already. */
  get bytes(): number {
    return this.#packedBytes;
  }

  /** Records at or before the position of the same queue are skipped. */
  add(queueId: string, record: QueueRecord): void {
    if (this.#lane.has(queueId, record)) {
      return;
    }
    this.#addSpans(queueId, record);
    this.#lane.pass(queueId, record);
  }

  /** Gives out what waits; undefined when no record came since the last time. */
  take(): Commit<BlockSummary> | undefined {
    const facts = this.#lane.take();
    if (facts === undefined) {
      return undefined;
    }
    this.#pack();
    const blocks = this.#blocks;
    this.#blocks = [];
    this.#packedSpans = 0;
    this.#packedBytes = 0;
    return { blocks, ...facts };
  }

  #addSpans(queueId: string, record: QueueRecord): void {
    const arrivedMicros = record.receivedAtMs * 1000;
    if (this.#builder.endsBefore(arrivedMicros)) {
      this.#pack();
    }
    for (const [index, span] of this.#spansOf(record).entries()) {
      const place = { seq: record.seq, index };
      if (this.#lane.held.has(queueId, place)) {
        this.#pack();
      } else {
        this.#builder.add(span, place, arrivedMicros);
      }
      if (this.#builder.full) {
        this.#pack();
      }
    }
  }

  #spansOf(record: QueueRecord): readonly Span[] {
    try {
      return this.#decode(record);
    } catch (error) {
      noteUndecodable(this.#damage, record, 'spans', error);
      return [];
    }
  }

  #pack(): void {
    if (this.#builder.spans === 0) {
      return;
    }
    const block = packBlock(this.#builder.finish());
    this.#blocks.push(block);
    this.#packedSpans += block.summary.spans;
    this.#packedBytes += block.payload.length;
  }
}
