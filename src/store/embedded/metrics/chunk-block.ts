import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { decodeShape, encodeShape } from '../../../codec/metric-frame/metric-frame.ts';
import { BridgeError } from '../../../contract/errors.ts';
import type { Series } from '../../../model/metric.ts';
import type { BlockFormat, PackedBlock } from '../blocks/block-format.ts';
import { blockHead, blockHeadBytes } from '../blocks/block-records.ts';
import { type Chunk, paddingBytes } from './chunk.ts';

/**
 * What stands in a file of chunks, by the header of its blocks:
 * `series` gives the numbers of series from `first` on, `samples` the chunks of series of which each stands behind (`leader`,
 * `series`) of the block before: sorted by the number of the first series of the same name, then by their own. `cut` ends the file:
 * the frames of `blocks.rec` up to `coveredBytes` stand in the files of chunks now.
 */
export type ChunkBlock =
  | { readonly kind: 'series'; readonly first: number; readonly count: number }
  | {
      readonly kind: 'samples';
      readonly samples: number;
      readonly leader: number;
      readonly series: number;
      readonly minMs: number;
      readonly maxMs: number;
      readonly inflatedBytes: number;
    }
  | { readonly kind: 'cut'; readonly coveredBytes: number; readonly items: number };

const kinds = { series: 0, samples: 1, cut: 2 } as const;
const headerBytes = blockHeadBytes + 40;
const at = { kind: 8, count: 12, one: 16, two: 20, first: 24, second: 32, inflated: 40 } as const;
const maxInflatedBytes = 256 * 1024 * 1024;

export const chunkBlocks: BlockFormat<ChunkBlock> = {
  noun: 'samples',
  itemsOf: (block) => (block.kind === 'samples' ? block.samples : 0),
  encode: (block, nonce) => {
    const header = blockHead(nonce, headerBytes);
    header.writeUInt8(kinds[block.kind], at.kind);
    switch (block.kind) {
      case 'series':
        header.writeUInt32LE(block.count, at.count);
        header.writeUInt32LE(block.first, at.one);
        break;
      case 'samples':
        header.writeUInt32LE(block.samples, at.count);
        header.writeUInt32LE(block.leader, at.one);
        header.writeUInt32LE(block.series, at.two);
        header.writeDoubleLE(block.minMs, at.first);
        header.writeDoubleLE(block.maxMs, at.second);
        header.writeUInt32LE(block.inflatedBytes, at.inflated);
        break;
      default:
        header.writeDoubleLE(block.coveredBytes, at.first);
        header.writeDoubleLE(block.items, at.second);
    }
    return header;
  },
  decode: (header) => {
    if (header.length !== headerBytes) {
      throw new BridgeError('BRIDGE_CORRUPT', 'not a block of chunks');
    }
    const count = header.readUInt32LE(at.count);
    const one = header.readUInt32LE(at.one);
    const first = header.readDoubleLE(at.first);
    const second = header.readDoubleLE(at.second);
    switch (header.readUInt8(at.kind)) {
      case kinds.series:
        return { kind: 'series', first: one, count };
      case kinds.samples: {
        const series = header.readUInt32LE(at.two);
        const inflatedBytes = header.readUInt32LE(at.inflated);
        return { kind: 'samples', samples: count, leader: one, series, minMs: first, maxMs: second, inflatedBytes };
      }
      default:
        return { kind: 'cut', coveredBytes: first, items: second };
    }
  },
};

export function packCut(coveredBytes: number, items: number): PackedBlock<ChunkBlock> {
  return { summary: { kind: 'cut', coveredBytes, items }, payload: Buffer.alloc(0) };
}

export function packSeries(first: number, series: readonly Series[]): PackedBlock<ChunkBlock> {
  const payload = compressed(encodeShape(series).bytes);
  return { summary: { kind: 'series', first, count: series.length }, payload };
}

/** Throws BRIDGE_DECODE. */
export function unpackSeries(payload: Buffer): readonly Series[] {
  return decodeShape(zstdDecompressSync(payload, { maxOutputLength: maxInflatedBytes }));
}

/** Chunks on their way into a block. */
export class ChunkBlockBuilder {
  readonly #leader: number;
  readonly #chunks: (readonly [series: number, chunk: Chunk])[] = [];
  #bytes = 0;

