import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { BridgeError, hasCode } from '../../../contract/errors.ts';
import type { PartitionStatus } from '../../../contract/store.ts';
import { checkFrame, prefixBytes } from '../../../record/frame.ts';
import type { BlockPlace, FoundBlock } from '../blocks/block-format.ts';
import { readPayload } from '../blocks/block-read.ts';
import { type BlockScan, recordBytesOf, scanBlocks } from '../blocks/block-scan.ts';
import { dataFilesIn, firstDataFile } from '../blocks/data-files.ts';
import { sizeOf, unlinkPartition } from '../blocks/partition-files.ts';
import type { BlockPartition } from '../blocks/partition-series.ts';
import type { HeldPosition } from '../position.ts';
import { type Arrival, laterOf } from './arrival.ts';
import { BlockLines } from './block-payload.ts';
import { type BlockSummary, bloomOf, decodeSummary, lineBlocks } from './block-summary.ts';
import { BlockTable } from './block-table.ts';
import { type BlockList, IndexFile, type SealedFacts } from './index-file.ts';
import type { Contents, PartitionShared } from './partition-shared.ts';
import type { Scratch } from './scratch.ts';
import { StreamBook } from './stream-labels.ts';

/** A partition with more blocks is sealed: trickling streams leave one a commit. */
const manyBlocks = 8192;

/**
 * One directory `<startMs>`: `blocks.rec`, which grows while the partition is active, and once it is sealed `index`, which names
 * the file it is about: `blocks.rec`, or a rewritten `blocks-<n>.rec`. A file is removed only when the index over a later one is
 * durable, so without an index the one with the smallest number is whole.
 */
export class LogPartition implements BlockPartition<BlockSummary> {
  readonly dir: string;
  readonly startMs: number;
  readonly #shared: PartitionShared;
  #dataFile = firstDataFile;
  #live: BlockList | undefined = { table: new BlockTable(), book: new StreamBook() };
  #index: IndexFile | undefined;
  #contents: Contents | undefined;
  #lines = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = Number.NEGATIVE_INFINITY;
  #arrivedMs: number;
  #last: Arrival | undefined;
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
    return (this.#live?.table.length ?? 0) >= manyBlocks;
  }

  /** Has it been unlinked? */
  get gone(): boolean {
    return this.#gone;
  }

  get bytes(): number {
    return this.#dataBytes + this.#indexBytes;
  }

  /** Lines. */
  get items(): number {
    return this.#lines;
  }

