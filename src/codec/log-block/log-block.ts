import { BridgeError } from '../../contract/errors.ts';
import { type LogBlock, logLevels } from '../../model/log.ts';

/**
 * Bytes of a log block, version 1, all numbers little-endian (and so are the hosts that Node runs on):
 *
 *     magic "MLB1" · u32 count · u32 length of the text · u32 0
 *     u32 seconds[count] · u32 nanos[count] · u32 offsets[count + 1] · u8 flags[count] · u8 levels[count] · text
 *
 * Version 2, of a block with attributes, is the same with magic "MLB2", the length of the attributes in place of the 0, their
 * u32 offsets[count + 1] behind those of the text, and the attributes at the end.
 *
 * The columns of u32 come first, so that a block which begins at a multiple of 4 is decoded without a copy.
 */
const magic = 0x31_42_4c_4d;
const magic2 = 0x32_42_4c_4d;
const headerBytes = 16;
const maxNanos = 999_999_999;

/** The name under which a lane keeps the bytes of this block. */
export function logBlockFormat(block: LogBlock): 'log-block' | 'log-block-2' {
  return block.attributes === undefined ? 'log-block' : 'log-block-2';
}

/** The block as parts to be written one behind the other. The parts are views of the block. */
export function logBlockParts(block: LogBlock): readonly Uint8Array[] {
  const { count, seconds, nanos, offsets, flags, levels, bytes, attributes } = block;
  if (attributes === undefined) {
    const header = new Uint32Array([magic, count, bytes.length, 0]);
    return [header, seconds, nanos, offsets, flags, levels, bytes].map(bytesOf);
  }
  const header = new Uint32Array([magic2, count, bytes.length, attributes.bytes.length]);
  return [header, seconds, nanos, offsets, attributes.offsets, flags, levels, bytes, attributes.bytes].map(bytesOf);
}

export function encodeLogBlock(block: LogBlock): Uint8Array {
  return Buffer.concat(logBlockParts(block));
}

/**
 * Reads both versions. Views of `bytes`, no strings; the u32 columns are copied where `bytes` does not begin at a multiple of 4.
 * Attributes are not looked at. Throws BRIDGE_DECODE.
 */
export function decodeLogBlock(bytes: Uint8Array): LogBlock {
  const { count, textBytes, attributeBytes, hasAttributes } = decodeHeader(bytes);
  const columnsEnd = headerBytes + (3 * count + 1 + (hasAttributes ? count + 1 : 0)) * 4;
  const textAt = columnsEnd + 2 * count;
  const whole = textAt + textBytes + attributeBytes;
  if (bytes.length !== whole) {
    throw bad(`${count} records with ${textBytes} bytes of text take ${whole} bytes, not ${bytes.length}`);
  }
  const words = wordsOf(bytes, headerBytes, columnsEnd);
  const attributes = {
    offsets: words.subarray(3 * count + 1),
    bytes: bytes.subarray(textAt + textBytes),
  };
  const block: LogBlock = {
    count,
    seconds: words.subarray(0, count),
    nanos: words.subarray(count, 2 * count),
    offsets: words.subarray(2 * count, 3 * count + 1),
    flags: bytes.subarray(columnsEnd, columnsEnd + count),
    levels: bytes.subarray(columnsEnd + count, textAt),
    bytes: bytes.subarray(textAt, textAt + textBytes),
    ...(hasAttributes && { attributes }),
  };
  check(block);
  return block;
}

function decodeHeader(bytes: Uint8Array): {
  count: number;
  textBytes: number;
  attributeBytes: number;
  hasAttributes: boolean;
} {
  if (bytes.length < headerBytes) {
    throw bad(`${bytes.length} bytes are too few for a header`);
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const hasAttributes = header.getUint32(0, true) === magic2;
  const attributeBytes = header.getUint32(12, true);
  if (!hasAttributes && (header.getUint32(0, true) !== magic || attributeBytes !== 0)) {
    throw bad('it does not begin as one of version 1 or 2');
  }
  return { count: header.getUint32(4, true), textBytes: header.getUint32(8, true), attributeBytes, hasAttributes };
}

function check({ count, nanos, offsets, levels, bytes, attributes }: LogBlock): void {
  for (let i = 0; i < count; i++) {
    if ((nanos[i] ?? 0) > maxNanos || (levels[i] ?? 0) >= logLevels.length) {
      throw bad(`record ${i} has a wrong time or level`);
    }
  }
  checkOffsets(offsets, bytes.length);
  if (attributes !== undefined) {
    checkOffsets(attributes.offsets, attributes.bytes.length);
  }
}

function checkOffsets(offsets: Uint32Array, length: number): void {
  let last = 0;
  for (let i = 0; i < offsets.length; i++) {
    const end = offsets[i] ?? 0;
    if (end < last) {
      throw bad(`record ${i - 1} ends before it begins`);
    }
    last = end;
  }
  if (offsets[0] !== 0 || last !== length) {
    throw bad('its offsets do not span its text or attributes');
  }
}

function wordsOf(bytes: Uint8Array, start: number, end: number): Uint32Array {
  const first = bytes.byteOffset + start;
  if (first % 4 === 0) {
    return new Uint32Array(bytes.buffer, first, (end - start) / 4);
  }
  // Of a Buffer, slice would be a view of memory that others use.
  return new Uint32Array(new Uint8Array(bytes.subarray(start, end)).buffer);
}

function bytesOf(view: Uint32Array | Uint8Array): Uint8Array {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function bad(why: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `not a log block: ${why}`);
}
