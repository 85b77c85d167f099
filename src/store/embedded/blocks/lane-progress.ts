import { hasCode } from '../../../contract/errors.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import type { DamageBook } from '../damage-book.ts';
import type { HeldPosition } from '../position.ts';
import { HeldRanges } from './held-ranges.ts';
import type { TakenLane } from './partition-series.ts';

/** How far a lane was taken into memory, durable or not, and which of its items are on disk beyond the store's position. */
export class LaneProgress {
  #held = new HeldRanges(undefined, []);
  #position: HeldPosition | undefined;
  #firstArrivedMs: number | undefined;
  #arrivedMs = 0;

  /** Where the store stands after recovery. */
  begin(position: HeldPosition | undefined, held: HeldRanges): void {
    this.#position = position;
    this.#held = held;
  }

  get held(): HeldRanges {
    return this.#held;
  }

  /** Was the record taken before? It is at or before the position of the same queue then. */
  has(queueId: string, { seq }: QueueRecord): boolean {
    return this.#position?.queueId === queueId && seq <= this.#position.seq;
  }

  /** The record is taken. */
  pass(queueId: string, { seq, cumItems, receivedAtMs }: QueueRecord): void {
    this.#firstArrivedMs ??= receivedAtMs;
    this.#arrivedMs = Math.max(this.#arrivedMs, receivedAtMs);
    this.#position = { queueId, seq, cumItems };
    this.#held.pass(seq);
  }

  /** What the next commit says of the lane; undefined when no record came since the last time. */
  take(): TakenLane | undefined {
    const position = this.#position;
    const firstArrivedMs = this.#firstArrivedMs;
    if (position === undefined || firstArrivedMs === undefined) {
      return undefined;
    }
    this.#firstArrivedMs = undefined;
    return { position, firstArrivedMs, arrivedMs: this.#arrivedMs };
  }
}

/** Names a record that cannot be decoded; any other error is thrown on. `what` are its items, such as "spans". */
export function noteUndecodable(damage: DamageBook, record: QueueRecord, what: string, error: unknown): void {
  if (!hasCode(error, 'BRIDGE_DECODE')) {
    throw error;
  }
  const { signal, seq, items, payload } = record;
  const reason = `${items} ${what} of the lane's record ${seq} cannot be read: ${error.message}`;
  damage.note({ file: `queue/${signal}`, offset: seq, bytes: payload.length, reason });
}
