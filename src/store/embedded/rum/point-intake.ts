import { decodePointsOf } from '../../../codec/rum-points/record-points.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import type { RumPoint } from '../../../model/rum.ts';
import type { HeldRanges } from '../blocks/held-ranges.ts';
import { LaneProgress, noteUndecodable } from '../blocks/lane-progress.ts';
import type { Commit } from '../blocks/partition-series.ts';
import type { DamageBook } from '../damage-book.ts';
import type { HeldPosition } from '../position.ts';
import { BlockPacker } from './block-packer.ts';
import type { BlockSummary } from './block-summary.ts';

/** Turns records of the lane into blocks, in memory, each record once. */
export class PointIntake {
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
    return { items: this.#packer.points, bytes: this.#packer.bytes };
  }

  /** Records at or before the position of the same queue are skipped. */
  add(queueId: string, record: QueueRecord): void {
    if (this.#lane.has(queueId, record)) {
      return;
    }
    const { seq, receivedAtMs: arrivedMs } = record;
    for (const [index, point] of this.#pointsOf(record).entries()) {
      if (this.#lane.held.has(queueId, { seq, index })) {
        this.#packer.pack();
      } else {
        this.#packer.add({ point, seq, index, arrivedMs });
      }
    }
    this.#lane.pass(queueId, record);
  }

  /** Gives out what waits; undefined when no record came since the last time. */
  take(): Commit<BlockSummary> | undefined {
    const facts = this.#lane.take();
    return facts === undefined ? undefined : { blocks: this.#packer.finish(), ...facts };
  }

  #pointsOf(record: QueueRecord): readonly RumPoint[] {
    try {
      return decodePointsOf(record);
    } catch (error) {
      noteUndecodable(this.#damage, record, 'points', error);
      return [];
    }
  }
}
