import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { BridgeError, hasCode } from '../../../contract/errors.ts';
import type { PartitionStatus } from '../../../contract/store.ts';
import type { FoundBlock } from '../blocks/block-format.ts';
import { readPayload } from '../blocks/block-read.ts';
import { type BlockScan, recordBytesOf, scanBlocks } from '../blocks/block-scan.ts';
import { dataFilesIn, firstDataFile } from '../blocks/data-files.ts';
import { type PartitionShared, sizeOf, unlinkPartition } from '../blocks/partition-files.ts';
import type { BlockPartition } from '../blocks/partition-series.ts';
import type { HeldPosition } from '../position.ts';
import { type BlockSummary, pointBlocks } from './block-summary.ts';
import { IndexFile, type SealedFacts } from './index-file.ts';
import { PointPage } from './point-page.ts';

type Found = FoundBlock<BlockSummary>;

/** A partition with more blocks is sealed: a site with few visitors leaves one a commit. */
const manyBlocks = 8192;

/**
 * One directory `<startMs>`: `blocks.rec`, which grows while the partition is active, and once it is sealed `index`, which names
 * the file it is about: `blocks.rec`, or the rewritten `blocks-1.rec`. A file is removed only when the index over a later one
 * is durable, so without an index the one with the smallest number is whole.
 */
export class RumPartition implements BlockPartition<BlockSummary> {
  readonly dir: string;
  readonly startMs: number;
  readonly #shared: PartitionShared;
  #dataFile = firstDataFile;
  #live: Found[] | undefined = [];
  #index: IndexFile | undefined;
  /** Of the index, while questions are under way. */
  #listed: readonly Found[] | undefined;
  #points = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = Number.NEGATIVE_INFINITY;
  #arrivedMs: number;
  #position: HeldPosition | undefined;
  #dataBytes = 0;
  #indexBytes = 0;
  #gone = false;

  constructor(dir: string, startMs: number, shared: PartitionShared) {
    this.dir = dir;
    this.startMs = startMs;
    this.#shared = shared;
    this.#arrivedMs = startMs;
  }

