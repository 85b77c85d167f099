import { rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemDisk } from '../../../record/disk.ts';
import type { FoundBlock, PackedBlock } from '../blocks/block-format.ts';
import { BlockWriter } from '../blocks/block-writer.ts';
import type { HeldPosition } from '../position.ts';
import type { Chunk } from './chunk.ts';
import { type ChunkBlock, ChunkBlockBuilder, chunkBlocks, packCut, packSeries } from './chunk-block.ts';
import type { Heads } from './heads.ts';
import type { LateSamples } from './late-samples.ts';
import type { SeriesTable } from './series-table.ts';

export type SamplesBlock = Extract<ChunkBlock, { readonly kind: 'samples' }>;

/** A file of chunks as questions see it. */
export interface ChunkFile {
  /** Within the partition's directory. */
  readonly name: string;
  readonly bytes: number;
  readonly blocks: readonly FoundBlock<SamplesBlock>[];
}

const seriesInBlock = 1024;
const samplesBlockBytes = 128 * 1024;
/** Written and made durable together. Others have their turn after each block. */
const commitBytes = 2 * 1024 * 1024;

export interface Cut {
  readonly table: SeriesTable;
  /** Series with numbers from this one on stand in no file yet. */
  readonly firstNewSeries: number;
  readonly heads: Heads;
  readonly late: LateSamples;
  readonly position: HeldPosition;
  readonly arrivedMs: number;
  /** Bytes of `blocks.rec` whose frames stand in the files of chunks once this one is there. */
  readonly coveredBytes: number;
  /** Samples of the partition. */
  readonly items: number;
}

/** Writes the whole file or none: under another name, fsync, rename, fsync of the directory. */
export async function writeChunkFile(path: string, cut: Cut): Promise<ChunkFile> {
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  const writer = await BlockWriter.create(temporary, chunkBlocks, cut.position);
  const blocks: FoundBlock<SamplesBlock>[] = [];
  const keep = async (packed: readonly PackedBlock<ChunkBlock>[]): Promise<void> => {
    for (const { place, summary } of await writer.commit(packed, cut.position, cut.arrivedMs)) {
      if (summary.kind === 'samples') {
        blocks.push({ place, summary });
      }
    }
  };
  try {
    let waiting: PackedBlock<ChunkBlock>[] = [];
    let waitingBytes = 0;
    for (const block of blocksOf(cut)) {
      waiting.push(block);
      waitingBytes += block.payload.length;
      if (waitingBytes >= commitBytes) {
        await keep(waiting);
        waiting = [];
        waitingBytes = 0;
      }
      await nextTurn();
    }
    await keep([...waiting, packCut(cut.coveredBytes, cut.items)]);
  } finally {
    await writer.close();
  }
  await rename(temporary, path);
  await systemDisk.syncDirOf(path);
  return { name: basename(path), bytes: writer.bytes, blocks };
}

function* blocksOf(cut: Cut): Generator<PackedBlock<ChunkBlock>, void, undefined> {
  const { table } = cut;
  for (let first = cut.firstNewSeries; first < table.size; first += seriesInBlock) {
    const count = Math.min(seriesInBlock, table.size - first);
    yield packSeries(
      first,
      Array.from({ length: count }, (_, i) => table.series(first + i)),
    );
  }
  yield* samplesBlocksOf(cut);
}

/** A series stands in one block alone. */
function* samplesBlocksOf({ table, heads, late }: Cut): Generator<PackedBlock<ChunkBlock>, void, undefined> {
  let builder: ChunkBlockBuilder | undefined;
  for (const [leader, series] of sortedSeries(table)) {
    for (const chunk of heldChunks(heads, late, series)) {
      builder ??= new ChunkBlockBuilder(leader);
      builder.add(series, chunk);
    }
    if (builder !== undefined && builder.bytes >= samplesBlockBytes) {
      yield builder.pack();
      builder = undefined;
    }
  }
  if (builder !== undefined) {
    yield builder.pack();
  }
}

function* sortedSeries(table: SeriesTable): Generator<readonly [leader: number, series: number], void, undefined> {
  for (const [, leader] of table.names()) {
    for (let series: number | undefined = leader; series !== undefined; series = table.next(series)) {
      yield [leader, series];
    }
  }
}

/** In the order of their arrival. */
export function heldChunks(heads: Heads, late: LateSamples, series: number): readonly Chunk[] {
  const chunks = heads.chunks(series);
  return late.has(series) ? [...chunks, ...late.ordered(series).chunks(0)] : chunks;
}

/** The only block that may hold that series; -1 for none. */
export function blockOf(blocks: ChunkFile['blocks'], leader: number, series: number): number {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const summary = blocks[middle]?.summary;
    const before = summary === undefined || summary.leader < leader;
    if (before || (summary.leader === leader && summary.series <= series)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}
