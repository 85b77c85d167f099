import { executionError } from '../../../promql/errors.ts';
import { type Labels, labelKey } from '../../../promql/labels.ts';
import type { Matcher, SampleSource, Samples } from '../../../promql/source.ts';
import type { Slice } from '../slice.ts';
import type { Chunk } from './chunk.ts';
import { SamplePool } from './chunk-reader.ts';
import type { MetricPartition, OpenBlocks } from './partition.ts';
import { readSamples } from './samples.ts';
import { matchingSeries } from './series-match.ts';

/** What one question may read: 16 bytes each while it is worked on. */
export const maxSamples = 10_000_000;
/** Blocks that one question keeps inflated. */
const openBlocks = 256;

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

interface Place {
  readonly partition: MetricPartition;
  readonly series: number;
}

/** One series, and where it has samples: partitions by age. */
interface Found {
  readonly labels: Labels;
  readonly places: Place[];
}

/** Gives the evaluator the samples of the partitions, oldest first. */
export class StoreSource implements SampleSource {
  readonly #partitions: readonly MetricPartition[];
  readonly #slice: Slice;

  constructor(partitions: readonly MetricPartition[], slice: Slice) {
    this.#partitions = partitions;
    this.#slice = slice;
  }

  async select(matchers: readonly Matcher[], startMs: number, endMs: number): Promise<readonly Samples[]> {
    const range = { startMs, endMs };
    const open: OpenBlocks = new Map();
    const pool = new SamplePool();
    const answer: Samples[] = [];
    let samples = 0;
    for (const found of await this.#find(matchers, range)) {
      // All chunks of a series at once: nothing is cut or sealed meanwhile.
      const chunks = chunksOf(found, range, open);
      samples += chunks.reduce((sum, { count }) => sum + count, 0);
      if (samples > maxSamples) {
        throw executionError(`the query would read more than ${maxSamples} samples; ask for less at once`);
      }
      const read = readSamples(chunks, range, pool);
      if (read.timesMs.length > 0) {
        answer.push({ labels: found.labels, ...read });
      }
      if (open.size > openBlocks) {
        open.clear();
      }
      if (this.#slice.over) {
        await this.#slice.yield();
      }
    }
    return answer;
  }

  /** The series that every matcher matches and that may have samples in the range. */
  async #find(matchers: readonly Matcher[], range: Range): Promise<readonly Found[]> {
    const within = this.#partitions.filter(({ minMs, maxMs }) => minMs <= range.endMs && maxMs >= range.startMs);
    const found: Found[] = [];
    const byLabels = within.length > 1 ? new Map<string, Found>() : undefined;
    for (const partition of within) {
      await partition.load(this.#slice);
      const table = partition.table();
      for (const series of await matchingSeries(table, matchers, this.#slice)) {
        if (partition.reaches(series, range)) {
          addPlace(found, byLabels, table.labels(series), { partition, series });
        }
        if (this.#slice.over) {
          await this.#slice.yield();
        }
      }
    }
    return found;
  }
}

/** `byLabels` finds those of other partitions; absent: there are none. */
function addPlace(found: Found[], byLabels: Map<string, Found> | undefined, labels: Labels, place: Place): void {
  const key = byLabels === undefined ? '' : labelKey(labels);
  const known = byLabels?.get(key);
  if (known !== undefined) {
    known.places.push(place);
    return;
  }
  const fresh = { labels, places: [place] };
  found.push(fresh);
  byLabels?.set(key, fresh);
}

function chunksOf({ places }: Found, range: Range, open: OpenBlocks): readonly Chunk[] {
  return places.flatMap(({ partition, series }) => partition.chunks(series, range, open));
}
