import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FoundBlock } from '../blocks/block-format.ts';
import { BlockWriter } from '../blocks/block-writer.ts';
import { nextDataFile } from '../blocks/data-files.ts';
import type { FileCache } from '../file-cache.ts';
import { BlockPacker } from './block-packer.ts';
import { type BlockSummary, pointBlocks } from './block-summary.ts';
import { IndexFile, writeIndexFile } from './index-file.ts';
import type { RumPartition } from './rum-partition.ts';

type Found = FoundBlock<BlockSummary>;

/** A block with fewer points is worth packing with others. */
const smallPoints = 256;
/** Others have their turn after this. */
const sliceMs = 5;
const commitBytes = 4 * 1024 * 1024;

export interface Sealing {
  readonly files: FileCache;
  /** Aborted: stop as soon as possible; the partition stays as it is. */
  readonly signal: AbortSignal;
}

/**
 * Seals a partition that no longer grows: where it has small blocks, packs its points anew, in another file, and writes the
 * index. Resolves with the path of the file that it no longer needs, if there is one. A partition of which a part cannot be
 * read is not rewritten, so that what is left of that part stays.
 */
export async function sealPartition(partition: RumPartition, sealing: Sealing): Promise<string | undefined> {
  const path = partition.blocksPath;
  const blocks = partition.blocks();
  const small = blocks.filter(({ summary }) => summary.points < smallPoints).length;
  const rewritten = small > 1 ? await rewrite(partition, blocks, sealing) : undefined;
  if (sealing.signal.aborted || partition.gone) {
    return undefined;
  }
  const kept = rewritten?.path ?? path;
  const { indexPath } = partition;
  sealing.files.forget(indexPath);
  const bytes = await writeIndexFile(indexPath, partition.facts(basename(kept)), rewritten?.blocks ?? blocks);
  partition.takeIndex(new IndexFile(sealing.files, indexPath, bytes), bytes);
  return kept === path ? undefined : path;
}

interface Rewritten {
  readonly path: string;
  readonly blocks: readonly Found[];
}

/** Undefined when a block could not be read, or it was told to stop. */
async function rewrite(
  partition: RumPartition,
  blocks: readonly Found[],
  { signal }: Sealing,
): Promise<Rewritten | undefined> {
  const { position, arrivedMs, blocksPath } = partition;
  if (position === undefined) {
    return undefined;
  }
  const path = join(dirname(blocksPath), nextDataFile(basename(blocksPath)));
  // Of an attempt that failed.
  await rm(path, { force: true });
  const writer = await BlockWriter.create(path, pointBlocks, position);
  const packer = new BlockPacker();
  const found: Found[] = [];
  let beganMs = performance.now();
  for (const block of blocks) {
    const page = signal.aborted ? undefined : partition.page(blocksPath, block);
    if (page === undefined) {
      await writer.close();
      await rm(path, { force: true });
      return undefined;
    }
    for (const placed of page.placed()) {
      packer.add(placed);
    }
    if (packer.bytes >= commitBytes) {
      found.push(...(await writer.commit(packer.finish(), position, arrivedMs)));
    }
    if (performance.now() - beganMs > sliceMs) {
      await nextTurn();
      beganMs = performance.now();
    }
  }
  found.push(...(await writer.commit(packer.finish(), position, arrivedMs)));
  await writer.close();
  return { path, blocks: found };
}
