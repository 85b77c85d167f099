import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { decodeFrameBody, decodeSeries, type FrameBody, shapeKey } from '../../../codec/metric-frame/metric-frame.ts';
import { BridgeError } from '../../../contract/errors.ts';
import type { QueueRecord, TagEdits } from '../../../model/batch.ts';
import type { Series } from '../../../model/metric.ts';
import type { BlockFormat, PackedBlock } from '../blocks/block-format.ts';
import { blockHead, blockHeadBytes } from '../blocks/block-records.ts';
import type { LaneRange } from '../blocks/lane-place.ts';

const headerBytes = blockHeadBytes + 24;
const at = { items: blockHeadBytes, first: blockHeadBytes + 8, last: blockHeadBytes + 16 } as const;
/** A commit stops far before; more is not ours. */
const maxInflatedBytes = 256 * 1024 * 1024;

/** Where the series of a frame are written. */
export interface ShapeSource {
  readonly key: string;
  readonly dictionary: Uint8Array;
  readonly edits: TagEdits | undefined;
}

/** A frame as the lane gave it, checked. */
export interface StoredFrame {
  readonly shape: ShapeSource;
  readonly payload: Uint8Array;
  readonly body: FrameBody;
}

/** What the header of a block of frames says; those just written come with it. */
export interface FrameBlock extends LaneRange {
  readonly items: number;
  readonly frames?: readonly StoredFrame[];
}

export const frameBlocks: BlockFormat<FrameBlock> = {
  noun: 'samples',
  itemsOf: ({ items }) => items,
  encode: ({ items, first, last }, nonce) => {
    const header = blockHead(nonce, headerBytes);
    header.writeUInt32LE(items, at.items);
    header.writeDoubleLE(first.seq, at.first);
    header.writeDoubleLE(last.seq, at.last);
    return header;
  },
  decode: (header) => {
    if (header.length !== headerBytes) {
      throw new BridgeError('BRIDGE_CORRUPT', 'not a block of frames');
    }
    return {
      items: header.readUInt32LE(at.items),
      first: { seq: header.readDoubleLE(at.first), index: 0 },
      last: { seq: header.readDoubleLE(at.last), index: 0 },
    };
  },
};

/** Throws BRIDGE_DECODE when the record is no frame, or one of another shape; `counts` remembers how many series shapes have. */
export function frameOf(record: QueueRecord, counts: Map<string, number>): StoredFrame {
  const { dictionary, edits, payload, format } = record;
  if (format !== 'metric-frame' || dictionary === undefined) {
    throw new BridgeError('BRIDGE_DECODE', `a record of format ${format}${dictionary ? '' : ' without its shape'}`);
  }
  const body = decodeFrameBody(payload);
  const shape = { key: shapeKey(dictionary.id, edits), dictionary: dictionary.bytes, edits };
  const count = counts.get(shape.key) ?? seriesOf(shape).length;
  counts.set(shape.key, count);
  if (count !== body.values.length) {
    throw new BridgeError('BRIDGE_DECODE', `${body.values.length} values for a shape of ${count} series`);
  }
  return { shape, payload, body };
}

export function seriesOf({ dictionary, edits }: ShapeSource): readonly Series[] {
  return decodeSeries(dictionary, edits);
}

/** In so many blocks of a file a shape is written: one that is bitten then costs its own frames alone. */
const shapeCopies = 2;

/** Which shapes the file holds behind the last cut, and how often. */
export class WrittenShapes {
  readonly #copies = new Map<string, number>();

  needs(key: string): boolean {
    return (this.#copies.get(key) ?? 0) < shapeCopies;
  }

  add(key: string): void {
    this.#copies.set(key, (this.#copies.get(key) ?? 0) + 1);
  }

  clear(): void {
    this.#copies.clear();
  }
}

/** Packs when it is written, for only then is it known which file it goes to. */
export class FrameDraft implements PackedBlock<FrameBlock> {
  readonly summary: FrameBlock;
  readonly #frames: readonly StoredFrame[];
  readonly #written: () => WrittenShapes;

  constructor(frames: readonly StoredFrame[], range: LaneRange, written: () => WrittenShapes) {
    this.#frames = frames;
    this.#written = written;
    const items = frames.reduce((sum, { body }) => sum + body.values.length, 0);
    this.summary = { ...range, items, frames };
  }

  get payload(): Buffer {
    return packFrames(this.#frames, this.#written());
  }
}

/** What stands before the bytes: shapes in the order of their first frame, and for each frame its shape and its length. */
interface Contents {
  readonly shapes: { readonly key: string; readonly bytes?: number; readonly edits?: TagEdits }[];
  readonly frames: (readonly [shape: number, bytes: number])[];
}

/** u32 length of the contents, the contents as JSON, the bytes of shapes, the payloads of the frames; all of it zstd. */
export function packFrames(frames: readonly StoredFrame[], written: WrittenShapes): Buffer {
  const contents: Contents = { shapes: [], frames: [] };
  const numbers = new Map<string, number>();
  const dictionaries: Uint8Array[] = [];
  for (const { shape, payload } of frames) {
    const { key, dictionary, edits } = shape;
    let number = numbers.get(key);
    if (number === undefined) {
      const fresh = written.needs(key);
      number = contents.shapes.push({ key, ...(fresh && { bytes: dictionary.length, ...(edits && { edits }) }) }) - 1;
      numbers.set(key, number);
      if (fresh) {
        dictionaries.push(dictionary);
        written.add(key);
      }
    }
    contents.frames.push([number, payload.length]);
  }
  const json = Buffer.from(JSON.stringify(contents));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const all = Buffer.concat([length, json, ...dictionaries, ...frames.map(({ payload }) => payload)]);
  return zstdCompressSync(all, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/** Also learns the shapes that the block brings. A frame whose shape is not known is given as its number of values alone. */
export function* unpackFrames(
  packed: Buffer,
  shapes: Map<string, ShapeSource>,
): Generator<StoredFrame | { readonly lost: number }, void, undefined> {
  const all = zstdDecompressSync(packed, { maxOutputLength: maxInflatedBytes });
  let at = 4 + all.readUInt32LE(0);
  const contents: Contents = JSON.parse(all.toString('utf8', 4, at));
  for (const { key, bytes, edits } of contents.shapes) {
    if (bytes !== undefined) {
      shapes.set(key, { key, dictionary: all.subarray(at, at + bytes), edits });
      at += bytes;
    }
  }
  for (const [number, bytes] of contents.frames) {
    const payload = all.subarray(at, at + bytes);
    const body = decodeFrameBody(payload);
    const shape = shapes.get(contents.shapes[number]?.key ?? '');
    yield shape === undefined ? { lost: body.values.length } : { shape, payload, body };
    at += bytes;
  }
}
