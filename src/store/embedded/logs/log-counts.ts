import { BridgeError } from '../../../contract/errors.ts';
import type { LogQuery, TimeRange } from '../../../contract/store.ts';
import { logLevels } from '../../../model/log.ts';
import type { Slice } from '../slice.ts';
import { type Candidate, candidatesIn, visitLines } from './candidates.ts';
import { LineQuery } from './line-query.ts';
import type { LogPartition } from './log-partition.ts';

/** A chart has no more points than this. */
const maxBuckets = 11_000;

export interface LineCounts {
  readonly startMs: number;
  readonly stepMs: number;
  readonly total: number;
  readonly levels: Readonly<Record<string, readonly number[]>>;
}

/** Lines of each level in each bucket. A block that lies within one bucket, and is meant whole, is not read. */
export async function countLines(
  partitions: readonly LogPartition[],
  { query, stepMs }: { readonly query: LogQuery; readonly stepMs: number },
  slice: Slice,
): Promise<LineCounts> {
  const buckets = new Buckets(query, stepMs);
  const lineQuery = new LineQuery(query);
  for (const partition of partitions) {
    for (const candidate of await candidatesIn(partition, lineQuery, slice)) {
      if (!buckets.addWhole(candidate, lineQuery)) {
        visitLines(candidate, lineQuery, ({ ms, level }) => buckets.add(ms, level, 1));
      }
      if (slice.over) {
        await slice.yield();
      }
    }
  }
  return buckets.counts();
}

class Buckets {
  readonly #startMs: number;
  readonly #stepMs: number;
  readonly #byLevel: readonly Float64Array[];

  constructor({ startMs, endMs }: TimeRange, stepMs: number) {
    const buckets = Math.floor((endMs - startMs) / stepMs) + 1;
    if (!(stepMs >= 1) || !(buckets <= maxBuckets)) {
      throw new BridgeError('BRIDGE_DECODE', `a range of counts has 1 to ${maxBuckets} steps of at least 1 ms`);
    }
    this.#startMs = startMs;
    this.#stepMs = stepMs;
    this.#byLevel = logLevels.map(() => new Float64Array(Math.max(0, buckets)));
  }

  add(ms: number, level: number, lines: number): void {
    const bucket = this.#bucket(ms);
    const counts = this.#byLevel[level];
    if (counts !== undefined) {
      counts[bucket] = (counts[bucket] ?? 0) + lines;
    }
  }

  /** False when the block's lines must be looked at one by one. */
  addWhole({ facts, streams }: Candidate, query: LineQuery): boolean {
    if (!query.takesAll(facts, streams) || this.#bucket(facts.minMs) !== this.#bucket(facts.maxMs)) {
      return false;
    }
    for (const [level, lines] of facts.levels.entries()) {
      if ((query.levelBits & (1 << level)) !== 0) {
        this.add(facts.minMs, level, lines);
      }
    }
    return true;
  }

  counts(): LineCounts {
    const levels = logLevels.flatMap((level, i) => {
      const counts = [...(this.#byLevel[i] ?? [])];
      const total = counts.reduce((sum, lines) => sum + lines, 0);
      return total === 0 ? [] : [{ level, counts, total }];
    });
    return {
      startMs: this.#startMs,
      stepMs: this.#stepMs,
      total: levels.reduce((sum, { total }) => sum + total, 0),
      levels: Object.fromEntries(levels.map(({ level, counts }) => [level, counts])),
    };
  }

  #bucket(ms: number): number {
    return Math.floor((ms - this.#startMs) / this.#stepMs);
  }
}
