import type { Slice } from '../../slice.ts';
import type { BlockView } from '../block-view.ts';
import { FragmentTable } from '../fragment-table.ts';
import { traceKeyOfHex } from '../hash.ts';
import { type LinkSpan, linkSpanOf } from '../link-span.ts';
import type { Partition } from '../partition.ts';
import type { TimeBounds, TraceSource } from '../trace-reader.ts';
import { within } from '../trace-test.ts';
import { beginOf, LinkCounts } from './link-counts.ts';
import type { MinuteRow } from './minute-row.ts';
import { SpanCounts } from './span-counts.ts';
import { SpanFacts } from './span-facts.ts';
import { TagValues } from './tag-values.ts';

/** Spans of one trace are looked for in partitions that have spans within this much of each other. */
const reachMicros = 10 * 60 * 1_000_000;

export interface BlockPlace {
  readonly partition: Partition;
  readonly block: number;
}

export interface Folded {
  readonly row: MinuteRow;
  /** Earlier minutes whose traces have spans that came in this one. */
  readonly earlier: readonly number[];
}

export interface FoldOptions {
  readonly minute: number;
  readonly slice: Slice;
  /** Only traces that began within count for links; absent: all. */
  readonly range?: TimeBounds;
}

/** The blocks whose spans came in that minute, in order of arrival. */
export function blocksOfMinute(source: TraceSource, minute: number): BlockPlace[] {
  return source.partitions.flatMap((partition) =>
    partition.gone ? [] : partition.arrivals.blocksOf(minute).map((block) => ({ partition, block })),
  );
}

/** The row of one minute, worked out from the spans themselves. Nothing else has a say in it. */
export function foldMinute(source: TraceSource, options: FoldOptions): Promise<Folded> {
  return new MinuteFold(source, options).run();
}

/**
 * Two passes over the blocks of the minute: the first notes from the headers which block is a trace's last, the second reads the
 * spans and links each trace as soon as it is whole, so that few are in memory at once. Spans of 64-bit and 128-bit ids meet by
 * the lower half, so that a trace of mixed widths counts once. A trace is counted by the minute in which its first span came.
 */
class MinuteFold {
  readonly #source: TraceSource;
  readonly #minute: number;
  readonly #slice: Slice;
  readonly #range: TimeBounds | undefined;
  readonly #lastBlocks = new FragmentTable();
  /** By the lower half of the id; undefined: an earlier minute's. */
  readonly #open = new Map<string, LinkSpan[] | undefined>();
  /** Blocks of later minutes with spans of a trace. */
  readonly #later = new Map<string, readonly BlockPlace[]>();
  readonly #earlier = new Set<number>();
  readonly #counts: SpanCounts;
  readonly #links = new LinkCounts();
  readonly #tags: TagValues;

  constructor(source: TraceSource, { minute, slice, range }: FoldOptions) {
    this.#source = source;
    this.#minute = minute;
    this.#slice = slice;
    this.#range = range;
    this.#counts = new SpanCounts(minute);
    this.#tags = new TagValues(source.offeredTags);
  }

  async run(): Promise<Folded> {
    const places = blocksOfMinute(this.#source, this.#minute);
    for (const [ordinal, { partition, block }] of places.entries()) {
      this.#lastBlocks.add(partition.header(block)?.traceKeys ?? new Uint32Array(), ordinal);
      await this.#pause();
    }
    let spans = 0;
    for (const [ordinal, { partition, block }] of places.entries()) {
      const view = partition.view(block);
      if (view !== undefined) {
        spans += view.spans;
        this.#take(view);
        await this.#closeTraces(view, ordinal);
      }
      await this.#pause();
    }
    for (const lowerId of [...this.#open.keys()]) {
      this.#close(lowerId);
    }
    return { row: this.#row(places.length, spans), earlier: [...this.#earlier] };
  }

  #row(blocks: number, spans: number): MinuteRow {
    return {
      minute: this.#minute,
      blocks,
      spans,
      links: this.#links.links(),
      begins: this.#links.begins(),
      operations: this.#counts.operations(),
      workloads: this.#counts.workloads(),
      tags: this.#tags.entries(),
    };
  }

  async #pause(): Promise<void> {
    if (this.#slice.over) {
      await this.#slice.yield();
    }
  }

  #take(view: BlockView): void {
    const facts = new SpanFacts(view);
    this.#counts.add(view, facts);
    this.#tags.add(view);
    const spansOf: (LinkSpan[] | undefined)[] = [];
    for (let trace = 0; trace < view.traces; trace++) {
      spansOf[trace] = this.#spansOf(view, trace);
    }
    for (let index = 0; index < view.spans; index++) {
      spansOf[view.traceOf[index] ?? 0]?.push(linkSpanOf(view, index, facts.errors));
    }
  }

