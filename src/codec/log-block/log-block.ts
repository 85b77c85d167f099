import { BridgeError } from '../../contract/errors.ts';
import { type LogBlock, logLevels } from '../../model/log.ts';

/**
 * Bytes of a log block, version 1, all numbers little-endian (and so are the hosts that Node runs on):
 *
 *     magic "MLB1" · u32 count · u32 length of the text · u32 0
 *     u32 seconds[count] · u32 nanos[count] · u32 offsets[count + 1] · u8 flags[count] · u8 levels[count] · text
 *
 * The columns of u32 come first, so that a block which begins at a multiple of 4 is decoded without a copy.
 */
const magic = 0x31_42_4c_4d;
const headerBytes = 16;
const maxNanos = 999_999_999;

/** The block as parts to be written one behind the other. The parts are views of the block. */
export function logBlockParts(block: LogBlock): readonly Uint8Array[] {
  const header = new Uint32Array([magic, block.count, block.bytes.length, 0]);
  return [header, block.seconds, block.nanos, block.offsets, block.flags, block.levels, block.bytes].map(bytesOf);
}

export function encodeLogBlock(block: LogBlock): Uint8Array {
  return Buffer.concat(logBlockParts(block));
}

/** Views of `bytes`, no strings; the u32 columns are copied where `bytes` does not begin at a multiple of 4. Throws BRIDGE_DECODE. */
export function decodeLogBlock(bytes: Uint8Array): LogBlock {
  if (bytes.length < headerBytes) {
    throw bad(`${bytes.length} bytes are too few for a header`);
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  if (header.getUint32(0, true) !== magic || header.getUint32(12, true) !== 0) {
    throw bad('it does not begin as one of version 1');
  }
  const count = header.getUint32(4, true);
  const textBytes = header.getUint32(8, true);
  const columnsEnd = headerBytes + (3 * count + 1) * 4;
  const whole = columnsEnd + 2 * count + textBytes;
  if (bytes.length !== whole) {
    throw bad(`${count} records with ${textBytes} bytes of text take ${whole} bytes, not ${bytes.length}`);
  }
  const words = wordsOf(bytes, headerBytes, columnsEnd);
  const block: LogBlock = {
    count,
    seconds: words.subarray(0, count),
    nanos: words.subarray(count, 2 * count),
    offsets: words.subarray(2 * count),
    flags: bytes.subarray(columnsEnd, columnsEnd + count),
    levels: bytes.subarray(columnsEnd + count, columnsEnd + 2 * count),
    bytes: bytes.subarray(columnsEnd + 2 * count),
  };
  check(block);
  return block;
}

function check({ count, nanos, offsets, levels, bytes }: LogBlock): void {
  let last = 0;
  for (let i = 0; i < count; i++) {
    const end = offsets[i + 1] ?? 0;
    if (end < last || (nanos[i] ?? 0) > maxNanos || (levels[i] ?? 0) >= logLevels.length) {
      throw bad(`record ${i} has a wrong offset, time or level`);
    }
    last = end;
  }
  if (offsets[0] !== 0 || last !== bytes.length) {
    throw bad('its offsets do not span its text');
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
