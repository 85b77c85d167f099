import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import type { PartitionStatus } from '../../../contract/store.ts';
import { prefixBytes } from '../../../record/frame.ts';
import type { FoundBlock } from '../blocks/block-format.ts';
import { readPayload } from '../blocks/block-read.ts';
import { type BlockScan, recordBytesOf, scanBlocks } from '../blocks/block-scan.ts';
import { type PartitionShared, sizeOf, unlinkPartition } from '../blocks/partition-files.ts';
import type { BlockPartition } from '../blocks/partition-series.ts';
import type { HeldPosition } from '../position.ts';
import { Arrivals } from './arrivals.ts';
import { type BlockSummary, keysAndBloom, spanBlocks } from './block-summary.ts';
import type { BlockTable } from './block-table.ts';
import { BlockView } from './block-view.ts';
import { RowBook } from './derived/row-book.ts';
import type { TraceKey } from './hash.ts';
import { IndexFile, type SealedFacts, writeIndexFile } from './index-file.ts';
import { LiveIndex, type PartitionIndex } from './live-index.ts';
import type { NameBook } from './name-book.ts';

/** A block that inflates to more than this is not ours: a span may have 10 MiB, a block stops after half a MiB. */
const maxColumnsBytes = 256 * 1024 * 1024;

/**
 * One directory `<startMs>` as questions see it: `blocks.rec`, which grows while the partition is active, and `index`, which is
 * there once it is sealed.
 */
export class Partition implements BlockPartition<BlockSummary> {
  readonly dir: string;
  readonly startMs: number;
  readonly #shared: PartitionShared;
  #index: PartitionIndex;
  #spans = 0;
  #minMicros = Number.POSITIVE_INFINITY;
  #maxMicros = Number.NEGATIVE_INFINITY;
  #arrivedMs: number;
  #position: HeldPosition | undefined;
  #blocksBytes = 0;
  #indexBytes = 0;
  #gone = false;
  readonly #arrivals: Arrivals;
  #rows: RowBook | undefined;

  constructor(dir: string, startMs: number, shared: PartitionShared) {
    this.dir = dir;
    this.startMs = startMs;
    this.#shared = shared;
    this.#index = new LiveIndex();
    this.#arrivedMs = startMs;
    this.#arrivals = new Arrivals(startMs);
  }

  get blocksPath(): string {
    return join(this.dir, 'blocks.rec');
  }

  get sealed(): boolean {
    return this.#index instanceof IndexFile;
  }

  /** Has it been unlinked? */
  get gone(): boolean {
    return this.#gone;
  }

  get bytes(): number {
    return this.#blocksBytes + this.#indexBytes + this.rows.bytes;
  }

  /** What was derived of the minutes that begin here. */
  get rows(): RowBook {
    this.#rows ??= new RowBook(join(this.dir, 'derived'), this.#shared);
    return this.#rows;
  }

  /** Spans. */
  get items(): number {
    return this.#spans;
  }

  /** When its blocks came, minute by minute. */
  get arrivals(): Arrivals {
    return this.#arrivals;
  }

  exists(): boolean {
    return existsSync(this.blocksPath);
  }

  /** Bounds of the spans' times in µs; the lower one is above the other where there is no span. */
  get minMicros(): number {
    return this.#minMicros;
  }

  get maxMicros(): number {
    return this.#maxMicros;
  }

  /** When the last of its spans came, ms since 1970. */
  get arrivedMs(): number {
    return this.#arrivedMs;
  }

  /** What the store had when the last commit was made here. */
  get position(): HeldPosition | undefined {
    return this.#position;
  }

  status(): PartitionStatus {
    const { startMs, sealed, bytes, items } = this;
    return { signal: 'traces', startMs, sealed, bytes, items };
  }

  /** Reads the index file; false when there is none, or a bad one, which is named. */
  openSealed(): boolean {
    const path = join(this.dir, 'index');
    const bytes = sizeOf(path);
    if (bytes === undefined) {
      return false;
    }
    try {
      this.#takeIndexFile(new IndexFile(this.#shared.files, path, bytes), bytes);
    } catch (error) {
      this.#shared.damage.noteBadIndex(error, join(this.dir, 'index'), bytes);
      return false;
    }
    this.#blocksBytes = sizeOf(this.blocksPath) ?? 0;
    return true;
  }

