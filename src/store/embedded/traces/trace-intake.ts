import { hasCode } from '../../../contract/errors.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import type { Span } from '../../../model/span.ts';
import type { PackedBlock } from '../blocks/block-format.ts';
import { HeldRanges } from '../blocks/held-ranges.ts';
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
  #blocks: PackedBlock<BlockSummary>[] = [];
  #held = new HeldRanges(undefined, []);
  #position: HeldPosition | undefined;
  #firstArrivedMs: number | undefined;
  #arrivedMs = 0;
  #packedSpans = 0;
  #packedBytes = 0;

  constructor(decode: DecodeSpans, damage: DamageBook) {
    this.#decode = decode;
    this.#damage = damage;
  }

  /** Where the store stands after recovery. */
  begin(position: HeldPosition | undefined, held: HeldRanges): void {
    this.#position = position;
    this.#held = held;
  }

  get spans(): number {
    return this.#packedSpans + this.#builder.spans;
  }

  /** Of the blocks that are packed already. */
  get bytes(): number {
    return this.#packedBytes;
  }

  /** The last record taken in, durable or not. */
  get position(): HeldPosition | undefined {
    return this.#position;
  }

  /** Records at or before the position of the same queue are skipped. */
  add(queueId: string, record: QueueRecord): void {
    if (this.#position?.queueId === queueId && record.seq <= this.#position.seq) {
      return;
    }
    this.#addSpans(queueId, record);
    this.#firstArrivedMs ??= record.receivedAtMs;
    this.#arrivedMs = Math.max(this.#arrivedMs, record.receivedAtMs);
    this.#position = { queueId, seq: record.seq, cumItems: record.cumItems };
    this.#held.pass(record.seq);
  }

  /** Gives out what waits; undefined when no record came since the last time. */
  take(): Commit<BlockSummary> | undefined {
    const position = this.#position;
    const firstArrivedMs = this.#firstArrivedMs;
    if (position === undefined || firstArrivedMs === undefined) {
      return undefined;
    }
    this.#pack();
    const waiting = { blocks: this.#blocks, position, firstArrivedMs, arrivedMs: this.#arrivedMs };
    this.#blocks = [];
    this.#packedSpans = 0;
    this.#packedBytes = 0;
    this.#firstArrivedMs = undefined;
    return waiting;
  }

  #addSpans(queueId: string, record: QueueRecord): void {
    const arrivedMicros = record.receivedAtMs * 1000;
    for (const [index, span] of this.#spansOf(record).entries()) {
      const place = { seq: record.seq, index };
      if (this.#held.has(queueId, place)) {
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
      if (!hasCode(error, 'BRIDGE_DECODE')) {
        throw error;
      }
      const reason = `${record.items} spans of the lane's record ${record.seq} cannot be read: ${error.message}`;
      this.#damage.note({ file: 'queue/traces', offset: record.seq, bytes: record.payload.length, reason });
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
