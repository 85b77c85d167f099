import { join } from 'node:path';
import type { HeldPosition } from '../position.ts';
import type { Chunk } from './chunk.ts';
import { type ChunkFile, heldChunks, writeChunkFile } from './chunk-file.ts';
import { type ShapeSource, type StoredFrame, seriesOf, WrittenShapes } from './frame-block.ts';
import { Heads } from './heads.ts';
import type { SealedFacts } from './index-file.ts';
import { LateSamples } from './late-samples.ts';
import { SeriesTable } from './series-table.ts';

const staleBits = Uint32Array.of(2, 0x7ff00000);
/** Of a late sample, its place in the lists by series included. */
const lateSampleBytes = 32;

/** Samples that stand in no file of chunks yet: since when, how many, and what they take in memory. */
export interface Held {
  readonly sinceMs: number | undefined;
  readonly samples: number;
  readonly bytes: number;
}

/** What came after the last file of chunks, in memory; and the series of the partition. */
export class LivePart {
  readonly #dir: string;
  readonly table = new SeriesTable();
  readonly #heads = new Heads();
  readonly #late = new LateSamples();
  /** Numbers of the series of a shape, in its order. */
  readonly #numbers = new Map<string, Uint32Array>();
  readonly #written = new WrittenShapes();
  #files: readonly ChunkFile[] = [];
  #filesBytes = 0;
  #fileNumber = 0;
  #framesBytes = 0;
  #coveredBytes = 0;
  #filedSeries = 0;
  #items = 0;
  #filedItems = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = Number.NEGATIVE_INFINITY;
  #arrivedMs: number;
  #heldSinceMs: number | undefined;
  #position: HeldPosition | undefined;

  constructor(dir: string, startMs: number) {
    this.#dir = dir;
    this.#arrivedMs = startMs;
  }

  get files(): readonly ChunkFile[] {
    return this.#files;
  }

  get items(): number {
    return this.#items;
  }

  get bytes(): number {
    return this.#filesBytes + this.#framesBytes;
  }

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

  get writtenShapes(): WrittenShapes {
    return this.#written;
  }

  get held(): Held {
    const samples = this.#items - this.#filedItems;
    return { sinceMs: this.#heldSinceMs, samples, bytes: this.#heads.bytes + this.#late.length * lateSampleBytes };
  }

  /** A file of chunks that was found; `items` are those of the partition up to it. */
  found(file: ChunkFile, coveredBytes: number, items: number): void {
    this.#addFile(file);
    this.#coveredBytes = coveredBytes;
    this.#items = items;
    this.#filedItems = items;
    this.#filedSeries = this.table.size;
    for (const { summary } of file.blocks) {
      this.#bound(summary.minMs, summary.maxMs);
    }
  }

  /** Samples of that series stand in a file. */
  extend(series: number, firstMs: number, lastMs: number): void {
    this.table.extend(series, firstMs, lastMs);
  }

  /** Files are numbered from 1 on; a number that was once in use is not used again. */
  reserve(fileNumber: number): void {
    this.#fileNumber = Math.max(this.#fileNumber, fileNumber);
  }

  take({ shape, body }: StoredFrame): void {
    const numbers = this.#numbersOf(shape);
    const { values, stale, timestampMs, timestampsMs } = body;
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
    const commonMs = Math.round(timestampMs);
    for (let i = 0; i < numbers.length; i++) {
      const ownMs = timestampsMs?.[i] ?? Number.NaN;
      const ended = stale !== undefined && ((stale[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
      const from = ended ? staleBits : words;
      const at = ended ? 0 : i * 2;
      this.#add(numbers[i] ?? 0, Number.isNaN(ownMs) ? commonMs : Math.round(ownMs), from, at);
    }
    this.#items += values.length;
  }

  moved(position: HeldPosition | undefined, fileBytes: number, arrivedMs: number): void {
    this.#position = position;
    this.#framesBytes = fileBytes;
    this.#arrivedMs = Math.max(this.#arrivedMs, arrivedMs);
    if (this.#items > this.#filedItems) {
      this.#heldSinceMs ??= this.#arrivedMs;
    }
  }

  /** The shape stands in `blocks.rec` behind the last cut. */
  wrote(shapeKey: string): void {
    this.#written.add(shapeKey);
  }

  chunks(series: number): readonly Chunk[] {
    return heldChunks(this.#heads, this.#late, series);
  }

  reaches(series: number, startMs: number, endMs: number): boolean {
    const inHeads =
      this.#heads.has(series) && this.#heads.firstMs(series) <= endMs && this.#heads.lastMs(series) >= startMs;
    return inHeads || this.#late.has(series);
  }

  async cut(): Promise<void> {
    const position = this.#position;
    if (this.#items === this.#filedItems || position === undefined) {
      return;
    }
    const path = join(this.#dir, `chunks-${this.#fileNumber + 1}`);
    const file = await writeChunkFile(path, {
      table: this.table,
      firstNewSeries: this.#filedSeries,
      heads: this.#heads,
      late: this.#late,
      position,
      arrivedMs: this.#arrivedMs,
      coveredBytes: this.#framesBytes,
      items: this.#items,
    });
    this.#fileNumber++;
    this.#extendAll();
    this.#addFile(file);
    this.#coveredBytes = this.#framesBytes;
    this.#filedSeries = this.table.size;
    this.#filedItems = this.#items;
    this.#heads.clear();
    this.#late.clear();
    this.#written.clear();
    this.#heldSinceMs = undefined;
  }

  get coveredBytes(): number {
    return this.#coveredBytes;
  }

  facts(): SealedFacts {
    const empty = this.#minMs > this.#maxMs;
    return {
      items: this.#items,
      minMs: empty ? 0 : this.#minMs,
      maxMs: empty ? -1 : this.#maxMs,
      arrivedMs: this.#arrivedMs,
      position: this.#position,
      bytes: this.#filesBytes,
    };
  }

  #add(series: number, timeMs: number, words: Uint32Array, at: number): void {
    const high = words[at + 1] ?? 0;
    const low = words[at] ?? 0;
    if (this.#heads.append(series, timeMs, high, low) === 'late') {
      this.#late.add(series, timeMs, high, low);
    }
    this.#bound(timeMs, timeMs);
  }

  #bound(minMs: number, maxMs: number): void {
    this.#minMs = Math.min(this.#minMs, minMs);
    this.#maxMs = Math.max(this.#maxMs, maxMs);
  }

  #addFile(file: ChunkFile): void {
    this.#files = [...this.#files, file];
    this.#filesBytes += file.bytes;
  }

  /** What the heads know of the times of series goes to the table. */
  #extendAll(): void {
    for (let series = 0; series < this.#heads.reach; series++) {
      if (this.#heads.has(series)) {
        this.table.extend(series, this.#heads.firstMs(series), this.#heads.lastMs(series));
      }
    }
    for (const series of this.#late.series) {
      const chunks = this.#late.ordered(series).chunks(0);
      this.table.extend(series, chunks[0]?.firstMs ?? 0, chunks.at(-1)?.lastMs ?? 0);
    }
  }

  #numbersOf(shape: ShapeSource): Uint32Array {
    const known = this.#numbers.get(shape.key);
    if (known !== undefined) {
      return known;
    }
    const numbers = Uint32Array.from(seriesOf(shape), (series) => this.table.number(series));
    this.#numbers.set(shape.key, numbers);
    return numbers;
  }
}
