import type { z } from 'zod';
import type { Batch, Origin, Position, QueueRecord, Signal } from '../model/batch.ts';
import type { Input, InputRuntime } from './input.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from './output.ts';

/** A sample, span, log line or RUM point, in the shape that the `file` output writes: plain JSON (docs/extending.md). */
export type PlainItem = Readonly<Record<string, unknown>> & { readonly signal: Signal };

export interface UserOutputRuntime extends OutputRuntime {
  /** What is in a record. `decode` gives the same in the shapes of src/model, which costs less. Throws BRIDGE_DECODE. */
  items(record: QueueRecord): readonly PlainItem[];
  /**
   * One attempt over HTTP: hands all items of the request to `send`, and says what its answer means, as every output of
   * meshbridge does: `Retry-After`, 4xx for halves, no answer for later.
   */
  attempt(
    request: WriteRequest,
    signal: AbortSignal,
    send: (items: readonly PlainItem[]) => Promise<Response>,
  ): Promise<WriteResult>;
}

/** An output as somebody's own module exports it under the name `output`: this, or a function that takes `{ z }` and returns it. */
export interface UserOutput<C extends z.ZodObject = z.ZodObject> {
  /** What it can take; default: everything. */
  readonly signals?: readonly Signal[];
  /** Of the table `config`; without it any table is taken. */
  readonly config?: C;
  create(config: z.output<C>, runtime: UserOutputRuntime): Pick<Output, 'write'> & Partial<Output>;
}

export interface UserInputRuntime extends InputRuntime {
  /** As `emit`, for items of one signal. Rejects with BRIDGE_DECODE, which names the item, when one is not what its signal says. */
  emitItems(items: readonly object[], from?: { readonly origin?: Origin; readonly position?: Position }): Promise<void>;
  /** The batch that `emitItems` would emit. */
  batchOf(items: readonly object[], origin?: Origin): Batch;
}

/** An input as somebody's own module exports it under the name `input`: this, or a function that takes `{ z }` and returns it. */
export interface UserInput<C extends z.ZodObject = z.ZodObject> {
  /** What it may give; default: everything. */
  readonly signals?: readonly Signal[];
  readonly config?: C;
  create(config: z.output<C>, runtime: UserInputRuntime): Pick<Input, 'start'> & Partial<Input>;
}
