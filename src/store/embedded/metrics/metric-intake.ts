import { hasCode } from '../../../contract/errors.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import { HeldRanges } from '../blocks/held-ranges.ts';
import type { LanePlace } from '../blocks/lane-place.ts';
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
  #held = new HeldRanges(undefined, []);
  #frames: StoredFrame[] = [];
  #first: LanePlace | undefined;
  #last: LanePlace | undefined;
  #blocks: FrameDraft[] = [];
  #items = 0;
  #bytes = 0;
  #position: HeldPosition | undefined;
  #firstArrivedMs: number | undefined;
  #arrivedMs = 0;

  /** `written` gives the shapes of the file that the next commit goes to. */
  constructor(damage: DamageBook, written: () => WrittenShapes) {
    this.#damage = damage;
    this.#written = written;
  }

  /** Where the store stands after recovery. */
  begin(position: HeldPosition | undefined, held: HeldRanges): void {
    this.#position = position;
    this.#held = held;
  }

  get items(): number {
    return this.#items;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Records at or before the position of the same queue are skipped. */
  add(queueId: string, record: QueueRecord): void {
    if (this.#position?.queueId === queueId && record.seq <= this.#position.seq) {
      return;
    }
    const place = { seq: record.seq, index: 0 };
    if (this.#held.has(queueId, place)) {
      this.#pack();
    } else {
      this.#take(record, place);
    }
    this.#held.pass(record.seq);
    this.#firstArrivedMs ??= record.receivedAtMs;
    this.#arrivedMs = Math.max(this.#arrivedMs, record.receivedAtMs);
    this.#position = { queueId, seq: record.seq, cumItems: record.cumItems };
  }

  /** Gives out what waits; undefined when no record came since the last time. */
  take(): Commit<FrameBlock> | undefined {
    const position = this.#position;
    const firstArrivedMs = this.#firstArrivedMs;
    if (position === undefined || firstArrivedMs === undefined) {
      return undefined;
    }
    this.#pack();
    const blocks = this.#blocks;
    this.#blocks = [];
    this.#items = 0;
    this.#bytes = 0;
    this.#firstArrivedMs = undefined;
    return { blocks, position, firstArrivedMs, arrivedMs: this.#arrivedMs };
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
      if (!hasCode(error, 'BRIDGE_DECODE')) {
        throw error;
      }
      const reason = `${record.items} samples of the lane's record ${record.seq} cannot be read: ${error.message}`;
      this.#damage.note({ file: 'queue/metrics', offset: record.seq, bytes: record.payload.length, reason });
    }
    if (this.#counts.size > rememberedShapes) {
      this.#counts.clear();
    }
  }
}
