import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartitionStatus } from '../../../contract/store.ts';
import type { FoundBlock } from '../blocks/block-format.ts';
import { readPayload } from '../blocks/block-read.ts';
import { type BlockScan, recordBytesOf } from '../blocks/block-scan.ts';
import { type PartitionShared, sizeOf, unlinkPartition } from '../blocks/partition-files.ts';
import type { BlockPartition } from '../blocks/partition-series.ts';
import type { HeldPosition } from '../position.ts';
import type { Slice } from '../slice.ts';
import type { Chunk } from './chunk.ts';
import { ChunkBlockView } from './chunk-block.ts';
import { blockOf, type SamplesBlock } from './chunk-file.ts';
import { type FrameBlock, WrittenShapes } from './frame-block.ts';
import {
  atOnce,
  type PartitionIndex,
  readFacts,
  readingIndex,
  type SealedFacts,
  writeIndexFile,
} from './index-file.ts';
import { type Held, LivePart } from './live-part.ts';
import { recoverLive } from './recovery.ts';
import { SeriesTable } from './series-table.ts';

/** Blocks that one question has inflated; undefined for one that cannot be read. */
export type OpenBlocks = Map<FoundBlock<SamplesBlock>, ChunkBlockView | undefined>;

/**
 * One directory `<startMs>` as questions see it. While it is active: `blocks.rec` with the frames since its beginning, files of
 * chunks (`chunks-1`, ...) with the samples of all but the last half hour, and those of the rest in memory. Sealed: the files of
 * chunks and `index`.
 */
export class MetricPartition implements BlockPartition<FrameBlock> {
  readonly dir: string;
  readonly startMs: number;
  readonly #shared: PartitionShared;
  #live: LivePart | undefined;
  #facts: SealedFacts | undefined;
  #index: PartitionIndex | undefined;
  #indexBytes = 0;
  #gone = false;

  constructor(dir: string, startMs: number, shared: PartitionShared) {
    this.dir = dir;
    this.startMs = startMs;
    this.#shared = shared;
    this.#live = new LivePart(dir, startMs);
  }

  get blocksPath(): string {
    return join(this.dir, 'blocks.rec');
  }

