import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BridgeError } from '../../../contract/errors.ts';
import { checkFrame, encodeRecord, prefixBytes, recordBytes } from '../../../record/frame.ts';
import type { FoundBlock } from '../blocks/block-format.ts';
import { writeWholeFile } from '../blocks/whole-file.ts';
import type { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { BlockSummary } from './block-summary.ts';

/** What is known of a sealed partition without its list of blocks. */
export interface SealedFacts {
  /** The file that the blocks stand in. */
  readonly file: string;
  readonly points: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly arrivedMs: number;
  readonly position: HeldPosition | undefined;
}

/** `[offset, header bytes, payload bytes, points, seq, index, seq, index, min ms, max ms, kinds, bloom in base64]` */
type BlockJson = readonly [
  ...numbers: [number, number, number, number, number, number, number, number, number, number],
  kinds: readonly string[],
  bloom: string,
];

const maxListBytes = 256 * 1024 * 1024;

/**
 * The index of a sealed partition is one record (`record/frame.ts`): facts as JSON in the header, the list of blocks as JSON,
 * zstd, in the payload. Resolves with its bytes.
 */
export function writeIndexFile(
  path: string,
  facts: SealedFacts,
  blocks: readonly FoundBlock<BlockSummary>[],
): Promise<number> {
  const header = Buffer.from(JSON.stringify({ v: 1, ...facts }));
  const payload = zstdCompressSync(Buffer.from(JSON.stringify(blocks.map(jsonOf))), {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  });
  const record = Buffer.alloc(recordBytes(header.length, payload.length));
  encodeRecord(record, 0, header, [payload]);
  return writeWholeFile(path, [record]);
}

export class IndexFile {
  readonly facts: SealedFacts;
  readonly #files: FileCache;
  readonly #path: string;
  readonly #bytes: number;

  /** `bytes` is the length of the file. Throws BRIDGE_CORRUPT when it is no whole index file. */
  constructor(files: FileCache, path: string, bytes: number) {
    this.#files = files;
    this.#path = path;
    this.#bytes = bytes;
    const { v, ...facts }: SealedFacts & { readonly v: number } = JSON.parse(this.#parts().header.toString());
    if (v !== 1) {
      throw new BridgeError('BRIDGE_CORRUPT', 'an index of another version');
    }
    this.facts = facts;
  }

  /** Throws BRIDGE_CORRUPT. */
  blocks(): readonly FoundBlock<BlockSummary>[] {
    const json = zstdDecompressSync(this.#parts().payload, { maxOutputLength: maxListBytes }).toString();
    return (JSON.parse(json) as readonly BlockJson[]).map(blockOf);
  }

  #parts(): { readonly header: Buffer; readonly payload: Buffer } {
    const record = this.#files.read(this.#path, 0, this.#bytes);
    const check = checkFrame(record, 0);
    if (check.kind !== 'record' || check.end !== this.#bytes) {
      throw new BridgeError('BRIDGE_CORRUPT', 'the index fails its checksum');
    }
    return { header: record.subarray(prefixBytes, check.payloadAt), payload: record.subarray(check.payloadAt) };
  }
}

function jsonOf({ place, summary }: FoundBlock<BlockSummary>): BlockJson {
  const { points, first, last, minMs, maxMs, kinds, bloom } = summary;
  const { offset, headerBytes, payloadBytes } = place;
  const lane = [first.seq, first.index, last.seq, last.index] as const;
  return [
    offset,
    headerBytes,
    payloadBytes,
    points,
    ...lane,
    minMs,
    maxMs,
    kinds,
    Buffer.from(bloom).toString('base64'),
  ];
}

function blockOf(json: BlockJson): FoundBlock<BlockSummary> {
  const [offset, headerBytes, payloadBytes, points, firstSeq, firstIndex, lastSeq, lastIndex, minMs, maxMs] = json;
  return {
    place: { offset, headerBytes, payloadBytes },
    summary: {
      points,
      first: { seq: firstSeq, index: firstIndex },
      last: { seq: lastSeq, index: lastIndex },
      minMs,
      maxMs,
      kinds: json[10],
      bloom: Buffer.from(json[11], 'base64'),
    },
  };
}
