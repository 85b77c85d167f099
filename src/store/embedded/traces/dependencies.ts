import type { Slice } from '../slice.ts';
import type { BlockView } from './block-view.ts';
import { type DependencyLink, DependencyLinker } from './dependency-linker.ts';
import { FragmentTable } from './fragment-table.ts';
import { traceKeyOfHex } from './hash.ts';
import { errorPairs, type LinkSpan, linkSpanOf } from './link-span.ts';
import type { Partition } from './partition.ts';
import type { TimeBounds, TraceSource } from './trace-reader.ts';
import { within } from './trace-test.ts';

/** Spans of a trace of the range may stand this much outside of it. */
const reachMicros = 5 * 60 * 1_000_000;

interface BlockPlace {
  readonly partition: Partition;
  readonly block: number;
}

/** Links of the traces that began in the range, both ends included. */
export function dependencyLinks(source: TraceSource, range: TimeBounds, slice: Slice): Promise<DependencyLink[]> {
  return new LinkRun(range, slice).run(source);
}

/**
 * Two passes over the blocks in order of arrival: the first notes from the headers which block is a trace's last, the second
 * reads the spans and links each trace as soon as it is whole, so that few are in memory at once. Spans of 64-bit and
 * 128-bit ids meet by the lower half, so that a trace of mixed widths counts once.
 */
class LinkRun {
  readonly #range: TimeBounds;
  readonly #slice: Slice;
  readonly #lastBlocks = new FragmentTable();
  readonly #open = new Map<string, LinkSpan[]>();
  readonly #linker = new DependencyLinker();

  constructor(range: TimeBounds, slice: Slice) {
    this.#range = range;
    this.#slice = slice;
  }

  async run(source: TraceSource): Promise<DependencyLink[]> {
    const places = source.partitions.flatMap((partition) => this.#blocksOf(partition));
    for (const [ordinal, { partition, block }] of places.entries()) {
      this.#lastBlocks.add(partition.header(block)?.traceKeys ?? new Uint32Array(), ordinal);
      await this.#pause();
    }
    for (const [ordinal, { partition, block }] of places.entries()) {
      const view = partition.view(block);
      if (view !== undefined) {
        this.#take(view);
        this.#closeTraces(view, ordinal);
      }
      await this.#pause();
    }
    for (const lowerId of [...this.#open.keys()]) {
      this.#close(lowerId);
    }
    return this.#linker.links();
  }

  async #pause(): Promise<void> {
    if (this.#slice.over) {
      await this.#slice.yield();
    }
  }

  #blocksOf(partition: Partition): BlockPlace[] {
    const from = this.#range.minMicros - reachMicros;
    const to = this.#range.maxMicros + reachMicros;
    if (partition.gone || partition.maxMicros < from || partition.minMicros > to) {
      return [];
    }
    const table = partition.table();
    const places: BlockPlace[] = [];
    for (let block = 0; block < table.length; block++) {
      if (table.maxMicros(block) >= from && table.minMicros(block) <= to) {
        places.push({ partition, block });
      }
    }
    return places;
  }

  #take(view: BlockView): void {
    const errors = errorPairs(view);
    for (let index = 0; index < view.spans; index++) {
      const lowerId = lowerIdOf(view, view.traceOf[index] ?? 0);
      const spans = this.#open.get(lowerId);
      const span = linkSpanOf(view, index, errors);
      if (spans === undefined) {
        this.#open.set(lowerId, [span]);
      } else {
        spans.push(span);
      }
    }
  }

  #closeTraces(view: BlockView, ordinal: number): void {
    for (let trace = 0; trace < view.traces; trace++) {
      const lowerId = lowerIdOf(view, trace);
      if (this.#lastBlocks.lastBlockOf(traceKeyOfHex(lowerId)) === ordinal) {
        this.#close(lowerId);
      }
    }
  }

  #close(lowerId: string): void {
    const spans = this.#open.get(lowerId) ?? [];
    this.#open.delete(lowerId);
    const micros = beginOf(spans);
    if (micros !== undefined && within(micros, this.#range)) {
      this.#linker.add(spans);
    }
  }
}

function lowerIdOf(view: BlockView, trace: number): string {
  return view.paddedTraceId(trace).slice(16);
}

/** The root's timestamp, else the smallest. */
function beginOf(spans: readonly LinkSpan[]): number | undefined {
  const timed = spans.filter(({ timestamp }) => timestamp > 0);
  const root = timed.find(({ parentId }) => parentId === undefined);
  return root?.timestamp ?? timed.map(({ timestamp }) => timestamp).sort((a, b) => a - b)[0];
}
