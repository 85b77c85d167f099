import { BridgeError } from '../../../contract/errors.ts';
import type { LogQuery } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import { arrivalText, parseArrival } from './arrival.ts';
import { BlocksInOrder } from './block-order.ts';
import { visitLines } from './candidates.ts';
import { compareLines, FirstLines, type FoundLine, type LinePlace } from './found-lines.ts';
import { LineQuery } from './line-query.ts';
import type { LogPartition } from './log-partition.ts';

export interface SearchResult {
  readonly lines: readonly FoundLine[];
  /** Where the next search goes on; undefined when there is nothing more. */
  readonly next: string | undefined;
}

const newestFirst = (a: LinePlace, b: LinePlace): number => compareLines(b, a);

/** The newest lines, newest first. Blocks are read from the newest on, and only while they may hold newer lines than those found. */
export async function searchLines(
  partitions: readonly LogPartition[],
  { query, limit, before }: { readonly query: LogQuery; readonly limit: number; readonly before?: string },
  slice: Slice,
): Promise<SearchResult> {
  const end = before === undefined ? undefined : parsePlace(before);
  const endMs = end === undefined ? query.endMs : Math.min(query.endMs, msOf(end));
  const lineQuery = new LineQuery({ ...query, endMs });
  const found = new FirstLines(limit, newestFirst);
  const blocks = new BlocksInOrder(partitions, lineQuery, 'newest first');
  for (let next = await blocks.take(slice); next !== undefined; next = await blocks.take(slice)) {
    if (found.worst !== undefined && next.facts.maxMs < found.worst.ms) {
      break;
    }
    visitLines(next, lineQuery, (line) => {
      if (end === undefined || compareLines(line, end) < 0) {
        found.offer(line);
      }
    });
    found.settle();
    if (slice.over) {
      await slice.yield();
    }
  }
  const lines = found.finish();
  const last = found.worst === undefined ? undefined : lines.at(-1);
  return { lines, next: last === undefined ? undefined : placeText(last) };
}

function msOf({ seconds, nanos }: LinePlace): number {
  return seconds * 1000 + Math.floor(nanos / 1_000_000);
}

function placeText({ seconds, nanos, arrival }: LinePlace): string {
  return `${seconds}.${String(nanos).padStart(9, '0')}-${arrivalText(arrival)}`;
}

function parsePlace(text: string): LinePlace {
  const [, seconds, nanos, rest = ''] = /^(\d{1,10})\.(\d{9})-(.+)$/.exec(text) ?? [];
  const arrival = parseArrival(rest);
  if (arrival === undefined) {
    throw new BridgeError('BRIDGE_DECODE', '`before` is not what an earlier answer gave');
  }
  return { seconds: Number(seconds), nanos: Number(nanos), arrival };
}
