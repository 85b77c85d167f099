import type { LaneLoss } from '../contract/status.ts';
import type { QueueRecord, Signal } from '../model/batch.ts';
import type { LaneFacts } from './lane-header.ts';
import { LossBook } from './loss-book.ts';
import { MetaDecoder, toQueueRecord } from './queue-record.ts';
import { SegmentWalk, type WalkEvent } from './segment-walk.ts';

export interface LaneTailOptions {
  /** `<dataDir>/queue/<signal>` */
  readonly dir: string;
  readonly signal: Signal;
  /** Records behind this seq are read; 0: from the oldest on. */
  readonly afterSeq: number;
  /** `cumItems` at that seq, if known: lets a loss right behind it be counted. */
  readonly afterCumItems?: number;
}

export interface TailLimits {
  /** The lane's durable watermark: records behind it may never have been acknowledged, and are not given. */
  readonly throughSeq: number;
  readonly maxItems: number;
  /** Of payloads. One record is given even if it is larger. */
  readonly maxBytes: number;
}

export interface TailRead {
  /** Payloads are views of buffers that are not used again. */
  readonly records: readonly QueueRecord[];
  readonly items: number;
  /** Of payloads. */
  readonly bytes: number;
  /** The last record that is done with; later than the last of `records` where lost ones follow it. */
  readonly seq: number;
  /** The lane's `cumItems` at `seq`. What it grew by, less the items of `records`, was lost. undefined before anything was read. */
  readonly cumItems: number | undefined;
  readonly losses: readonly LaneLoss[];
}

interface Taken {
  readonly records: QueueRecord[];
  items: number;
  bytes: number;
}

/**
 * Reads the data records of a lane's directory in order, also while another thread or process writes there. Damaged
 * bytes are skipped and told; segments that are gone are skipped.
 */
export class LaneTail {
  readonly #signal: Signal;
  readonly #walk: SegmentWalk;
  readonly #meta = new MetaDecoder();
  readonly #losses = new LossBook();
  #seq: number;
  #cumItems: number | undefined;

  constructor(options: LaneTailOptions) {
    this.#signal = options.signal;
    this.#walk = new SegmentWalk(options.dir);
    this.#seq = options.afterSeq;
    this.#cumItems = options.afterCumItems;
  }

  /** The last record that is done with. */
  get seq(): number {
    return this.#seq;
  }

  /** The next records within the limits; none when all up to `throughSeq` is done with, or cannot be read yet. One call at a time. */
  async read(limits: TailLimits): Promise<TailRead> {
    const taken: Taken = { records: [], items: 0, bytes: 0 };
    while (this.#seq < limits.throughSeq) {
      const step = await this.#walk.peek(this.#seq + 1, limits.throughSeq);
      if (step === undefined || !(await this.#take(step, limits, taken))) {
        break;
      }
      this.#walk.advance();
    }
    return { ...taken, seq: this.#seq, cumItems: this.#cumItems, losses: this.#losses.take() };
  }

  /** Goes on behind another record. */
  async seek(afterSeq: number, afterCumItems?: number): Promise<void> {
    this.#seq = afterSeq;
    this.#cumItems = afterCumItems;
    this.#losses.forgetOpen();
    await this.#walk.reset();
  }

  async close(): Promise<void> {
    await this.#walk.reset();
  }

  /** False when the limits leave this one to the next call. */
  async #take(step: WalkEvent, limits: TailLimits, taken: Taken): Promise<boolean> {
    const { event, facts } = step;
    // Half a record at a segment's end may never have been acknowledged: the snapshot behind it knows.
    if (facts === undefined || event.kind === 'torn') {
      this.#losses.unknown(placeOf(step));
      return true;
    }
    if (facts.seq <= this.#seq) {
      this.#known(step, facts);
      return true;
    }
    if (event.kind === 'record' && facts.kind === 'data') {
      const bytes = taken.bytes + event.payload.length;
      const items = taken.items + facts.items;
      if (taken.records.length > 0 && (bytes > limits.maxBytes || items > limits.maxItems)) {
        return false;
      }
      this.#move(step, facts);
      const record = await this.#record(step, facts);
      if (record !== undefined) {
        taken.records.push(record);
        taken.items = items;
        taken.bytes = bytes;
      }
      return true;
    }
    this.#move(step, facts);
    if (event.kind !== 'record') {
      this.#losses.known(placeOf(step), facts.items);
    }
    return true;
  }

  /** A record at or before the place to begin at. */
  #known(step: WalkEvent, facts: LaneFacts): void {
    if (facts.seq < this.#seq || facts.kind === 'data') {
      this.#losses.forgetOpen();
      this.#cumItems = Math.max(this.#cumItems ?? 0, facts.cumItems);
      return;
    }
    this.#losses.bound(0, { segment: step.segment, offset: step.event.offset });
    if (step.event.kind !== 'record') {
      this.#losses.known(placeOf(step), 0);
    }
  }

  #move(step: WalkEvent, facts: LaneFacts): void {
    const before = facts.cumItems - facts.items;
    const missing = Math.max(0, before - (this.#cumItems ?? before));
    this.#losses.bound(missing, { segment: step.segment, offset: step.event.offset });
    this.#seq = facts.seq;
    this.#cumItems = facts.cumItems;
  }

  async #record(step: WalkEvent, facts: LaneFacts): Promise<QueueRecord | undefined> {
    const { event } = step;
    if (event.kind !== 'record') {
      return undefined;
    }
    const meta = this.#meta.decode(event.header);
    const needed = facts.dictionaryOffset !== 0;
    const dictionary = needed ? await step.dictionaries.at(facts.dictionaryOffset) : undefined;
    if (needed && dictionary === undefined) {
      const bytes = event.end - event.offset;
      const place = { segment: step.segment, offset: event.offset, bytes, reason: 'its dictionary is damaged' };
      this.#losses.known(place, facts.items);
      return undefined;
    }
    return toQueueRecord({
      signal: this.#signal,
      facts,
      header: event.header,
      meta,
      payload: event.payload,
      dictionary,
    });
  }
}

function placeOf({ segment, event }: WalkEvent): { segment: string; offset: number; bytes: number; reason: string } {
  return event.kind === 'record'
    ? { segment, offset: event.offset, bytes: event.end - event.offset, reason: 'not readable' }
    : { segment, offset: event.offset, bytes: event.bytes, reason: event.reason };
}
