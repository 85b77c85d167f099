import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FoundBlock, PackedBlock } from '../blocks/block-format.ts';
import { BlockWriter } from '../blocks/block-writer.ts';
import { nextDataFile } from '../blocks/data-files.ts';
import type { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import { BlockPacker, blockTextBytes } from './block-packer.ts';
import type { BlockLines } from './block-payload.ts';
import { type BlockSummary, lineBlocks } from './block-summary.ts';
import { BlockTable } from './block-table.ts';
import { type BlockList, IndexFile, writeIndexFile } from './index-file.ts';
import type { LineRun } from './log-columns.ts';
import type { LogPartition } from './log-partition.ts';
import type { Contents } from './partition-shared.ts';
import { StreamBook, type StreamLabels } from './stream-labels.ts';

/** A block with less text than this is packed anew with others of its streams. */
const smallTextBytes = blockTextBytes / 2;
/** A partition is rewritten when at least this share of its text stands in small blocks. */
const worthRewriting = 1 / 8;
/** Lines and blocks that wait in memory. */
const batchBytes = 4 * 1024 * 1024;
/** Others have their turn after this. */
const sliceMs = 5;

export interface Sealing {
  readonly files: FileCache;
  /** Aborted: stop as soon as possible; the partition stays as it is. */
  readonly signal: AbortSignal;
}

/**
 * Seals a partition that no longer grows: packs its small blocks anew, in another file, and writes the index. Resolves with the
 * path of the file that the partition no longer needs, if there is one. A partition of which a part cannot be read is not
 * rewritten, so that what is left of that part stays.
 */
export async function sealPartition(partition: LogPartition, sealing: Sealing): Promise<string | undefined> {
  const contents = partition.contents();
  const rewritten = isWorthRewriting(contents) ? await rewrite(partition, contents, sealing) : undefined;
  if (sealing.signal.aborted || partition.gone) {
    return undefined;
  }
  const path = rewritten?.path ?? contents.path;
  const { indexPath } = partition;
  sealing.files.forget(indexPath);
  const bytes = await writeIndexFile(indexPath, sorted(rewritten ?? contents), partition.facts(basename(path)));
  partition.takeIndex(new IndexFile(sealing.files, indexPath, bytes), bytes);
  return path === contents.path ? undefined : contents.path;
}

function isWorthRewriting({ table }: Contents): boolean {
  let small = 0;
  let smallBlocks = 0;
  let all = 0;
  for (let block = 0; block < table.length; block++) {
    const { textBytes } = table.facts(block);
    all += textBytes;
    small += textBytes < smallTextBytes ? textBytes : 0;
    smallBlocks += textBytes < smallTextBytes ? 1 : 0;
  }
  return smallBlocks > 1 && small >= all * worthRewriting;
}

/** Undefined when a block could not be read, or it was told to stop. */
async function rewrite(
  partition: LogPartition,
  contents: Contents,
  { signal }: Sealing,
): Promise<Contents | undefined> {
  const path = join(dirname(contents.path), nextDataFile(basename(contents.path)));
  const { position, arrivedMs } = partition;
  if (position === undefined) {
    return undefined;
  }
  // Of an attempt that failed.
  await rm(path, { force: true });
  const copy = await Rewrite.begin(path, position, arrivedMs);
  let beganMs = performance.now();
  for (let block = 0; block < contents.table.length; block++) {
    if (signal.aborted || partition.gone || !(await copy.take(partition, contents, block))) {
      await copy.close();
      await rm(path, { force: true });
      return undefined;
    }
    if (performance.now() - beganMs > sliceMs) {
      await nextTurn();
      beganMs = performance.now();
    }
  }
  return { path, ...(await copy.end()) };
}

class Rewrite {
  readonly #writer: BlockWriter<BlockSummary>;
  readonly #position: HeldPosition;
  readonly #arrivedMs: number;
  readonly #packer = new BlockPacker();
  readonly #list = { table: new BlockTable(), book: new StreamBook() };
  #batch: PackedBlock<BlockSummary>[] = [];
  #batchBytes = 0;

  private constructor(writer: BlockWriter<BlockSummary>, position: HeldPosition, arrivedMs: number) {
    this.#writer = writer;
    this.#position = position;
    this.#arrivedMs = arrivedMs;
  }

  static async begin(path: string, position: HeldPosition, arrivedMs: number): Promise<Rewrite> {
    return new Rewrite(await BlockWriter.create(path, lineBlocks, position), position, arrivedMs);
  }

  /** False when the block cannot be read. */
  async take(partition: LogPartition, contents: Contents, block: number): Promise<boolean> {
    const small = contents.table.facts(block).textBytes < smallTextBytes;
    const taken = small ? this.#repack(partition, contents, block) : this.#keep(partition, contents, block);
    if (this.#packer.bytes >= batchBytes) {
      this.#batch.push(...this.#packer.finish());
    }
    if (this.#batchBytes >= batchBytes) {
      await this.#commit();
    }
    return taken;
  }

  async end(): Promise<BlockList> {
    this.#batch.push(...this.#packer.finish());
    await this.#commit();
    await this.close();
    return this.#list;
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  #keep(partition: LogPartition, contents: Contents, block: number): boolean {
    const summary = partition.summary(contents, block);
    const payload = partition.payload(contents, block);
    if (summary === undefined || payload === undefined) {
      return false;
    }
    this.#batch.push({ summary, payload });
    this.#batchBytes += payload.length;
    return true;
  }

  #repack(partition: LogPartition, contents: Contents, block: number): boolean {
    const streams = contents.table.streams(block).map((id) => contents.book.list[id] ?? {});
    const runs = partition.lines(contents, block, (lines) => runsOf(lines, streams));
    for (const { labels, run } of runs ?? []) {
      this.#packer.add(labels, run);
    }
    return runs !== undefined;
  }

  async #commit(): Promise<void> {
    const found: FoundBlock<BlockSummary>[] = await this.#writer.commit(this.#batch, this.#position, this.#arrivedMs);
    for (const { place, summary } of found) {
      this.#list.table.append(place, summary, this.#list.book);
    }
    this.#batch = [];
    this.#batchBytes = 0;
  }
}

/** A block's lines as they once came. */
function runsOf(lines: BlockLines, streams: readonly StreamLabels[]): { labels: StreamLabels; run: LineRun }[] {
  const { columns, text, attributes } = lines;
  const of = { ...columns, count: columns.levels.length, bytes: text };
  const block = attributes === undefined ? of : { ...of, attributes };
  let from = 0;
  return columns.runs.map(({ arrivedMs, seq, index, lines: count, stream }) => {
    const run = { block, from, to: from + count, arrivedMs, seq, index };
    from += count;
    return { labels: streams[stream] ?? {}, run };
  });
}

/** In the order of the blocks' last times. */
function sorted({ table, book }: BlockList): BlockList {
  const order = Array.from({ length: table.length }, (_, block) => ({ block, maxMs: table.facts(block).maxMs }));
  order.sort((a, b) => a.maxMs - b.maxMs);
  const inOrder = new BlockTable();
  for (const { block } of order) {
    const streams = table.streams(block).map((id) => book.list[id] ?? {});
    inOrder.append(table.place(block), { ...table.facts(block), version: 0, streams, bloom: new Uint8Array(0) }, book);
  }
  return { table: inOrder, book };
}
