import { BridgeError } from '../../../contract/errors.ts';
import type { RumPoint } from '../../../model/rum.ts';
import type { BlockFormat } from '../blocks/block-format.ts';
import { blockHead, recordKinds } from '../blocks/block-records.ts';
import type { LanePlace } from '../blocks/lane-place.ts';
import { bloomHas, buildBloom } from '../traces/bloom.ts';
import { hashText, type TextHash } from '../traces/hash.ts';

/** What is known of a block without inflating it; the header of its record. */
export interface BlockSummary {
  readonly points: number;
  /** Its points are those of the lane from `first` to `last`, both included. */
  readonly first: LanePlace;
  readonly last: LanePlace;
  /** Bounds of the points' times, ms since 1970. */
  readonly minMs: number;
  readonly maxMs: number;
  /** The kinds of points: `view`, `resource`, ... */
  readonly kinds: readonly string[];
  /** Knows every value of `bloomKeys`. */
  readonly bloom: Uint8Array;
}

/** What single points are looked for by. */
export const bloomKeys: readonly string[] = ['session_id', 'view_id', 'trace_id', 'userid'];

/** After kind, version and nonce (`blocks/block-records.ts`): u32 length of the JSON part, the JSON part, and the bloom filter to the end. */
const fixedBytes = 12;

interface JsonPart {
  readonly n: number;
  readonly lane: readonly [number, number, number, number];
  readonly ms: readonly [number, number];
  readonly kinds: readonly string[];
}

export function bloomOf(points: Iterable<RumPoint>): Uint8Array {
  const entries = new Map<string, TextHash>();
  for (const { tags, fields } of points) {
    for (const key of bloomKeys) {
      const value = tags[key] ?? fields[key];
      if (value !== undefined) {
        const entry = `${key}=${value}`;
        entries.set(entry, hashText(key, String(value)));
      }
    }
  }
  return buildBloom([...entries.values()]);
}

/** May a point of the block have that value? */
export function mayHold({ bloom }: BlockSummary, key: string, value: string): boolean {
  return bloomHas(bloom, hashText(key, value));
}

function encode({ points, first, last, minMs, maxMs, kinds, bloom }: BlockSummary, nonce: number): Buffer {
  const part: JsonPart = { n: points, lane: [first.seq, first.index, last.seq, last.index], ms: [minMs, maxMs], kinds };
  const json = Buffer.from(JSON.stringify(part));
  const head = blockHead(nonce, fixedBytes);
  head.writeUInt32LE(json.length, 8);
  return Buffer.concat([head, json, bloom]);
}

function decode(header: Buffer): BlockSummary {
  const bloomAt = header.length < fixedBytes ? 0 : fixedBytes + header.readUInt32LE(8);
  if (header[0] !== recordKinds.block || bloomAt === 0 || bloomAt > header.length) {
    throw new BridgeError('BRIDGE_CORRUPT', 'not the header of a block of points');
  }
  const part: JsonPart = JSON.parse(header.toString('utf8', fixedBytes, bloomAt));
  return {
    points: part.n,
    first: { seq: part.lane[0], index: part.lane[1] },
    last: { seq: part.lane[2], index: part.lane[3] },
    minMs: part.ms[0],
    maxMs: part.ms[1],
    kinds: part.kinds,
    bloom: header.subarray(bloomAt),
  };
}

export const pointBlocks: BlockFormat<BlockSummary> = {
  noun: 'points',
  itemsOf: ({ points }) => points,
  encode,
  decode,
};
