import type { Answer, PartitionStatus, Question } from '../../contract/store.ts';
import type { QueueRecord, Signal } from '../../model/batch.ts';
import type { HeldPosition } from './position.ts';
import type { Slice } from './slice.ts';

/** One signal's part of the store: a directory of partitions by arrival time, the last of them active (design.md §6). One thread uses it. */
export interface SignalStore {
  readonly signal: Signal;
  /** The last record whose items are durable and found by questions. */
  readonly position: HeldPosition | undefined;
  /** What waits in memory for `flush`. */
  readonly waiting: { readonly items: number; readonly bytes: number };
  /** Oldest first; the newest is the last. */
  readonly partitions: readonly StoredPartition[];

  /** Recovers: active files are cut behind their last whole commit, what cannot be read is named in the damage book. */
  open(): Promise<void>;
  /** Takes records into memory; what is at or before the position of the same queue is skipped. What cannot be decoded is named, not thrown. */
  append(queueId: string, records: readonly QueueRecord[]): void;
  /** Makes durable, and then visible, what was appended before. All or nothing. */
  flush(): Promise<void>;
  /** Seals what no longer grows, and unlinks what is older than the retention; resolves with the bytes freed. */
  expire(): Promise<number>;
  /** Unlinks the oldest partition, but never the newest, which knows the position; resolves with the bytes freed. */
  dropOldest(): Promise<number>;
  /** undefined: not a question about this signal. */
  answer(question: Question, slice: Slice): Promise<Answer> | undefined;
  /** Works out what follows from items that have come whole, so that questions find it ready. Rejects when the slice's signal is aborted. */
  derive?(slice: Slice): Promise<void>;
  close(): Promise<void>;
}

export interface StoredPartition {
  /** When the last of its items came, ms since 1970. */
  readonly arrivedMs: number;
  readonly bytes: number;
  status(): PartitionStatus;
}
