import type { z } from 'zod';
import type { QueueRecord, Signal } from '../model/batch.ts';
import type { LogBlock } from '../model/log.ts';
import type { MetricFrame } from '../model/metric.ts';
import type { RumPoint } from '../model/rum.ts';
import type { Span } from '../model/span.ts';
import type { Looked } from './looked.ts';
import type { RetryCause } from './retry-cause.ts';
import type { Health, Runtime } from './runtime.ts';

export type { RetryCause } from './retry-cause.ts';

/** Consecutive records of one lane, for one attempt. */
export interface WriteRequest {
  readonly signal: Signal;
  readonly records: readonly QueueRecord[];
  readonly items: number;
  /** `<queue id>:<first seq>-<last seq>`: the same on every attempt, so that the far side may drop repeats. */
  readonly id: string;
  /**
   * Earlier queue ids of the lane, oldest first, and the last record of each that is still there under its seq: what the far
   * side has of those it need not take again.
   */
  readonly ancestors?: readonly { readonly queueId: string; readonly seq: number }[];
}

export type WriteResult =
  | { readonly status: 'delivered' }
  /** Try the same request again, not before `afterMs` if that is given. `cause` is counted; without it `failed` is. */
  | { readonly status: 'retry'; readonly reason: string; readonly afterMs?: number; readonly cause?: RetryCause }
  /** Too large, or one of several records spoils it: try halves. A single record goes to the dead letters. */
  | { readonly status: 'split'; readonly reason: string }
  /** The far side took all but `rejected` items, and will not take those. */
  | { readonly status: 'partial'; readonly rejected: number; readonly reason: string }
  /** Final for the whole request. */
  | { readonly status: 'rejected'; readonly reason: string };

export interface Output {
  /** Opens nothing that may fail because the far side is away. */
  start(): Promise<void>;
  /**
   * Makes one attempt and reports what the far side said. Delivery owns batching, order, retries and back-off, so this
   * neither loops nor sleeps. With `concurrency` above 1 it is called again before the last call has ended. Rejects only with the reason of an aborted `signal`, or for a bug in the output itself.
   */
  write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult>;
  /** Would a write be likely to succeed now? Does nothing that a write does not do. */
  check(): Promise<Health>;
  /** May be called without `start`, and more than once. */
  stop(): Promise<void>;
}

/** The one decoder of records. Applies the header's tag edits. Outputs of one lane share its work on a record. Throws BRIDGE_DECODE. */
export interface RecordDecoder {
  spans(record: QueueRecord): readonly Span[];
  frame(record: QueueRecord): MetricFrame;
  lines(record: QueueRecord): LogBlock;
  points(record: QueueRecord): readonly RumPoint[];
}

export interface OutputRuntime extends Runtime {
  /** Key of cursors and metrics; default: the type. */
  readonly name: string;
  /** Of the node that this process runs on. */
  readonly node?: string;
  readonly decode: RecordDecoder;
}

export interface OutputDefinition<C extends z.ZodObject = z.ZodObject> {
  readonly type: string;
  readonly summary: string;
  /** What it can take. `signals` of the configuration may only narrow it. */
  readonly signals: readonly Signal[];
  /** Its own keys; the keys of every output (`config/delivery-fields.ts`) are merged in by the loader. */
  readonly config: C;
  /** The far side counts on the order of all records: one request of a signal at a time, whatever `concurrency` says. */
  readonly inOrder?: true;
  /** Defaults of the common keys that differ for this output, as the schema's input. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** For what only the configuration names: looks at it whenever a configuration is read, and may do I/O. Never rejects. */
  look?(config: z.output<C>): Promise<Looked<OutputDefinition>>;
  /** Must not do I/O. */
  create(config: z.output<C>, runtime: OutputRuntime): Output;
}

export function defineOutput<C extends z.ZodObject>(definition: OutputDefinition<C>): OutputDefinition<C> {
  return definition;
}