  /** Bounds of the lines' times; the lower one is above the other where there is no line. */
  get minMs(): number {
    return this.#minMs;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  /** When the last of its lines came, ms since 1970. */
  get arrivedMs(): number {
    return this.#arrivedMs;
  }

  /** The line that arrived last. */
  get last(): Arrival | undefined {
    return this.#last;
  }

  get position(): HeldPosition | undefined {
    return this.#position;
  }

  status(): PartitionStatus {
    const { startMs, sealed, bytes, items } = this;
    return { signal: 'logs', startMs, sealed, bytes, items };
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
    const scan = scanBlocks(this.#shared.files, this.blocksPath, lineBlocks);
    this.#live = { table: new BlockTable(), book: new StreamBook() };
    this.#index = undefined;
    this.#contents = undefined;
    this.#indexBytes = 0;
    this.#lines = 0;
    for (const damage of scan.damage) {
      this.#shared.damage.note(damage);
    }
    this.#arrivedMs = scan.arrivedMs ?? this.startMs;
    this.grow(scan.blocks, scan.position, scan.keepBytes);
    return scan;
  }

  grow(
    blocks: readonly FoundBlock<BlockSummary>[],
    position: HeldPosition | undefined,
    fileBytes: number,
    arrivedMs = 0,
  ): void {
    if (this.#live === undefined) {
      throw new Error('a sealed partition does not grow');
    }
    for (const { place, summary } of blocks) {
      this.#live.table.append(place, summary, this.#live.book);
      this.#lines += summary.lines;
      this.#minMs = Math.min(this.#minMs, summary.minMs);
      this.#maxMs = Math.max(this.#maxMs, summary.maxMs);
      this.#last = laterOf(this.#last, summary.last);
    }
    this.#position = position;
    this.#dataBytes = fileBytes;
    this.#arrivedMs = Math.max(this.#arrivedMs, arrivedMs);
  }

  /** Left to `log-seal.ts`, which takes its time. */
  async seal(): Promise<void> {}

  /** From now on it is what the index says. */
  takeIndex(index: IndexFile, indexBytes: number): void {
    const { facts } = index;
    this.#index = index;
    this.#live = undefined;
    this.#contents = undefined;
    this.#indexBytes = indexBytes;
    this.#dataFile = facts.file;
    this.#dataBytes = sizeOf(this.blocksPath) ?? 0;
    this.#lines = facts.lines;
    this.#minMs = facts.minMs;
    this.#maxMs = facts.maxMs;
    this.#arrivedMs = facts.arrivedMs;
    this.#last = facts.last;
    this.#position = facts.position;
  }

  /** What an index over `file` says. */
  facts(file: string): SealedFacts {
    const { items, minMs, maxMs, arrivedMs, last, position } = this;
    const bounds = items === 0 ? { minMs: 0, maxMs: -1 } : { minMs, maxMs };
    return { file, lines: items, ...bounds, arrivedMs, last, position };
  }

  async remove(): Promise<void> {
    this.#gone = true;
    await unlinkPartition(this.dir, this.#shared);
  }

  /** Where its index file turns out to be bad, that is named, and the blocks are looked through instead. */
  contents(): Contents {
    if (this.#live !== undefined) {
      return { ...this.#live, path: this.blocksPath };
    }
    try {
      this.#contents ??= this.#index === undefined ? undefined : { ...this.#index.read(), path: this.blocksPath };
    } catch (error) {
      this.#shared.damage.noteBadIndex(error, this.indexPath, this.#indexBytes);
      this.openLive();
    }
    return this.#contents ?? this.contents();
  }

  /** Gives back what an index file holds in memory. */
  forget(): void {
    this.#contents = undefined;
  }

  /** The filter of a block, good until the next call; undefined when it cannot be read, which is named. */
  bloom({ path, table }: Contents, block: number): Uint8Array | undefined {
    const place = table.place(block);
    return this.#guarded(path, place, () => bloomOf(this.#header(path, place)));
  }

  /** All that its header says; undefined when it cannot be read, which is named. */
  summary({ path, table }: Contents, block: number): BlockSummary | undefined {
    const place = table.place(block);
    return this.#guarded(path, place, () => decodeSummary(Buffer.from(this.#header(path, place))));
  }

  payload({ path, table }: Contents, block: number): Buffer | undefined {
    const place = table.place(block);
    return this.#guarded(path, place, () => readPayload(this.#shared.files, path, place));
  }

  /** What `read` makes of a block's lines, and of their text in `room`; undefined when the block cannot be read, which is named. */
  lines<T>(contents: Contents, block: number, read: (lines: BlockLines) => T, room?: Scratch): T | undefined {
    const { path, table } = contents;
    const place = table.place(block);
    return this.#guarded(path, place, () => read(new BlockLines(readPayload(this.#shared.files, path, place), room)));
  }

  /** Names a block that cannot be read; what else went wrong is thrown again. */
  noteUnread({ path, table }: Contents, block: number, error: unknown): void {
    this.#noteBad(path, table.place(block), error);
  }

  #guarded<T>(path: string, place: BlockPlace, read: () => T): T | undefined {
    if (this.#gone) {
      return undefined;
    }
    try {
      return read();
    } catch (error) {
      this.#noteBad(path, place, error);
      return undefined;
    }
  }

  #noteBad(path: string, place: BlockPlace, error: unknown): void {
    if (!hasCode(error, 'BRIDGE_CORRUPT') && !hasCode(error, 'BRIDGE_NOT_FOUND')) {
      throw error;
    }
    const bytes = recordBytesOf(place);
    this.#shared.damage.note({ file: path, offset: place.offset, bytes, reason: error.message });
  }

  /** A view of memory that all blocks share. Throws BRIDGE_CORRUPT. */
  #header(path: string, { offset, headerBytes }: BlockPlace): Buffer {
    const { files, headers } = this.#shared;
    const bytes = headers.take(prefixBytes + headerBytes);
    const whole = files.readUpTo(path, offset, bytes) === bytes.length;
    const check = checkFrame(bytes, 0);
    if (!whole || check.kind === 'bad' || check.payloadAt !== bytes.length) {
      throw new BridgeError('BRIDGE_CORRUPT', 'the header of a block fails its checksum');
    }
    return bytes.subarray(prefixBytes);
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
