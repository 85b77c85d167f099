import type { LaneLoss } from '../contract/status.ts';
import type { QueueRecord, Signal } from '../model/batch.ts';
import type { CursorActivity, CursorStep } from './cursor.ts';
import type { Pace } from './pace.ts';

/** What delivery needs of a lane. */
export interface DeliverySource {
  readonly signal: Signal;
  readonly queueId: string;
  /** As in a request (contract/output.ts). */
  readonly ancestors?: readonly { readonly queueId: string; readonly seq: number }[];
  readonly durableSeq: number;
  /** The lane's `cumItems` at `durableSeq`. */
  readonly cumItems: number;
  /** Calls back after each commit; returns how to end that. */
  onDurable(listener: () => void): () => void;
  /** How long a record has waited. */
  ageMs(record: QueueRecord): number;
  /** Takes note of damage that reading met. */
  lost(losses: readonly LaneLoss[]): void;
}

/** What delivery needs of a cursor (`lane-cursor.ts`). */
export interface DeliveryCursor {
  readonly output: string;
  readonly seq: number;
  readonly cumItems: number;
  /** Resolves when it is durable. */
  advance(step: CursorStep): Promise<void>;
  report(activity: CursorActivity): void;
  /** About how many bytes are durable behind it. */
  readonly waitingBytes: number;
  /** Records behind this one are not for it, or not yet known to be; no earlier than `seq`. */
  readonly readableSeq: number;
  /** Goes past those records; what may still be before them is lost. Resolves when that is durable. */
  pass(): Promise<void>;
  /** While `work` runs the lane drops nothing under it; between two of them it may, and then the cursor has moved. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

export interface DeliveryLimits {
  readonly batchItems: number;
  /** Of payloads. */
  readonly batchBytes: number;
  /** Longest time that data waits for more to go with it. */
  readonly batchWaitMs: number;
  readonly timeoutMs: number;
  /** What has waited longer is given up instead of being sent. */
  readonly maxAgeMs?: number;
  /** Shared by the signals of an output. */
  readonly pace?: Pace;
  /** Requests under way at once; 1 keeps the order of all records. */
  readonly concurrency: number;
}
