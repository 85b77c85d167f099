import type { Signal } from '../model/batch.ts';
import type { WriteRequest } from './output.ts';
import type { Health } from './runtime.ts';

/** Where delivery must go on: the last record of the lane that the store holds. */
export interface StorePosition {
  readonly queueId: string;
  readonly seq: number;
}

/** Zipkin's search (GET /api/v2/traces), parsed and checked. Durations are µs, times ms. */
export interface TraceQuery {
  readonly serviceName?: string;
  readonly remoteServiceName?: string;
  readonly spanName?: string;
  /** Every condition must hold. Without a value: a tag key or an annotation's value. */
  readonly annotations: readonly { readonly key: string; readonly value?: string }[];
  readonly minDurationMicros?: number;
  readonly maxDurationMicros?: number;
  readonly endTsMs: number;
  readonly lookbackMs: number;
  readonly limit: number;
}

/** Small objects in, finished response bytes out: nothing is copied field by field between threads. */
export type Question =
  | { readonly kind: 'zipkin.services' }
  | { readonly kind: 'zipkin.spans'; readonly serviceName: string }
  | { readonly kind: 'zipkin.remoteServices'; readonly serviceName: string }
  | { readonly kind: 'zipkin.traces'; readonly query: TraceQuery }
  /** `traceId` is 1 to 32 hex digits; matches on the padded form. */
  | { readonly kind: 'zipkin.trace'; readonly traceId: string }
  | { readonly kind: 'zipkin.traceMany'; readonly traceIds: readonly string[] }
  | { readonly kind: 'zipkin.dependencies'; readonly endTsMs: number; readonly lookbackMs: number }
  | { readonly kind: 'zipkin.autocompleteKeys' }
  | { readonly kind: 'zipkin.autocompleteValues'; readonly key: string }
  | { readonly kind: 'store.status' };

export interface Answer {
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Rows, traces or names in the body; 0 lets a route answer 404. */
  readonly count: number;
}

/** What the api sees of a store. */
export interface StoreReader {
  /** Rejects with the signal's reason when it is aborted; a question that the store does not know rejects with BRIDGE_NOT_FOUND. */
  ask(question: Question, signal?: AbortSignal): Promise<Answer>;
}

export interface PartitionStatus {
  readonly signal: Signal;
  readonly startMs: number;
  readonly sealed: boolean;
  readonly bytes: number;
  readonly items: number;
}

/** Bytes or blocks that could not be read, by place. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
}

export interface StoreStatus {
  readonly partitions: readonly PartitionStatus[];
  readonly damage: readonly Damage[];
  readonly bytes: number;
}

/** One writer, one thread. */
export interface Store extends StoreReader {
  open(): Promise<void>;
  /**
   * All or nothing; resolves when a read finds it and it is durable. A request that begins at or before `position` of the
   * same queue id is stored from the first new record on, so that a repeat leaves one copy.
   */
  commit(request: WriteRequest): Promise<void>;
  position(signal: Signal): Promise<StorePosition | undefined>;
  /** Unlinks what is past age or size; resolves with the bytes freed. */
  expire(): Promise<number>;
  status(): Promise<StoreStatus>;
  check(): Promise<Health>;
  close(): Promise<void>;
}
