import type { QueueRecord } from '../../../model/batch.ts';
import type { HeldRanges } from '../blocks/held-ranges.ts';
import type { LanePlace } from '../blocks/lane-place.ts';
import { LaneProgress, noteUndecodable } from '../blocks/lane-progress.ts';
import type { Commit } from '../blocks/partition-series.ts';
import type { DamageBook } from '../damage-book.ts';
import type { HeldPosition } from '../position.ts';
import { type FrameBlock, FrameDraft, frameOf, type StoredFrame, type WrittenShapes } from './frame-block.ts';

/** Shapes whose number of series is remembered. */
const rememberedShapes = 10_000;

/** Records of the lane that wait for the next commit, each once. */
export class MetricIntake {
  readonly #damage: DamageBook;
  readonly #written: () => WrittenShapes;
  readonly #counts = new Map<string, number>();
  readonly #lane = new LaneProgress();
  #frames: StoredFrame[] = [];
  #first: LanePlace | undefined;
  #last: LanePlace | undefined;
  #blocks: FrameDraft[] = [];
  #items = 0;
  #bytes = 0;

  /** `written` gives the shapes of the file that the next commit goes to. */
  constructor(damage: DamageBook, written: () => WrittenShapes) {
    this.#damage = damage;
    this.#written = written;
  }

  /** Where the store stands after recovery. */
  begin(position: HeldPosition | undefined, held: HeldRanges): void {
    this.#lane.begin(position, held);
  }

  get items(): number {
    return this.#items;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Records at or before the position of the same queue are skipped. */
  add(queueId: string, record: QueueRecord): void {
    if (this.#lane.has(queueId, record)) {
      return;
    }
    const place = { seq: record.seq, index: 0 };
    if (this.#lane.held.has(queueId, place)) {
      this.#pack();
    } else {
      this.#take(record, place);
    }
    this.#lane.pass(queueId, record);
  }

  /** Gives out what waits; undefined when no record came since the last time. */
  take(): Commit<FrameBlock> | undefined {
    const facts = this.#lane.take();
    if (facts === undefined) {
      return undefined;
    }
    this.#pack();
    const blocks = this.#blocks;
    this.#blocks = [];
    this.#items = 0;
    this.#bytes = 0;
    return { blocks, ...facts };
  }

  /** What waits becomes one block: its frames follow each other in the lane. */
  #pack(): void {
    if (this.#first !== undefined && this.#last !== undefined) {
      this.#blocks.push(new FrameDraft(this.#frames, { first: this.#first, last: this.#last }, this.#written));
      this.#frames = [];
      this.#first = undefined;
    }
  }

  #take(record: QueueRecord, place: LanePlace): void {
    try {
      const frame = frameOf(record, this.#counts);
      this.#frames.push(frame);
      this.#first ??= place;
      this.#last = place;
      this.#items += frame.body.values.length;
      this.#bytes += frame.payload.length;
    } catch (error) {
      noteUndecodable(this.#damage, record, 'samples', error);
    }
    if (this.#counts.size > rememberedShapes) {
      this.#counts.clear();
    }
  }
}
