import { uncompressSync } from 'snappy';
import { BridgeError } from '../contract/errors.ts';

export interface SnappyLimits {
  readonly maxBytes: number;
  /** What is said of a body that is no block of snappy. */
  readonly otherwise: string;
}

/**
 * A body in snappy's block format, which begins with the length of what it holds, as a varint. Throws BRIDGE_TOO_LARGE before it
 * inflates more than it may, and BRIDGE_DECODE.
 */
export function inflateSnappy(body: Buffer, { maxBytes, otherwise }: SnappyLimits): Buffer {
  let length = 0;
  for (let i = 0; i < 5 && i < body.length; i++) {
    const byte = body[i] ?? 0;
    length += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) {
      break;
    }
  }
  if (length > maxBytes) {
    throw new BridgeError('BRIDGE_TOO_LARGE', `the body inflates to more than ${maxBytes} bytes`);
  }
  try {
    return Buffer.from(uncompressSync(body));
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', otherwise, { cause });
  }
}
