import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { BridgeError } from '../../contract/errors.ts';
import { maxHeaderBytes, maxPayloadBytes, recordBytes } from '../../record/frame.ts';

const decompress = promisify(zstdDecompress);

/** The largest record that a lane can hold, with a dictionary before it. */
export const maxParcelBytes = 2 * recordBytes(maxHeaderBytes, maxPayloadBytes);
/** Of all parcels that are in memory at once; one is always taken. */
const leastChunkBytes = 64;
const maxHeldBytes = 256 * 1024 * 1024;

/**
 * Inflates parcels. What a request says of its size is what it gets, so that neither one that lies nor many that tell the
 * truth can take all memory.
 */
export class Inflating {
  #heldBytes = 0;

  /**
   * Gives the parcel to `work`. Throws BRIDGE_TOO_LARGE past the cap, BRIDGE_OVERLOADED while others have the memory, and
   * BRIDGE_DECODE for what is not zstd of exactly so many bytes.
   */
  async inflated<T>(body: Buffer, bytes: number, work: (parcel: Buffer) => Promise<T>): Promise<T> {
    if (bytes > maxParcelBytes) {
      throw new BridgeError('BRIDGE_TOO_LARGE', `a parcel may have ${maxParcelBytes} bytes, not ${bytes}`);
    }
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > maxHeldBytes) {
      throw new BridgeError('BRIDGE_OVERLOADED', 'too many records at once; send them again later');
    }
    this.#heldBytes += bytes;
    try {
      return await work(await unpacked(body, bytes));
    } finally {
      this.#heldBytes -= bytes;
    }
  }
}

async function unpacked(body: Buffer, bytes: number): Promise<Buffer> {
  if (bytes === 0 && body.length === 0) {
    return body;
  }
  let parcel: Buffer;
  try {
    // A limit of 0 would be none. One chunk: by default there would be many, each a way through the pool of threads.
    parcel = await decompress(body, {
      maxOutputLength: Math.max(1, bytes),
      chunkSize: Math.max(leastChunkBytes, bytes),
    });
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', `the body is not zstd of ${bytes} bytes`, { cause });
  }
  if (parcel.length !== bytes) {
    throw new BridgeError('BRIDGE_DECODE', `the body is zstd of ${parcel.length} bytes, not of ${bytes}`);
  }
  return parcel;
}