  /** Rebuilds the index in memory from the blocks. Throws BRIDGE_START at a later version's file. */
  openLive(): BlockScan<BlockSummary> {
    const scan = scanBlocks(this.#shared.files, this.blocksPath, spanBlocks);
    const live = new LiveIndex();
    this.#index = live;
    this.#indexBytes = 0;
    this.#spans = 0;
    this.#arrivals.clear();
    for (const damage of scan.damage) {
      this.#shared.damage.note(damage);
    }
    this.#arrivedMs = scan.arrivedMs ?? this.startMs;
    this.grow(scan.blocks, scan.position, scan.keepBytes);
    return scan;
  }

  /** Takes durable blocks into the index. */
  grow(
    blocks: readonly FoundBlock<BlockSummary>[],
    position: HeldPosition | undefined,
    fileBytes: number,
    arrivedMs = 0,
  ): void {
    const live = this.#index;
    if (!(live instanceof LiveIndex)) {
      throw new Error('a sealed partition does not grow');
    }
    for (const { place, summary } of blocks) {
      this.#arrivals.add(summary.arrivalMinute);
      live.add(place, summary);
      this.#spans += summary.spans;
      this.#minMicros = Math.min(this.#minMicros, summary.minMicros);
      this.#maxMicros = Math.max(this.#maxMicros, summary.maxMicros);
    }
    this.#position = position;
    this.#blocksBytes = fileBytes;
    this.#arrivedMs = Math.max(this.#arrivedMs, arrivedMs);
  }

  /** Writes the index file and reads from it from now on. The writer of `blocks.rec` must be closed. */
  async seal(): Promise<void> {
    if (!(this.#index instanceof LiveIndex)) {
      return;
    }
    const path = join(this.dir, 'index');
    this.#shared.files.forget(path);
    const bytes = await writeIndexFile(path, this.#index, this.#facts());
    this.#takeIndexFile(new IndexFile(this.#shared.files, path, bytes), bytes);
  }

  /** Unlinks it. Questions that still hold it find nothing more. */
  async remove(): Promise<void> {
    this.#gone = true;
    await unlinkPartition(this.dir, this.#shared);
  }

  names(): NameBook {
    return this.#indexed((index) => index.names());
  }

  table(): BlockTable {
    return this.#indexed((index) => index.table());
  }

  blocksOf(key: TraceKey): number[] {
    return this.#gone ? [] : this.#indexed((index) => index.blocksOf(key));
  }

  /** Gives back what an index file holds in memory. */
  forget(): void {
    if (this.#index instanceof IndexFile) {
      this.#index.forget();
    }
  }

  /** Trace keys and bloom filter of a block; undefined when it cannot be read. */
  header(block: number): Pick<BlockSummary, 'traceKeys' | 'bloom'> | undefined {
    const { offset, headerBytes, payloadBytes } = this.table().place(block);
    return this.#guarded(offset, recordBytesOf({ offset, headerBytes, payloadBytes }), () =>
      keysAndBloom(this.#shared.files.read(this.blocksPath, offset + prefixBytes, headerBytes)),
    );
  }

  /** The block, inflated; undefined when it cannot be read, which is named. */
  view(block: number): BlockView | undefined {
    const place = this.table().place(block);
    return this.#guarded(place.offset, recordBytesOf(place), () => {
      const payload = readPayload(this.#shared.files, this.blocksPath, place);
      return new BlockView(zstdDecompressSync(payload, { maxOutputLength: maxColumnsBytes }));
    });
  }

  #guarded<T>(offset: number, bytes: number, read: () => T): T | undefined {
    if (this.#gone) {
      return undefined;
    }
    try {
      return read();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#shared.damage.note({ file: this.blocksPath, offset, bytes, reason });
      return undefined;
    }
  }

  /** Asks the index; where its file turns out to be bad, names that, and asks one rebuilt from the blocks. */
  #indexed<T>(ask: (index: PartitionIndex) => T): T {
    try {
      return ask(this.#index);
    } catch (error) {
      this.#shared.damage.noteBadIndex(error, join(this.dir, 'index'), this.#indexBytes);
      this.openLive();
      return ask(this.#index);
    }
  }

  #takeIndexFile(index: IndexFile, bytes: number): void {
    const { facts } = index;
    this.#index = index;
    this.#indexBytes = bytes;
    this.#spans = facts.spans;
    this.#minMicros = facts.minMicros;
    this.#maxMicros = facts.maxMicros;
    this.#arrivedMs = facts.arrivedMs;
    this.#position = facts.position;
    this.#arrivals.take(facts.runs, facts.blocks ?? index.table().length);
  }

  #facts(): SealedFacts {
    const { items, arrivedMs, position } = this;
    const empty = items === 0;
    return {
      spans: items,
      minMicros: empty ? 0 : this.minMicros,
      maxMicros: empty ? -1 : this.maxMicros,
      arrivedMs,
      position,
      runs: this.#arrivals.runs,
      blocks: this.#arrivals.blocks,
    };
  }
}
