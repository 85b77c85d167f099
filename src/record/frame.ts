import { crc32 } from 'node:zlib';
import { BridgeError } from '../contract/errors.ts';

/**
 * A record on disk (design.md §3). All numbers are u32, little endian:
 *
 * | offset | bytes | what |
 * |---|---|---|
 * | 0 | 4 | magic FE 4D 42 01; FE is in no UTF-8 text, so no JSON payload holds it |
 * | 4 | 4 | header length, at most `maxHeaderBytes` |
 * | 8 | 4 | payload length, at most `maxPayloadBytes` |
 * | 12 | 4 | crc32 of the 8 length bytes followed by the header |
 * | 16 | 4 | crc32 of the payload |
 * | 20 | | header, then payload |
 *
 * Because the header's crc covers both lengths, a bad payload under a good header still says where the next record
 * begins and what was lost; under a bad header no length is believed, and the next record is searched for.
 */
export const prefixBytes = 20;
export const maxHeaderBytes = 1024 * 1024;
export const maxPayloadBytes = 128 * 1024 * 1024;

const magic = 0x01424dfe;
const magicBytes = Buffer.from([0xfe, 0x4d, 0x42, 0x01]);

export type ScanEvent =
  /** `header` and `payload` are views. */
  | {
      readonly kind: 'record';
      readonly offset: number;
      readonly end: number;
      readonly header: Buffer;
      readonly payload: Buffer;
    }
  /** Bytes that are not what was written, with readable bytes behind them. `header` is there when it alone is good. */
  | {
      readonly kind: 'damage';
      readonly offset: number;
      readonly bytes: number;
      readonly reason: string;
      readonly header?: Buffer;
    }
  /** The same with nothing readable behind: a write that was cut off, or a bitten end. */
  | {
      readonly kind: 'torn';
      readonly offset: number;
      readonly bytes: number;
      readonly reason: string;
      readonly header?: Buffer;
    };

/** Bytes that a record takes on disk. */
export function recordBytes(headerLength: number, payloadLength: number): number {
  return prefixBytes + headerLength + payloadLength;
}

/**
 * Writes one record at `at` and returns the offset behind it. `target` must have room for `recordBytes` of it.
 * Throws BRIDGE_TOO_LARGE past the caps.
 */
export function encodeRecord(target: Buffer, at: number, header: Uint8Array, payload: readonly Uint8Array[]): number {
  const headerAt = at + prefixBytes;
  const payloadAt = headerAt + header.length;
  let end = payloadAt;
  for (const part of payload) {
    end += part.length;
  }
  checkCaps(header.length, end - payloadAt);
  target.writeUInt32LE(magic, at);
  target.writeUInt32LE(header.length, at + 4);
  target.writeUInt32LE(end - payloadAt, at + 8);
  target.set(header, headerAt);
  let to = payloadAt;
  for (const part of payload) {
    target.set(part, to);
    to += part.length;
  }
  target.writeUInt32LE(headerCrc(target, at, payloadAt), at + 12);
  target.writeUInt32LE(crc32(target.subarray(payloadAt, end)), at + 16);
  return end;
}

/** Throws BRIDGE_TOO_LARGE when a record of these lengths must not be written. */
export function checkCaps(headerLength: number, payloadLength: number): void {
  if (headerLength > maxHeaderBytes || payloadLength > maxPayloadBytes) {
    throw new BridgeError(
      'BRIDGE_TOO_LARGE',
      `a record may have ${maxHeaderBytes} header and ${maxPayloadBytes} payload bytes, not ${headerLength} and ${payloadLength}`,
    );
  }
}

function headerCrc(bytes: Buffer, at: number, headerEnd: number): number {
  return crc32(bytes.subarray(at + prefixBytes, headerEnd), crc32(bytes.subarray(at + 4, at + 12)));
}

export type FrameCheck =
  | { readonly kind: 'record' | 'payload'; readonly payloadAt: number; readonly end: number }
  /** At least `needBytes` from the frame's begin must be there to say more; `payloadAt` is given once the header is good. */
  | { readonly kind: 'short'; readonly needBytes: number; readonly payloadAt?: number }
  | { readonly kind: 'bad'; readonly reason: string };

/** Looks at the one frame that should begin at `at`. `payload` means: the header is good, the payload is not. */
export function checkFrame(bytes: Buffer, at: number): FrameCheck {
  const have = bytes.length - at;
  if (have < prefixBytes) {
    const known = Math.min(4, have);
    return bytes.compare(magicBytes, 0, known, at, at + known) === 0
      ? { kind: 'short', needBytes: prefixBytes }
      : { kind: 'bad', reason: 'no record begins here' };
  }
  if (bytes.readUInt32LE(at) !== magic) {
    return { kind: 'bad', reason: 'no record begins here' };
  }
  const headerLength = bytes.readUInt32LE(at + 4);
  const payloadLength = bytes.readUInt32LE(at + 8);
  if (headerLength > maxHeaderBytes || payloadLength > maxPayloadBytes) {
    return { kind: 'bad', reason: 'lengths beyond any record' };
  }
  const payloadAt = at + prefixBytes + headerLength;
  if (payloadAt > bytes.length) {
    return { kind: 'short', needBytes: prefixBytes + headerLength };
  }
  if (headerCrc(bytes, at, payloadAt) !== bytes.readUInt32LE(at + 12)) {
    return { kind: 'bad', reason: 'header fails its checksum' };
  }
  const end = payloadAt + payloadLength;
  if (end > bytes.length) {
    return { kind: 'short', needBytes: end - at, payloadAt };
  }
  const good = crc32(bytes.subarray(payloadAt, end)) === bytes.readUInt32LE(at + 16);
  return { kind: good ? 'record' : 'payload', payloadAt, end };
}

/** Where the next magic stands at or behind `from`; -1 if nowhere. */
export function findMagic(bytes: Buffer, from: number): number {
  return bytes.indexOf(magicBytes, from);
}
