import type { TraceQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import type { BlockView } from './block-view.ts';
import { type Condition, conditionsOf, type TableNames } from './conditions.ts';
import { NewestTraces } from './newest-traces.ts';
import type { Partition } from './partition.ts';
import { readTrace, type TimeBounds, type TraceSource } from './trace-reader.ts';
import { TraceTest, traceMicros, within } from './trace-test.ts';

/** Clocks of one mesh differ by less: a root may seem to begin this much after its children. */
const skewMicros = 1_000_000;
/** How long after the end of the range a span is looked for that makes a trace of the range match. */
const longTraceMicros = 5 * 60 * 1_000_000;
/** Spans of one trace are looked for in partitions that have spans within this much of each other. */
const traceReachMicros = 3_600 * 1_000_000;
const sampledBlocks = 64;

interface CandidateBlock {
  readonly partition: Partition;
  readonly block: number;
  readonly maxMicros: number;
}

/** Ids (padded) of the traces that the search finds, newest first. */
export async function searchTraces(source: TraceSource, query: TraceQuery, slice: Slice): Promise<string[]> {
  return new Search(source, query, slice).run();
}

/**
 * Walks the blocks that may hold the rarest condition from the newest to the oldest, reads each trace that holds it there,
 * and puts the whole query to it. It ends when no trace of the blocks that are left can be newer than those found.
 */
class Search {
  readonly #source: TraceSource;
  readonly #slice: Slice;
  readonly #range: TimeBounds;
  readonly #conditions: readonly Condition[];
  readonly #test: TraceTest;
  readonly #found: NewestTraces;
  readonly #seen = new Set<string>();
  readonly #names = new Map<Partition, TableNames>();

  constructor(source: TraceSource, query: TraceQuery, slice: Slice) {
    this.#source = source;
    this.#slice = slice;
    this.#range = { minMicros: (query.endTsMs - query.lookbackMs) * 1000, maxMicros: query.endTsMs * 1000 };
    this.#conditions = conditionsOf(query);
    this.#test = new TraceTest(this.#conditions);
    this.#found = new NewestTraces(query.limit);
  }

  async run(): Promise<string[]> {
    const blocks = await this.#blocksOfRange();
    const rarest = await this.#rarest(blocks);
    for (const candidate of blocks) {
      if (this.#found.isPast(candidate.maxMicros + skewMicros)) {
        break;
      }
      if (this.#mayHold(rarest, candidate)) {
        await this.#searchBlock(candidate, rarest);
      }
      await this.#pause();
    }
    return this.#found.ids();
  }

  async #pause(): Promise<void> {
    if (this.#slice.over) {
      await this.#slice.yield();
    }
  }

  /** Newest first. */
  async #blocksOfRange(): Promise<CandidateBlock[]> {
    const from = this.#range.minMicros - skewMicros;
    const to = this.#range.maxMicros + longTraceMicros;
    const blocks: CandidateBlock[] = [];
    for (const partition of this.#source.partitions) {
      if (partition.gone || partition.maxMicros < from || partition.minMicros > to) {
        continue;
      }
      const { table } = this.#namesOf(partition);
      for (let block = 0; block < table.length; block++) {
        const maxMicros = table.maxMicros(block);
        if (maxMicros >= from && table.minMicros(block) <= to && this.#mayMatchTables(partition, block)) {
          blocks.push({ partition, block, maxMicros });
        }
      }
      await this.#pause();
    }
    return blocks.sort((a, b) => b.maxMicros - a.maxMicros);
  }

  #mayMatchTables(partition: Partition, block: number): boolean {
    const names = this.#namesOf(partition);
    return this.#conditions.some((condition) => condition.mayHold(names, block));
  }

  /** Index of the condition to walk by: the one that fewest of some blocks may hold. */
  async #rarest(blocks: readonly CandidateBlock[]): Promise<number> {
    const step = Math.max(1, Math.floor(blocks.length / sampledBlocks));
    const sample = blocks.filter((_, index) => index % step === 0);
    let rarest = 0;
    let fewest = Number.POSITIVE_INFINITY;
    for (const [index, { rank }] of this.#conditions.entries()) {
      const hits = this.#conditions.length === 1 ? 0 : sample.filter((block) => this.#mayHold(index, block)).length;
      const weight = hits + rank / 10;
      rarest = weight < fewest ? index : rarest;
      fewest = Math.min(weight, fewest);
      await this.#pause();
    }
    return rarest;
  }

  #mayHold(condition: number, { partition, block }: CandidateBlock): boolean {
    const one = this.#conditions[condition];
    if (one === undefined || !one.mayHold(this.#namesOf(partition), block)) {
      return false;
    }
    const header = one.usesBloom ? partition.header(block) : undefined;
    return header === undefined || one.mayHoldBloom(header.bloom);
  }

  async #searchBlock({ partition, block }: CandidateBlock, rarest: number): Promise<void> {
    const view = this.#source.blocks.view(partition, block);
    if (view === undefined) {
      return;
    }
    for (const { traceId, micros } of this.#tracesIn(view, rarest)) {
      if (this.#found.isPast(micros + skewMicros)) {
        return;
      }
      if (!this.#seen.has(traceId)) {
        this.#seen.add(traceId);
        this.#searchTrace(traceId, micros);
      }
      await this.#pause();
    }
  }

  /** Traces with a span that holds the condition, by the time of the latest such span, newest first. */
  #tracesIn(view: BlockView, condition: number): { traceId: string; micros: number }[] {
    const holds = this.#test.holdsOn(view, condition);
    const latest = new Map<number, number>();
    for (let index = 0; index < view.spans; index++) {
      if (holds(index)) {
        const trace = view.traceOf[index] ?? 0;
        const at = view.timestamp[index] ?? Number.NaN;
        // A span without a time may belong to any.
        latest.set(trace, Math.max(latest.get(trace) ?? 0, Number.isNaN(at) ? Number.MAX_VALUE : at));
      }
    }
    const traces = [...latest].map(([trace, micros]) => ({ traceId: view.paddedTraceId(trace), micros }));
    return traces.sort((a, b) => b.micros - a.micros);
  }

  #searchTrace(traceId: string, nearMicros: number): void {
    const near = nearMicros === Number.MAX_VALUE ? undefined : nearMicros;
    const reach =
      near === undefined ? undefined : { minMicros: near - traceReachMicros, maxMicros: near + traceReachMicros };
    const places = readTrace(this.#source, traceId, reach);
    const micros = traceMicros(places);
    if (micros !== undefined && within(micros, this.#range) && this.#test.holds(places)) {
      this.#found.add(traceId, micros);
    }
  }

  #namesOf(partition: Partition): TableNames {
    const known = this.#names.get(partition);
    if (known !== undefined) {
      return known;
    }
    const names = { table: partition.table(), book: partition.names() };
    this.#names.set(partition, names);
    return names;
  }
}
