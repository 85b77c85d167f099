import { decodeLogBlock } from '../../../codec/log-block/log-block.ts';
import { BridgeError } from '../../../contract/errors.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import type { LogBlock } from '../../../model/log.ts';
import type { HeldRanges } from '../blocks/held-ranges.ts';
import { LaneProgress, noteUndecodable } from '../blocks/lane-progress.ts';
import type { Commit } from '../blocks/partition-series.ts';
import type { DamageBook } from '../damage-book.ts';
import type { HeldPosition } from '../position.ts';
import { BlockPacker } from './block-packer.ts';
import type { BlockSummary } from './block-summary.ts';
import { type StreamLabels, streamLabelsOf } from './stream-labels.ts';

/** Turns records of the lane into blocks, in memory, each record once. */
export class LogIntake {
  readonly #damage: DamageBook;
  readonly #packer = new BlockPacker();
  readonly #lane = new LaneProgress();

  constructor(damage: DamageBook) {
    this.#damage = damage;
  }

  /** Where the store stands after recovery. */
  begin(position: HeldPosition | undefined, held: HeldRanges): void {
    this.#lane.begin(position, held);
  }

  get waiting(): { readonly items: number; readonly bytes: number } {
    return { items: this.#packer.lines, bytes: this.#packer.bytes };
  }

  /** Records at or before the position of the same queue are skipped. */
  add(queueId: string, record: QueueRecord): void {
    if (this.#lane.has(queueId, record)) {
      return;
    }
    const block = this.#blockOf(record);
    if (block !== undefined) {
      this.#addLines(queueId, record, block);
    }
    this.#lane.pass(queueId, record);
  }

  /** Gives out what waits; undefined when no record came since the last time. */
  take(): Commit<BlockSummary> | undefined {
    const facts = this.#lane.take();
    return facts === undefined ? undefined : { blocks: this.#packer.finish(), ...facts };
  }

  #addLines(queueId: string, record: QueueRecord, block: LogBlock): void {
    const labels = streamLabelsOf(record);
    if (this.#lane.held.empty) {
      this.#addRun(labels, record, { block, from: 0, to: block.count });
      return;
    }
    for (let from = 0; from < block.count; ) {
      const held = this.#lane.held.has(queueId, { seq: record.seq, index: from });
      let to = from + 1;
      while (to < block.count && this.#lane.held.has(queueId, { seq: record.seq, index: to }) === held) {
        to += 1;
      }
      if (!held) {
        this.#addRun(labels, record, { block, from, to });
      }
      from = to;
    }
  }

  #addRun(labels: StreamLabels, record: QueueRecord, lines: { block: LogBlock; from: number; to: number }): void {
    if (lines.to > lines.from) {
      this.#packer.add(labels, { ...lines, arrivedMs: record.receivedAtMs, seq: record.seq, index: lines.from });
    }
  }

  #blockOf(record: QueueRecord): LogBlock | undefined {
    try {
      if (record.format !== 'log-block' && record.format !== 'log-block-2') {
        throw new BridgeError('BRIDGE_DECODE', `${record.format} holds no lines`);
      }
      return decodeLogBlock(record.payload);
    } catch (error) {
      noteUndecodable(this.#damage, record, 'lines', error);
      return undefined;
    }
  }
}
