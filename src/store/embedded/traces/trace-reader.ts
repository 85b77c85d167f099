import { paddedTraceId, type Span } from '../../../model/span.ts';
import type { BlockCache } from './block-cache.ts';
import type { BlockView } from './block-view.ts';
import { traceKeyOfHex } from './hash.ts';
import type { Partition } from './partition.ts';
import type { PinnedTraces } from './pinned-traces.ts';
import { spanJson } from './span-json.ts';

/** A span where it stands. */
export interface SpanPlace {
  readonly view: BlockView;
  readonly index: number;
}

/** Event times in µs outside of which nobody looks. */
export interface TimeBounds {
  readonly minMicros: number;
  readonly maxMicros: number;
}

export interface TraceSource {
  readonly partitions: readonly Partition[];
  readonly blocks: BlockCache;
  /** Keys of tags whose values are offered to those who search. */
  readonly offeredTags: readonly string[];
  readonly pins: PinnedTraces;
}

/** Every span of the trace, pinned ones too, in order of arrival. `traceId` has 1 to 32 hex digits and is compared in its padded form. */
export function readTrace(source: TraceSource, traceId: string, bounds?: TimeBounds): SpanPlace[] {
  const padded = paddedTraceId(traceId);
  const key = traceKeyOfHex(padded);
  const places: SpanPlace[] = [];
  for (const partition of source.partitions) {
    if (bounds !== undefined && (partition.maxMicros < bounds.minMicros || partition.minMicros > bounds.maxMicros)) {
      continue;
    }
    for (const block of partition.blocksOf(key)) {
      const view = source.blocks.view(partition, block);
      if (view !== undefined) {
        collect(view, padded, places);
      }
    }
  }
  return bounds === undefined ? withPinned(places, source.pins.view(padded)) : places;
}

/** What is kept besides, each span once. */
function withPinned(places: SpanPlace[], pinned: BlockView | undefined): SpanPlace[] {
  if (pinned === undefined) {
    return places;
  }
  const known = new Set(places.map(({ view, index }) => spanJson(view.span(index))));
  for (let index = 0; index < pinned.spans; index++) {
    if (!known.has(spanJson(pinned.span(index)))) {
      places.push({ view: pinned, index });
    }
  }
  return places;
}

/** Exact repeats of a fragment once. */
export function spansOf(places: readonly SpanPlace[]): Span[] {
  const spans = new Map<string, Span>();
  for (const { view, index } of places) {
    const span = view.span(index);
    spans.set(spanJson(span), span);
  }
  return [...spans.values()];
}

function collect(view: BlockView, padded: string, places: SpanPlace[]): void {
  for (let trace = 0; trace < view.traces; trace++) {
    if (view.paddedTraceId(trace) === padded) {
      for (let index = view.traceOf.indexOf(trace); index >= 0; index = view.traceOf.indexOf(trace, index + 1)) {
        places.push({ view, index });
      }
    }
  }
}

/** The trace as the Zipkin API answers it: its fragments as they came, exact repeats once. */
export function traceJson(places: readonly SpanPlace[]): string {
  const spans = new Set(places.map(({ view, index }) => spanJson(view.span(index))));
  return `[${[...spans].join(',')}]`;
}