  /** Where the spans of a trace are gathered; undefined where an earlier minute does that. */
  #spansOf(view: BlockView, trace: number): LinkSpan[] | undefined {
    const lowerId = lowerIdOf(view, trace);
    if (this.#open.has(lowerId)) {
      return this.#open.get(lowerId);
    }
    const elsewhere = this.#elsewhere(view, trace, lowerId);
    const minutes = elsewhere.map(({ partition, block }) => partition.arrivals.minuteOfBlock(block));
    const first = minutes.reduce((least, minute) => Math.min(least, minute), this.#minute);
    const spans = first < this.#minute ? undefined : [];
    if (spans === undefined) {
      this.#earlier.add(first);
    } else if (elsewhere.length > 0) {
      this.#later.set(lowerId, elsewhere);
    }
    this.#open.set(lowerId, spans);
    return spans;
  }

  /** Blocks of other minutes with spans of that trace. */
  #elsewhere(view: BlockView, trace: number, lowerId: string): BlockPlace[] {
    const key = traceKeyOfHex(lowerId);
    const { minMicros, maxMicros } = boundsOfTrace(view, trace);
    const places: BlockPlace[] = [];
    for (const partition of this.#source.partitions) {
      if (
        partition.arrivals.isOnlyOf(this.#minute) ||
        partition.maxMicros < minMicros - reachMicros ||
        partition.minMicros > maxMicros + reachMicros
      ) {
        continue;
      }
      for (const block of partition.blocksOf(key)) {
        if (partition.arrivals.minuteOfBlock(block) !== this.#minute) {
          places.push({ partition, block });
        }
      }
    }
    return places;
  }

  async #closeTraces(view: BlockView, ordinal: number): Promise<void> {
    for (let trace = 0; trace < view.traces; trace++) {
      const lowerId = lowerIdOf(view, trace);
      if (this.#open.has(lowerId) && this.#lastBlocks.lastBlockOf(traceKeyOfHex(lowerId)) === ordinal) {
        this.#close(lowerId);
        await this.#pause();
      }
    }
  }

  #close(lowerId: string): void {
    const spans = this.#open.get(lowerId);
    this.#open.delete(lowerId);
    if (spans === undefined) {
      return;
    }
    for (const { partition, block } of this.#later.get(lowerId) ?? []) {
      const view = this.#source.blocks.view(partition, block);
      spans.push(...(view === undefined ? [] : linkSpansIn(view, lowerId)));
    }
    this.#later.delete(lowerId);
    const range = this.#range;
    if (range === undefined || within(beginOf(spans) ?? Number.NaN, range)) {
      this.#links.add(spans);
    }
  }
}

function lowerIdOf(view: BlockView, trace: number): string {
  return view.paddedTraceId(trace).slice(16);
}

/** Of a trace without times: all of time. */
function boundsOfTrace(view: BlockView, trace: number): TimeBounds {
  let minMicros = Number.POSITIVE_INFINITY;
  let maxMicros = Number.NEGATIVE_INFINITY;
  for (let index = view.traceOf.indexOf(trace); index >= 0; index = view.traceOf.indexOf(trace, index + 1)) {
    const at = view.timestamp[index] ?? Number.NaN;
    if (!Number.isNaN(at)) {
      minMicros = Math.min(minMicros, at);
      maxMicros = Math.max(maxMicros, at);
    }
  }
  return minMicros > maxMicros
    ? { minMicros: Number.NEGATIVE_INFINITY, maxMicros: Number.POSITIVE_INFINITY }
    : { minMicros, maxMicros };
}

function linkSpansIn(view: BlockView, lowerId: string): LinkSpan[] {
  const { errors } = new SpanFacts(view);
  const spans: LinkSpan[] = [];
  for (let index = 0; index < view.spans; index++) {
    if (lowerIdOf(view, view.traceOf[index] ?? 0) === lowerId) {
      spans.push(linkSpanOf(view, index, errors));
    }
  }
  return spans;
}
