import { BridgeError } from '../../../contract/errors.ts';
import type { LogQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import { type Arrival, arrivalText, compareArrivals, parseArrival } from './arrival.ts';
import { type Candidate, candidatesIn, visitLines } from './candidates.ts';
import { FirstLines, type FoundLine, type LinePlace } from './found-lines.ts';
import { LineQuery } from './line-query.ts';
import type { LogPartition } from './log-partition.ts';

export interface TailResult {
  readonly lines: readonly FoundLine[];
  readonly next: string;
}

const firstArrived = (a: LinePlace, b: LinePlace): number => compareArrivals(a.arrival, b.arrival);

/** What arrived after `after`, the first to arrive first; without it, only where a tail begins now. */
export async function tailLines(
  partitions: readonly LogPartition[],
  { query, limit, after }: { readonly query: LogQuery; readonly limit: number; readonly after?: string },
  slice: Slice,
): Promise<TailResult> {
  const newest = newestArrival(partitions);
  const begin = after === undefined ? undefined : parseArrival(after);
  if (after !== undefined && begin === undefined) {
    throw new BridgeError('BRIDGE_DECODE', '`after` is not what an earlier answer gave');
  }
  if (begin === undefined) {
    return { lines: [], next: arrivalText(newest) };
  }
  const lineQuery = LineQuery.ofAllTimes(query);
  const found = new FirstLines(limit, firstArrived);
  for (const candidate of await blocksAfter(partitions, lineQuery, begin, slice)) {
    if (found.worst !== undefined && compareArrivals(candidate.facts.first, found.worst.arrival) > 0) {
      break;
    }
    visitLines(candidate, lineQuery, (line) => {
      const { arrival } = line;
      // What came while this question ran is left to the next.
      if (compareArrivals(arrival, begin) > 0 && compareArrivals(arrival, newest) <= 0) {
        found.offer(line);
      }
    });
    found.settle();
    if (slice.over) {
      await slice.yield();
    }
  }
  const lines = found.finish();
  const full = found.worst !== undefined ? lines.at(-1)?.arrival : undefined;
  const last = compareArrivals(newest, begin) > 0 ? newest : begin;
  return { lines, next: arrivalText(full ?? last) };
}

/** Blocks with lines that came after that, in the order of their first lines. */
async function blocksAfter(
  partitions: readonly LogPartition[],
  query: LineQuery,
  begin: Arrival,
  slice: Slice,
): Promise<Candidate[]> {
  const blocks: Candidate[] = [];
  for (const partition of partitions.filter(({ arrivedMs }) => arrivedMs >= begin.ms)) {
    const candidates = await candidatesIn(partition, query, slice);
    blocks.push(...candidates.filter(({ facts }) => compareArrivals(facts.last, begin) > 0));
  }
  return blocks.sort((a, b) => compareArrivals(a.facts.first, b.facts.first));
}

export function newestArrival(partitions: readonly LogPartition[]): Arrival {
  const newest = partitions.findLast(({ last, gone }) => last !== undefined && !gone);
  return newest?.last ?? { ms: 0, seq: 0, index: 0 };
}
