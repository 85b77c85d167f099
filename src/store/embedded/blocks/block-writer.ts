import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Disk, systemDisk } from '../../../record/disk.ts';
import { RecordFile } from '../../../record/writer.ts';
import type { HeldPosition } from '../position.ts';
import type { BlockFormat, FoundBlock, PackedBlock } from './block-format.ts';
import { encodeBegin, encodeCommit } from './block-records.ts';
import { type BlockScan, recordBytesOf } from './block-scan.ts';

/** Appends commits to the `blocks.rec` of the active partition. */
export class BlockWriter<S> {
  readonly #file: RecordFile;
  readonly #nonce: number;
  readonly #format: BlockFormat<S>;

  private constructor(file: RecordFile, nonce: number, format: BlockFormat<S>) {
    this.#file = file;
    this.#nonce = nonce;
    this.#format = format;
  }

  /** Begins the file and its directory; `position` is what the store has so far. */
  static async create<S>(
    path: string,
    format: BlockFormat<S>,
    position: HeldPosition | undefined,
    disk: Disk = systemDisk,
  ): Promise<BlockWriter<S>> {
    const dir = dirname(path);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const nonce = randomBytes(4).readUInt32LE();
    const file = RecordFile.create(path, { disk, after: disk.syncDirOf(dir) });
    await file.append(encodeBegin(nonce), position === undefined ? [] : [Buffer.from(JSON.stringify(position))]);
    return new BlockWriter(file, nonce, format);
  }

  /** Goes on behind what a scan kept; undefined when the file held no intact record. */
  static async open<S>(
    path: string,
    format: BlockFormat<S>,
    scan: BlockScan<S>,
    disk: Disk = systemDisk,
  ): Promise<BlockWriter<S> | undefined> {
    const { nonce, keepBytes } = scan;
    return nonce === undefined
      ? undefined
      : new BlockWriter(await RecordFile.open(path, keepBytes, { disk }), nonce, format);
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  /** One write and one fdatasync for all of them and the commit record. Resolves, durable, with where they stand. */
  async commit(blocks: readonly PackedBlock<S>[], position: HeldPosition, arrivedMs: number): Promise<FoundBlock<S>[]> {
    const found: FoundBlock<S>[] = [];
    const appends: Promise<void>[] = [];
    for (const { summary, payload } of blocks) {
      const header = this.#format.encode(summary, this.#nonce);
      const place = { offset: this.#file.bytes, headerBytes: header.length, payloadBytes: payload.length };
      appends.push(this.#file.append(header, [payload]));
      found.push({ place, summary });
    }
    const facts = {
      position,
      arrivedMs,
      blocks: blocks.length,
      items: blocks.reduce((sum, { summary }) => sum + this.#format.itemsOf(summary), 0),
      blockBytes: found.reduce((sum, { place }) => sum + recordBytesOf(place), 0),
    };
    appends.push(this.#file.append(encodeCommit(facts, this.#nonce)));
    await Promise.all(appends);
    return found;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