  constructor(leader: number) {
    this.#leader = leader;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** In the order of the file; of one series the later arrivals behind. */
  add(series: number, chunk: Chunk): void {
    this.#chunks.push([series, chunk]);
    this.#bytes += chunk.length;
  }

  /** Count; series, lengths and counts of samples as u32; bounds as f64; then the bits of one behind those of the other, and `paddingBytes`. */
  pack(): PackedBlock<ChunkBlock> {
    const count = this.#chunks.length;
    const block = Buffer.alloc(tableBytes(count) + this.#bytes + paddingBytes);
    const columns = columnsOf(block, count);
    let bitsAt = tableBytes(count);
    let samples = 0;
    let minMs = Number.POSITIVE_INFINITY;
    let maxMs = Number.NEGATIVE_INFINITY;
    block.writeUInt32LE(count, 0);
    for (const [index, [series, chunk]] of this.#chunks.entries()) {
      columns.series[index] = series;
      columns.lengths[index] = chunk.length;
      columns.counts[index] = chunk.count;
      columns.firstMs[index] = chunk.firstMs;
      columns.lastMs[index] = chunk.lastMs;
      block.set(chunk.bytes.subarray(chunk.at, chunk.at + chunk.length), bitsAt);
      bitsAt += chunk.length;
      samples += chunk.count;
      minMs = Math.min(minMs, chunk.firstMs);
      maxMs = Math.max(maxMs, chunk.lastMs);
    }
    const [[series] = [0]] = this.#chunks;
    const inflatedBytes = block.length;
    const summary = { kind: 'samples', samples, leader: this.#leader, series, minMs, maxMs, inflatedBytes } as const;
    return { summary, payload: compressed(block) };
  }
}

/** A block of chunks, inflated. */
export class ChunkBlockView {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #columns: ReturnType<typeof columnsOf>;
  readonly #ends: Uint32Array;
  /** Where the chunks of a series begin. */
  readonly #indexOf = new Map<number, number>();

  /** Throws when it is no block of chunks. */
  constructor(payload: Buffer, inflatedBytes: number) {
    const block = inflated(payload, inflatedBytes);
    const count = block.readUInt32LE(0);
    if (tableBytes(count) > block.length - paddingBytes) {
      throw new BridgeError('BRIDGE_CORRUPT', 'a block of chunks is shorter than its table');
    }
    this.#bytes = block;
    this.#view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    this.#columns = columnsOf(block, count);
    let end = tableBytes(count);
    this.#ends = this.#columns.lengths.map((length) => {
      end += length;
      return end;
    });
    if (end > block.length - paddingBytes) {
      throw new BridgeError('BRIDGE_CORRUPT', 'a block of chunks is shorter than its chunks');
    }
    for (const [index, series] of this.#columns.series.entries()) {
      if (this.#columns.series[index - 1] !== series) {
        this.#indexOf.set(series, index);
      }
    }
  }

  get series(): Uint32Array {
    return this.#columns.series;
  }

  chunk(index: number): Chunk {
    const { lengths, counts, firstMs, lastMs } = this.#columns;
    const length = lengths[index] ?? 0;
    return {
      bytes: this.#bytes,
      view: this.#view,
      at: (this.#ends[index] ?? 0) - length,
      length,
      count: counts[index] ?? 0,
      firstMs: firstMs[index] ?? 0,
      lastMs: lastMs[index] ?? 0,
    };
  }

  /** Puts the chunks of a series behind the others, in the order of their arrival. */
  collect(series: number, into: Chunk[]): void {
    const { series: numbers } = this.#columns;
    for (let index = this.#indexOf.get(series) ?? numbers.length; numbers[index] === series; index++) {
      into.push(this.chunk(index));
    }
  }
}

function tableBytes(count: number): number {
  return 8 + Math.ceil((count * 3) / 2) * 8 + count * 16;
}

function columnsOf(block: Buffer, count: number) {
  const { buffer, byteOffset } = block;
  const words = (index: number): Uint32Array => new Uint32Array(buffer, byteOffset + 8 + index * count * 4, count);
  const doublesAt = byteOffset + tableBytes(count) - count * 16;
  return {
    series: words(0),
    lengths: words(1),
    counts: words(2),
    firstMs: new Float64Array(buffer, doublesAt, count),
    lastMs: new Float64Array(buffer, doublesAt + count * 8, count),
  };
}

function compressed(bytes: Uint8Array): Buffer {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/** In memory that begins on a multiple of 8. All at once: pieces would be put together again. */
function inflated(payload: Buffer, bytes: number): Buffer {
  const chunkSize = Math.min(maxInflatedBytes, Math.max(1024, bytes));
  const block = zstdDecompressSync(payload, { chunkSize, maxOutputLength: maxInflatedBytes });
  if (block.byteOffset % 8 === 0) {
    return block;
  }
  const own = Buffer.from(new ArrayBuffer(block.length));
  own.set(block);
  return own;
}
