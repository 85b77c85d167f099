import type { Slice } from '../slice.ts';
import type { BlockFacts } from './block-summary.ts';
import type { LineQuery } from './line-query.ts';
import type { LineAt } from './line-scan.ts';
import { scanLines } from './line-scan.ts';
import type { LogPartition } from './log-partition.ts';
import type { Contents } from './partition-shared.ts';
import type { StreamLabels } from './stream-labels.ts';

/** A block that may hold lines that a query means. */
export interface Candidate {
  readonly partition: LogPartition;
  readonly contents: Contents;
  readonly block: number;
  readonly facts: BlockFacts;
  readonly streams: readonly StreamLabels[];
}

/** What a question asks of blocks before it reads them. */
export type BlockTest = Pick<LineQuery, 'startMs' | 'endMs' | 'mayHold'>;

/** Looked at between two looks at the clock. */
const atOnce = 256;

/** The blocks of a partition that may hold lines that the query means, texts aside. */
export async function candidatesIn(partition: LogPartition, query: BlockTest, slice: Slice): Promise<Candidate[]> {
  if (partition.gone || partition.maxMs < query.startMs || partition.minMs > query.endMs) {
    return [];
  }
  const contents = partition.contents();
  const { table, book } = contents;
  const found: Candidate[] = [];
  const { length } = table;
  for (let block = 0; block < length; block++) {
    const facts = table.facts(block);
    const streams = table.streams(block).map((id) => book.list[id] ?? {});
    if (query.mayHold(facts, streams)) {
      found.push({ partition, contents, block, facts, streams });
    }
    if (block % atOnce === atOnce - 1 && slice.over) {
      await slice.yield();
    }
  }
  return found;
}

/** Calls `visit` with the lines of the block that the query means. What cannot be read is named, and left out. */
export function visitLines(candidate: Candidate, query: LineQuery, visit: (line: LineAt) => void): void {
  const { partition, contents, block, facts, streams } = candidate;
  const { needles } = query;
  if (needles.some(({ filter }) => !filter.idle)) {
    const bloom = partition.bloom(contents, block);
    if (bloom !== undefined && !needles.every(({ filter }) => filter.mayHold(bloom, facts.longestWord))) {
      return;
    }
  }
  partition.lines(contents, block, (lines) => scanLines(lines, streams, query, visit), query.room);
}
