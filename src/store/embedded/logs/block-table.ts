import { BridgeError } from '../../../contract/errors.ts';
import type { BlockPlace } from '../blocks/block-format.ts';
import { type BlockFacts, type BlockSummary, factBytes, readFacts, writeFacts } from './block-summary.ts';
import type { StreamBook } from './stream-labels.ts';

/** Per block: f64 offset, u32 header bytes, u32 payload bytes, the facts (`block-summary.ts`), u32 end of its streams in the list of all. */
const factsAt = 16;
const streamsEndAt = factsAt + factBytes;
const rowBytes = streamsEndAt + 4;
const firstRows = 64;

/** What is known of each block of a partition: 120 bytes a block and 4 a stream. */
export class BlockTable {
  #rows: Buffer;
  #length: number;
  readonly #streams: number[];

  constructor(rows: Buffer = Buffer.alloc(0), streams: number[] = []) {
    this.#rows = rows;
    this.#length = rows.length / rowBytes;
    this.#streams = streams;
  }

  get length(): number {
    return this.#length;
  }

  append(place: BlockPlace, summary: BlockSummary, book: StreamBook): void {
    const at = this.#length * rowBytes;
    if (at === this.#rows.length) {
      this.#rows = Buffer.concat([this.#rows], Math.max(firstRows * rowBytes, this.#rows.length * 2));
    }
    for (const labels of summary.streams) {
      this.#streams.push(book.id(labels));
    }
    this.#rows.writeDoubleLE(place.offset, at);
    this.#rows.writeUInt32LE(place.headerBytes, at + 8);
    this.#rows.writeUInt32LE(place.payloadBytes, at + 12);
    writeFacts(this.#rows, at + factsAt, summary);
    this.#rows.writeUInt32LE(this.#streams.length, at + streamsEndAt);
    this.#length += 1;
  }

  place(block: number): BlockPlace {
    const at = block * rowBytes;
    return {
      offset: this.#rows.readDoubleLE(at),
      headerBytes: this.#rows.readUInt32LE(at + 8),
      payloadBytes: this.#rows.readUInt32LE(at + 12),
    };
  }

  facts(block: number): BlockFacts {
    return readFacts(this.#rows, block * rowBytes + factsAt);
  }

  /** Numbers of its streams in the partition's book, in the order in which its runs count them. */
  streams(block: number): readonly number[] {
    const begin = block === 0 ? 0 : this.#rows.readUInt32LE((block - 1) * rowBytes + streamsEndAt);
    return this.#streams.slice(begin, this.#rows.readUInt32LE(block * rowBytes + streamsEndAt));
  }

  /** To be read by `read`: u32 blocks, u32 streams, rows, the list of streams (u32). */
  write(): Buffer {
    const lengths = Uint32Array.of(this.#length, this.#streams.length);
    const rows = this.#rows.subarray(0, this.#length * rowBytes);
    return Buffer.concat([Buffer.from(lengths.buffer), rows, Buffer.from(Uint32Array.from(this.#streams).buffer)]);
  }

  /** Throws BRIDGE_CORRUPT. */
  static read(bytes: Buffer): BlockTable {
    const blocks = bytes.length < 8 ? 0 : bytes.readUInt32LE(0);
    const streams = bytes.length < 8 ? 0 : bytes.readUInt32LE(4);
    const streamsAt = 8 + blocks * rowBytes;
    if (bytes.length !== streamsAt + streams * 4) {
      throw new BridgeError('BRIDGE_CORRUPT', 'a table of blocks of another length');
    }
    const list = Array.from({ length: streams }, (_, i) => bytes.readUInt32LE(streamsAt + i * 4));
    return new BlockTable(bytes.subarray(8, streamsAt), list);
  }
}
