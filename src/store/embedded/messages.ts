import type { ErrorCode } from '../../contract/errors.ts';
import type { LaneLoss } from '../../contract/status.ts';
import type { Answer, Question, StoreStatus } from '../../contract/store.ts';
import type { Signal } from '../../model/batch.ts';
import type { HeldPosition } from './position.ts';

/** What the worker is started with. */
export interface StoreSettings {
  /** `<dataDir>/store` */
  readonly dir: string;
  readonly retentionMs: number;
  readonly maxBytes: number;
  /** Keys of tags whose values are offered to those who search for traces. */
  readonly offeredTags?: readonly string[];
  /** What pinned traces may take beside `maxBytes`. */
  readonly pinnedMaxBytes?: number;
  readonly sealBytes?: number;
  readonly sealMs?: number;
}

/** Which lane's records the store reads, and behind which of them it begins. */
export interface Follow {
  readonly signal: Signal;
  /** `<dataDir>/queue/<signal>` */
  readonly dir: string;
  readonly queueId: string;
  readonly afterSeq: number;
  /** The lane's `cumItems` at that record, if known. */
  readonly afterCumItems?: number;
}

/** `Follow`, with the memory of a `Watermark`. */
export interface FollowLane extends Follow {
  readonly watermark: SharedArrayBuffer;
}

export type ToWorker =
  | ({ readonly kind: 'follow' } & FollowLane)
  /** The watermark was raised while the follower rested. */
  | { readonly kind: 'durable'; readonly signal: Signal }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'stop' };

/** How far the store has come with a lane: durable, and found by questions. */
export interface Stored {
  readonly signal: Signal;
  readonly queueId: string;
  readonly seq: number;
  /** The lane's `cumItems` there, if known. */
  readonly cumItems: number | undefined;
  /** Items stored since the last message. */
  readonly items: number;
  /** Items of records that were for another output alone, since the last message. */
  readonly routedAway: number;
}

/** An error as it crosses threads: class and cause stay behind. */
export interface PlainError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

export type FromWorker =
  /** One entry for each signal that the store takes. */
  | { readonly kind: 'opened'; readonly positions: readonly (readonly [Signal, HeldPosition | undefined])[] }
  | ({ readonly kind: 'stored' } & Stored)
  | { readonly kind: 'lost'; readonly signal: Signal; readonly losses: readonly LaneLoss[] }
  /** Until so many bytes are free; `stored` ends it. */
  | { readonly kind: 'waits'; readonly signal: Signal; readonly wantedBytes: number }
  | { readonly kind: 'status'; readonly status: StoreStatus }
  | ({ readonly kind: 'answer'; readonly id: number } & Answer)
  | { readonly kind: 'refused'; readonly id: number; readonly error: PlainError }
  | { readonly kind: 'died'; readonly error: PlainError };
