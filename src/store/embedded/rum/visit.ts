import type { Slice } from '../slice.ts';
import type { PointPage } from './point-page.ts';
import type { PointQuery } from './point-query.ts';
import type { RumPartition } from './rum-partition.ts';

/** Calls `visit` with every page that may hold points that are meant, in the order of arrival. What cannot be read is named, and left out. */
export async function visitPages(
  partitions: readonly RumPartition[],
  query: PointQuery,
  slice: Slice,
  visit: (page: PointPage) => void,
): Promise<void> {
  for (const partition of partitions) {
    if (partition.gone || partition.maxMs < query.startMs || partition.minMs > query.endMs) {
      continue;
    }
    const blocks = partition.blocks();
    const path = partition.blocksPath;
    for (const block of blocks) {
      const page = query.mayHold(block.summary) ? partition.page(path, block) : undefined;
      if (page !== undefined) {
        visit(page);
      }
      if (slice.over) {
        await slice.yield();
      }
    }
  }
}
