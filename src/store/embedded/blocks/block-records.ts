import { BridgeError } from '../../../contract/errors.ts';
import { prefixBytes } from '../../../record/frame.ts';
import type { HeldPosition } from '../position.ts';

/**
 * The headers of the records in `blocks.rec`, inside the frame of `record/frame.ts`. The first byte tells the kind, the
 * second is the version (1; 2 of a block of lines with attributes), the next two are zero, and u32 nonce follows: drawn for
 * each file, so that bytes inside a payload never pass for a record of it.
 *
 * - `P` begins the file; its payload is JSON, the position that the store had when the partition was begun.
 * - `B` is a block: what follows the nonce, and the payload, are the signal's (`block-format.ts`).
 * - `C` ends a commit. No payload; u32 blocks and u32 items of this commit, u64 bytes of its blocks, u64 seq, u64 cumItems,
 *   u64 arrivedMs, u32 length of the queue id and the queue id, zeros to 128 bytes: a commit record always has the same
 *   length.
 */
export const recordKinds = { partition: 0x50, block: 0x42, commit: 0x43 } as const;
export const recordVersion = 1;
/** Of a block whose lines have attributes; what came before this version knows none. */
export const attributesVersion = 2;
export const nonceAt = 4;
/** Kind, version, two zeros, nonce. */
export const blockHeadBytes = 8;

const commitHeaderBytes = 128;
export const commitRecordBytes = prefixBytes + commitHeaderBytes;
const queueIdLengthAt = 48;
const queueIdAt = 52;
export const maxQueueIdBytes = commitHeaderBytes - queueIdAt;

export interface CommitFacts {
  readonly position: HeldPosition;
  readonly blocks: number;
  readonly items: number;
  readonly blockBytes: number;
  /** When the lane took the last record of the commit, ms since 1970. */
  readonly arrivedMs: number;
}

/**
 * Is it a header of this file? Throws BRIDGE_START when it is of a later version: those bytes must be left alone, not cut as
 * damage.
 */
export function isBlockFileRecord(header: Buffer, nonce: number | undefined): boolean {
  const kind = header[0];
  const known = kind === recordKinds.partition || kind === recordKinds.block || kind === recordKinds.commit;
  if (!known || header.length < nonceAt + 4 || (nonce !== undefined && header.readUInt32LE(nonceAt) !== nonce)) {
    return false;
  }
  const version = header[1] ?? 0;
  if (version > attributesVersion) {
    throw new BridgeError(
      'BRIDGE_START',
      'the store was written by a later version of meshbridge; start that one, or move the store away',
    );
  }
  return version === recordVersion || (version === attributesVersion && kind === recordKinds.block);
}

/** The first `bytes` bytes (at least 8) of a record's header: kind, version, nonce, zeros. */
function headOf(kind: number, nonce: number, bytes: number, version: number = recordVersion): Buffer {
  const header = Buffer.alloc(bytes);
  header.writeUInt8(kind, 0);
  header.writeUInt8(version, 1);
  header.writeUInt32LE(nonce, nonceAt);
  return header;
}

/** The head of a block's header, with zeros up to `bytes`; the signal's own part begins at `blockHeadBytes`. */
export function blockHead(nonce: number, bytes: number, version: number = recordVersion): Buffer {
  return headOf(recordKinds.block, nonce, bytes, version);
}

export function encodeBegin(nonce: number): Buffer {
  return headOf(recordKinds.partition, nonce, 12);
}

export function encodeCommit(facts: CommitFacts, nonce: number): Buffer {
  const header = headOf(recordKinds.commit, nonce, commitHeaderBytes);
  const queueId = Buffer.from(facts.position.queueId);
  if (queueId.length > maxQueueIdBytes) {
    throw new BridgeError('BRIDGE_TOO_LARGE', `a queue id may have ${maxQueueIdBytes} bytes`);
  }
  header.writeUInt32LE(facts.blocks, 8);
  header.writeUInt32LE(facts.items, 12);
  header.writeBigUInt64LE(BigInt(facts.blockBytes), 16);
  header.writeBigUInt64LE(BigInt(facts.position.seq), 24);
  header.writeBigUInt64LE(BigInt(facts.position.cumItems), 32);
  header.writeBigUInt64LE(BigInt(facts.arrivedMs), 40);
  header.writeUInt32LE(queueId.length, queueIdLengthAt);
  header.set(queueId, queueIdAt);
  return header;
}

/** Throws BRIDGE_CORRUPT. */
export function decodeCommit(header: Buffer): CommitFacts {
  if (header.length !== commitHeaderBytes || header[0] !== recordKinds.commit) {
    throw new BridgeError('BRIDGE_CORRUPT', 'not a commit record');
  }
  const queueIdEnd = queueIdAt + header.readUInt32LE(queueIdLengthAt);
  return {
    position: {
      queueId: header.toString('utf8', queueIdAt, queueIdEnd),
      seq: Number(header.readBigUInt64LE(24)),
      cumItems: Number(header.readBigUInt64LE(32)),
    },
    blocks: header.readUInt32LE(8),
    items: header.readUInt32LE(12),
    blockBytes: Number(header.readBigUInt64LE(16)),
    arrivedMs: Number(header.readBigUInt64LE(40)),
  };
}