  get #indexPath(): string {
    return join(this.dir, 'index');
  }

  get sealed(): boolean {
    return this.#live === undefined;
  }

  get bytes(): number {
    return this.#live?.bytes ?? (this.#facts?.bytes ?? 0) + this.#indexBytes;
  }

  get items(): number {
    return this.#live?.items ?? this.#facts?.items ?? 0;
  }

  get arrivedMs(): number {
    return this.#live?.arrivedMs ?? this.#facts?.arrivedMs ?? this.startMs;
  }

  get position(): HeldPosition | undefined {
    return this.#live === undefined ? this.#facts?.position : this.#live.position;
  }

  /** Bounds of its samples' times, ms since 1970; the lower one is above the other where there is none. */
  get minMs(): number {
    return this.#live?.minMs ?? this.#facts?.minMs ?? Number.POSITIVE_INFINITY;
  }

  get maxMs(): number {
    return this.#live?.maxMs ?? this.#facts?.maxMs ?? Number.NEGATIVE_INFINITY;
  }

  get held(): Held {
    return this.#live?.held ?? { sinceMs: undefined, samples: 0, bytes: 0 };
  }

  /** Bytes of the index while it is in memory. */
  get loadedBytes(): number {
    return this.#index === undefined ? 0 : this.#indexBytes;
  }

  get writtenShapes(): WrittenShapes {
    return this.#live?.writtenShapes ?? new WrittenShapes();
  }

  status(): PartitionStatus {
    const { startMs, sealed, bytes, items } = this;
    return { signal: 'metrics', startMs, sealed, bytes, items };
  }

  exists(): boolean {
    return existsSync(this.blocksPath) || existsSync(this.#indexPath);
  }

  openSealed(): boolean {
    const bytes = sizeOf(this.#indexPath);
    if (bytes === undefined) {
      return false;
    }
    try {
      this.#facts = readFacts(this.#shared.files, this.#indexPath);
    } catch (error) {
      this.#shared.damage.noteBadIndex(error, this.#indexPath, bytes);
      return false;
    }
    this.#indexBytes = bytes;
    this.#live = undefined;
    return true;
  }

  openLive(): BlockScan<FrameBlock> {
    const { live, scan } = recoverLive(this.dir, this.startMs, this.#shared);
    this.#live = live;
    this.#index = undefined;
    return scan;
  }

  grow(
    blocks: readonly FoundBlock<FrameBlock>[],
    position: HeldPosition | undefined,
    fileBytes: number,
    arrivedMs = 0,
  ): void {
    const live = this.#live;
    if (live === undefined) {
      throw new Error('a sealed partition does not grow');
    }
    for (const { summary } of blocks) {
      for (const frame of summary.frames ?? []) {
        live.take(frame);
      }
    }
    live.moved(position, fileBytes, arrivedMs);
  }

  /** Writes what stands in memory to a file of chunks. */
  async cut(): Promise<void> {
    await this.#live?.cut();
  }

  async seal(): Promise<void> {
    const live = this.#live;
    if (live === undefined) {
      return;
    }
    await live.cut();
    const facts = live.facts();
    this.#shared.files.forget(this.#indexPath);
    this.#indexBytes = await writeIndexFile(this.#indexPath, live, facts);
    this.#facts = facts;
    this.#index = undefined;
    this.#live = undefined;
    this.#shared.files.forget(this.blocksPath);
    await rm(this.blocksPath, { force: true });
  }

  async remove(): Promise<void> {
    this.#gone = true;
    await unlinkPartition(this.dir, this.#shared);
  }

  /** Reads the index of a sealed partition, if it is not in memory, and lets others work meanwhile. */
  async load(slice: Slice): Promise<void> {
    if (this.#live !== undefined || this.#index !== undefined || this.#gone) {
      return;
    }
    try {
      const reading = this.#reading();
      let step = reading.next();
      while (step.done !== true) {
        if (slice.over) {
          await slice.yield();
        }
        step = reading.next();
      }
      this.#index = step.value;
    } catch (error) {
      if (this.#gone) {
        return;
      }
      this.#shared.damage.noteBadIndex(error, this.#indexPath, this.#indexBytes);
      this.openLive();
    }
  }

  /** The series; of a sealed partition they are read when they are first asked for, all at once if not by `load`. */
  table(): SeriesTable {
    return this.#loaded().table;
  }

  /** Gives back what was read of the index. */
  forget(): void {
    this.#index = undefined;
  }

  /** The chunks of a series, those that arrived later behind. They are whole until others have their turn. */
  chunks(series: number, range: { readonly startMs: number; readonly endMs: number }, open: OpenBlocks): Chunk[] {
    if (this.#gone) {
      return [];
    }
    const { table, files } = this.#loaded();
    const leader = table.leader(series);
    const found: Chunk[] = [];
    for (const { name, blocks } of files) {
      for (const number of table.whole ? [blockOf(blocks, leader, series)] : blocks.keys()) {
        const block = blocks[number];
        if (block !== undefined && block.summary.minMs <= range.endMs && block.summary.maxMs >= range.startMs) {
          this.#block(name, block, open)?.collect(series, found);
        }
      }
    }
    found.push(...(this.#live?.chunks(series) ?? []));
    return found.filter(({ firstMs, lastMs }) => firstMs <= range.endMs && lastMs >= range.startMs);
  }

  /** May the series have samples in the range? */
  reaches(series: number, { startMs, endMs }: { readonly startMs: number; readonly endMs: number }): boolean {
    return this.#loaded().table.reaches(series, startMs, endMs) || this.#live?.reaches(series, startMs, endMs) === true;
  }

  #loaded(): PartitionIndex {
    if (this.#live !== undefined) {
      return this.#live;
    }
    if (this.#gone) {
      return { table: new SeriesTable(), files: [] };
    }
    try {
      this.#index ??= atOnce(this.#reading());
      return this.#index;
    } catch (error) {
      this.#shared.damage.noteBadIndex(error, this.#indexPath, this.#indexBytes);
      this.openLive();
      return this.#loaded();
    }
  }

  #reading(): Generator<undefined, PartitionIndex, undefined> {
    return readingIndex(this.#shared.files, this.#indexPath, this.#indexBytes);
  }

  #block(name: string, block: FoundBlock<SamplesBlock>, open: OpenBlocks): ChunkBlockView | undefined {
    const known = open.get(block);
    if (known !== undefined || open.has(block)) {
      return known;
    }
    const path = join(this.dir, name);
    const { place, summary } = block;
    let view: ChunkBlockView | undefined;
    try {
      view = new ChunkBlockView(readPayload(this.#shared.files, path, place), summary.inflatedBytes);
    } catch (error) {
      const reason = `${error instanceof Error ? error.message : String(error)}; ${summary.samples} samples lost`;
      this.#shared.damage.note({ file: path, offset: place.offset, bytes: recordBytesOf(place), reason });
    }
    open.set(block, view);
    return view;
  }
}
