import { BridgeError } from '../../../contract/errors.ts';
import type { Question } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import { compareArrivals, parseArrival } from './arrival.ts';
import { type BlockOrder, BlocksInOrder } from './block-order.ts';
import { visitLines } from './candidates.ts';
import { compareLines, FirstLines, type FoundLine, type LinePlace } from './found-lines.ts';
import { LineQuery } from './line-query.ts';
import type { LogPartition } from './log-partition.ts';
import { streamKey } from './stream-labels.ts';

export interface LineContext {
  readonly line: FoundLine;
  /** Oldest first. */
  readonly before: readonly FoundLine[];
  readonly after: readonly FoundLine[];
}

type Asked = Extract<Question, { readonly kind: 'logs.context' }>;

const oldestFirst = compareLines;
const newestFirst = (a: LinePlace, b: LinePlace): number => compareLines(b, a);

/** A line, and what stands next to it in the time of its stream. Throws BRIDGE_NOT_FOUND. */
export async function contextOf(partitions: readonly LogPartition[], asked: Asked, slice: Slice): Promise<LineContext> {
  const line = await lineOf(partitions, asked, slice);
  const around = { partitions, line, slice };
  const before = await neighbours(around, 'newest first', asked.before);
  const after = await neighbours(around, 'oldest first', asked.after);
  return { line, before: before.toReversed(), after };
}

async function lineOf(partitions: readonly LogPartition[], { id, timeMs }: Asked, slice: Slice): Promise<FoundLine> {
  const arrival = parseArrival(id);
  if (arrival === undefined) {
    throw new BridgeError('BRIDGE_DECODE', '`id` is not what an earlier answer gave');
  }
  const query = new LineQuery({ startMs: timeMs, endMs: timeMs, matchers: [], texts: [], levels: [] });
  const found = new FirstLines(1, oldestFirst);
  const blocks = new BlocksInOrder(partitions, query, 'newest first');
  for (let next = await blocks.take(slice); next !== undefined; next = await blocks.take(slice)) {
    const { first, last } = next.facts;
    if (compareArrivals(first, arrival) <= 0 && compareArrivals(last, arrival) >= 0) {
      visitLines(next, query, (line) => {
        if (compareArrivals(line.arrival, arrival) === 0) {
          found.offer(line);
        }
      });
    }
    if (slice.over) {
      await slice.yield();
    }
  }
  const [line] = found.finish();
  if (line === undefined) {
    throw new BridgeError('BRIDGE_NOT_FOUND', 'there is no such line, or no longer');
  }
  return line;
}

async function neighbours(
  { partitions, line, slice }: { partitions: readonly LogPartition[]; line: FoundLine; slice: Slice },
  order: BlockOrder,
  limit: number,
): Promise<readonly FoundLine[]> {
  const isBefore = order === 'newest first';
  const matchers = Object.entries(line.labels).map(([name, value]) => ({ name, op: '=' as const, value }));
  const bounds = isBefore ? { startMs: 0, endMs: line.ms } : { startMs: line.ms, endMs: Number.MAX_SAFE_INTEGER };
  const query = new LineQuery({ ...bounds, matchers, texts: [], levels: [] });
  const key = streamKey(line.labels);
  const found = new FirstLines(limit, isBefore ? newestFirst : oldestFirst);
  const blocks = new BlocksInOrder(partitions, query, order);
  for (let next = await blocks.take(slice); next !== undefined && limit > 0; next = await blocks.take(slice)) {
    const { worst } = found;
    if (worst !== undefined && (isBefore ? next.facts.maxMs < worst.ms : next.facts.minMs > worst.ms)) {
      break;
    }
    visitLines(next, query, (each) => {
      const side = compareLines(each, line);
      if ((isBefore ? side < 0 : side > 0) && streamKey(each.labels) === key) {
        found.offer(each);
      }
    });
    found.settle();
    if (slice.over) {
      await slice.yield();
    }
  }
  return found.finish();
}
