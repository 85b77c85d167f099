import { BridgeError } from '../contract/errors.ts';
import type { Position } from '../model/batch.ts';

/**
 * The header of a lane's record, inside the frame of `frame.ts`. Numbers are little endian; u64 never passes 2^53.
 *
 * | offset | bytes | what |
 * |---|---|---|
 * | 0 | 1 | version: 1 |
 * | 1 | 1 | kind: `laneKinds` |
 * | 2 | 2 | zero |
 * | 4 | 4 | nonce: drawn for each segment, so that bytes inside a payload never pass for a record of it |
 * | 8 | 8 | seq: of a data record its own, otherwise that of the last data record before it |
 * | 16 | 8 | receivedAtMs |
 * | 24 | 8 | cumItems: items of the lane since its birth, this record's included |
 * | 32 | 4 | items; 0 unless data |
 * | 36 | 4 | offset of the dictionary's record in this segment; 0: none |
 * | 40 | 4 | length of meta |
 * | 44 | 4 | length of the position's key; 0xFFFFFFFF: no position |
 * | 48 | 4 | length of the position's value |
 * | 52 | | meta (JSON), key, value (UTF-8) |
 */
export const laneVersion = 1;
const fixedBytes = 52;
const noPosition = 0xffff_ffff;

/**
 * - `data`: a batch; meta `{format, origin, edits?, dictionary?}`, position if it came with one.
 * - `position`: a position alone. `forget`: its key is not kept any more (the value is empty).
 * - `cursor`: payload is the JSON of a cursor. `detach`: payload `{output}`, whose cursor is gone.
 * - `dictionary`: payload is the bytes, meta `{id}`; stands before the first data record of the segment that needs it.
 * - `snapshot`: first record of every segment; payload is the JSON of all positions and cursors.
 */
export const laneKinds = ['', 'data', 'position', 'forget', 'cursor', 'detach', 'dictionary', 'snapshot'] as const;
export type LaneKind = Exclude<(typeof laneKinds)[number], ''>;

export interface LaneFacts {
  readonly kind: LaneKind;
  readonly nonce: number;
  readonly seq: number;
  readonly receivedAtMs: number;
  readonly cumItems: number;
  readonly items: number;
  readonly dictionaryOffset: number;
}

const kindCodes = new Map<string, number>(laneKinds.map((kind, code) => [kind, code]));
const twoTo32 = 2 ** 32;
const none = Buffer.alloc(0);

/** Builds headers in one buffer of its own. */
export class LaneHeaderEncoder {
  #scratch = Buffer.allocUnsafeSlow(1024);

  /** The header's bytes, valid until the next call. */
  encode(facts: LaneFacts, meta: Uint8Array = none, position?: Position): Buffer {
    const most =
      fixedBytes + meta.length + (position === undefined ? 0 : 3 * (position.key.length + position.value.length));
    if (most > this.#scratch.length) {
      this.#scratch = Buffer.allocUnsafeSlow(most * 2);
    }
    const to = this.#scratch;
    to.writeUInt32LE(laneVersion | ((kindCodes.get(facts.kind) ?? 0) << 8), 0);
    to.writeUInt32LE(facts.nonce, 4);
    writeWhole(to, facts.seq, 8);
    writeWhole(to, facts.receivedAtMs, 16);
    writeWhole(to, facts.cumItems, 24);
    to.writeUInt32LE(facts.items, 32);
    to.writeUInt32LE(facts.dictionaryOffset, 36);
    to.writeUInt32LE(meta.length, 40);
    to.set(meta, fixedBytes);
    return to.subarray(0, this.#position(fixedBytes + meta.length, position));
  }

  #position(at: number, position: Position | undefined): number {
    const to = this.#scratch;
    if (position === undefined) {
      to.writeUInt32LE(noPosition, 44);
      to.writeUInt32LE(0, 48);
      return at;
    }
    const keyLength = to.write(position.key, at);
    const valueLength = to.write(position.value, at + keyLength);
    to.writeUInt32LE(keyLength, 44);
    to.writeUInt32LE(valueLength, 48);
    return at + keyLength + valueLength;
  }
}

function writeWhole(to: Buffer, value: number, at: number): void {
  to.writeUInt32LE(value % twoTo32, at);
  to.writeUInt32LE(Math.floor(value / twoTo32), at + 4);
}

function readWhole(from: Buffer, at: number): number {
  return from.readUInt32LE(at) + from.readUInt32LE(at + 4) * twoTo32;
}

/** Is this the header of a lane's record, of a version that can be read? */
export function isLaneHeader(header: Buffer): boolean {
  return (
    header.length >= fixedBytes &&
    header[0] === laneVersion &&
    (header[1] ?? 0) > 0 &&
    (header[1] ?? 0) < laneKinds.length &&
    fixedBytes + metaLength(header) + keyLength(header) + header.readUInt32LE(48) === header.length
  );
}

/** Throws BRIDGE_START when an intact header is of a later version: those bytes must be left alone, not cut as damage. */
export function refuseLaterVersion(header: Buffer, where: string): void {
  if (header.length >= fixedBytes && (header[0] ?? 0) > laneVersion) {
    throw new BridgeError(
      'BRIDGE_START',
      `${where} was written by a later version of meshbridge (record version ${header[0]}); start that one, or move the directory away`,
    );
  }
}

export function nonceOf(header: Buffer): number {
  return header.readUInt32LE(4);
}

/** `header` must have passed `isLaneHeader`, like in the functions below. */
export function readFacts(header: Buffer): LaneFacts {
  const kind = laneKinds[header[1] ?? 0];
  if (kind === undefined || kind === '') {
    throw new BridgeError('BRIDGE_CORRUPT', 'not the header of a lane record');
  }
  return {
    kind,
    nonce: nonceOf(header),
    seq: readWhole(header, 8),
    receivedAtMs: readWhole(header, 16),
    cumItems: readWhole(header, 24),
    items: header.readUInt32LE(32),
    dictionaryOffset: header.readUInt32LE(36),
  };
}

export function readMeta(header: Buffer): Buffer {
  return header.subarray(fixedBytes, fixedBytes + metaLength(header));
}

export function readPosition(header: Buffer): Position | undefined {
  if (header.readUInt32LE(44) === noPosition) {
    return undefined;
  }
  const keyAt = fixedBytes + metaLength(header);
  const valueAt = keyAt + keyLength(header);
  return { key: header.toString('utf8', keyAt, valueAt), value: header.toString('utf8', valueAt) };
}

function metaLength(header: Buffer): number {
  return header.readUInt32LE(40);
}

function keyLength(header: Buffer): number {
  const length = header.readUInt32LE(44);
  return length === noPosition ? 0 : length;
}
