import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { systemDisk } from '../../../record/disk.ts';
import { RecordFile } from '../../../record/writer.ts';
import type { HeldPosition } from '../position.ts';
import type { BuiltBlock } from './block-builder.ts';
import { type BlockSummary, encodeSummary } from './block-summary.ts';
import { encodeCommit, encodePartitionHeader } from './partition-records.ts';
import { type FoundBlock, type PartitionScan, recordBytesOf } from './partition-scan.ts';

/** A block on its way to disk. */
export interface PackedBlock {
  readonly summary: BlockSummary;
  readonly payload: Buffer;
}

export function packBlock({ columns, summary }: BuiltBlock): PackedBlock {
  const payload = zstdCompressSync(columns, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  return { summary, payload };
}

/** Appends commits to the `blocks.rec` of the active partition. */
export class PartitionWriter {
  readonly #file: RecordFile;
  readonly #nonce: number;

  private constructor(file: RecordFile, nonce: number) {
    this.#file = file;
    this.#nonce = nonce;
  }

  /** Begins the file and its directory; `position` is what the store has so far. */
  static async create(path: string, position: HeldPosition | undefined): Promise<PartitionWriter> {
    const dir = dirname(path);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const nonce = randomBytes(4).readUInt32LE();
    const file = RecordFile.create(path, { after: systemDisk.syncDirOf(dir) });
    await file.append(
      encodePartitionHeader(nonce),
      position === undefined ? [] : [Buffer.from(JSON.stringify(position))],
    );
    return new PartitionWriter(file, nonce);
  }

  /** Goes on behind what a scan kept. */
  static async open(path: string, nonce: number, scan: PartitionScan): Promise<PartitionWriter> {
    return new PartitionWriter(await RecordFile.open(path, scan.keepBytes), nonce);
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  /** One write and one fdatasync for all of them and the commit record. Resolves, durable, with where they stand. */
  async commit(blocks: readonly PackedBlock[], position: HeldPosition, arrivedMs: number): Promise<FoundBlock[]> {
    const found: FoundBlock[] = [];
    const appends: Promise<void>[] = [];
    for (const { summary, payload } of blocks) {
      const header = encodeSummary(summary, this.#nonce);
      const place = { offset: this.#file.bytes, headerBytes: header.length, payloadBytes: payload.length };
      appends.push(this.#file.append(header, [payload]));
      found.push({ place, summary });
    }
    const facts = {
      position,
      arrivedMs,
      blocks: blocks.length,
      spans: blocks.reduce((sum, { summary }) => sum + summary.spans, 0),
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