  get blocksPath(): string {
    return join(this.dir, this.#dataFile);
  }

  get indexPath(): string {
    return join(this.dir, 'index');
  }

  get sealed(): boolean {
    return this.#index !== undefined;
  }

  get crowded(): boolean {
    return (this.#live?.length ?? 0) >= manyBlocks;
  }

  /** Has it been unlinked? */
  get gone(): boolean {
    return this.#gone;
  }

  get bytes(): number {
    return this.#dataBytes + this.#indexBytes;
  }

  /** Points. */
  get items(): number {
    return this.#points;
  }

  /** Bounds of the points' times; the lower one is above the other where there is no point. */
  get minMs(): number {
    return this.#minMs;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  get arrivedMs(): number {
    return this.#arrivedMs;
  }

  get position(): HeldPosition | undefined {
    return this.#position;
  }

  status(): PartitionStatus {
    const { startMs, sealed, bytes, items } = this;
    return { signal: 'rum', startMs, sealed, bytes, items };
  }

  exists(): boolean {
    return dataFilesIn(this.dir).length > 0;
  }

  openSealed(): boolean {
    const bytes = sizeOf(this.indexPath);
    if (bytes === undefined) {
      return false;
    }
    try {
      const index = new IndexFile(this.#shared.files, this.indexPath, bytes);
      if (!dataFilesIn(this.dir).includes(index.facts.file)) {
        throw new BridgeError('BRIDGE_CORRUPT', `${index.facts.file}, which the index is about, is not there`);
      }
      this.takeIndex(index, bytes);
    } catch (error) {
      this.#shared.damage.noteBadIndex(error, this.indexPath, bytes);
      return false;
    }
    this.#removeOthers();
    return true;
  }

  openLive(): BlockScan<BlockSummary> {
    if (!this.sealed) {
      this.#dataFile = dataFilesIn(this.dir)[0] ?? firstDataFile;
      this.#removeOthers();
    }
    const scan = scanBlocks(this.#shared.files, this.blocksPath, pointBlocks);
    this.#live = [];
    this.#index = undefined;
    this.#listed = undefined;
    this.#indexBytes = 0;
    this.#points = 0;
    for (const damage of scan.damage) {
      this.#shared.damage.note(damage);
    }
    this.#arrivedMs = scan.arrivedMs ?? this.startMs;
    this.grow(scan.blocks, scan.position, scan.keepBytes);
    return scan;
  }

  grow(blocks: readonly Found[], position: HeldPosition | undefined, fileBytes: number, arrivedMs = 0): void {
    if (this.#live === undefined) {
      throw new Error('a sealed partition does not grow');
    }
    for (const block of blocks) {
      this.#live.push(block);
      this.#points += block.summary.points;
      this.#minMs = Math.min(this.#minMs, block.summary.minMs);
      this.#maxMs = Math.max(this.#maxMs, block.summary.maxMs);
    }
    this.#position = position;
    this.#dataBytes = fileBytes;
    this.#arrivedMs = Math.max(this.#arrivedMs, arrivedMs);
  }

  /** Left to `rum-seal.ts`, which takes its time. */
  async seal(): Promise<void> {}

  /** From now on it is what the index says. */
  takeIndex(index: IndexFile, indexBytes: number): void {
    const { facts } = index;
    this.#index = index;
    this.#live = undefined;
    this.#listed = undefined;
    this.#indexBytes = indexBytes;
    this.#dataFile = facts.file;
    this.#dataBytes = sizeOf(this.blocksPath) ?? 0;
    this.#points = facts.points;
    const isEmpty = facts.points === 0;
    this.#minMs = isEmpty ? Number.POSITIVE_INFINITY : facts.minMs;
    this.#maxMs = isEmpty ? Number.NEGATIVE_INFINITY : facts.maxMs;
    this.#arrivedMs = facts.arrivedMs;
    this.#position = facts.position;
  }

  /** What an index over `file` says. */
  facts(file: string): SealedFacts {
    const { items, minMs, maxMs, arrivedMs, position } = this;
    const bounds = items === 0 ? { minMs: 0, maxMs: 0 } : { minMs, maxMs };
    return { file, points: items, ...bounds, arrivedMs, position };
  }

  async remove(): Promise<void> {
    this.#gone = true;
    await unlinkPartition(this.dir, this.#shared);
  }

  /** In the order of arrival. Where its index file turns out to be bad, that is named, and the blocks are looked through instead. */
  blocks(): readonly Found[] {
    if (this.#live !== undefined) {
      return this.#live;
    }
    try {
      this.#listed ??= this.#index?.blocks();
    } catch (error) {
      this.#shared.damage.noteBadIndex(error, this.indexPath, this.#indexBytes);
      this.openLive();
    }
    return this.#listed ?? this.#live ?? [];
  }

  /** Gives back what an index file holds in memory. */
  forget(): void {
    this.#listed = undefined;
  }

  /** Undefined when it cannot be read, which is named. `path` is `blocksPath` when the block was listed. */
  page(path: string, { place }: Found): PointPage | undefined {
    if (this.#gone) {
      return undefined;
    }
    try {
      return new PointPage(readPayload(this.#shared.files, path, place));
    } catch (error) {
      if (!hasCode(error, 'BRIDGE_CORRUPT') && !hasCode(error, 'BRIDGE_NOT_FOUND')) {
        throw error;
      }
      const bytes = recordBytesOf(place);
      this.#shared.damage.note({ file: path, offset: place.offset, bytes, reason: error.message });
      return undefined;
    }
  }

  /** Leftovers of a life that ended while it sealed. */
  #removeOthers(): void {
    for (const name of dataFilesIn(this.dir)) {
      if (name !== this.#dataFile) {
        rmSync(join(this.dir, name), { force: true });
      }
    }
  }
}
