import type { Endpoint, SpanKind } from '../../../model/span.ts';
import type { BlockView } from './block-view.ts';

/** What the linker needs of a span, or of several parts of one. */
export interface LinkSpan {
  readonly id: string;
  readonly parentId?: string | undefined;
  readonly kind?: SpanKind | undefined;
  readonly shared: boolean;
  /** µs; 0 where there is none. */
  readonly timestamp: number;
  /** µs; NaN where there is none. */
  readonly duration: number;
  readonly local?: Endpoint | undefined;
  readonly remote?: Endpoint | undefined;
  /** Has the tag `error`, whatever its value. */
  readonly error: boolean;
}

/** Which pairs of a block have the key `error`. */
export function errorPairs(view: BlockView): Uint8Array {
  const errors = new Uint8Array(view.pairs);
  for (let pair = 0; pair < view.pairs; pair++) {
    errors[pair] = view.string(view.pairKey[pair] ?? 0) === 'error' ? 1 : 0;
  }
  return errors;
}

export function linkSpanOf(view: BlockView, index: number, errors: Uint8Array): LinkSpan {
  let error = false;
  for (let at = view.tagBegin[index] ?? 0; at < (view.tagBegin[index + 1] ?? 0); at++) {
    error ||= errors[view.tagPair[at] ?? 0] === 1;
  }
  const timestamp = view.timestamp[index] ?? Number.NaN;
  return {
    id: view.spanId(index),
    parentId: view.parentId(index),
    kind: view.kind(index),
    shared: view.shared(index),
    timestamp: Number.isNaN(timestamp) ? 0 : timestamp,
    duration: view.duration[index] ?? Number.NaN,
    local: view.endpoint(view.local[index]),
    remote: view.endpoint(view.remote[index]),
    error,
  };
}
