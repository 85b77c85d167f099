import { createHash } from 'node:crypto';

/** WebSocket frames (RFC 6455 §5). */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** More than a client of ours ever sends. */
const maxPayloadBytes = 65_536;
const finBit = 0x80;
const reservedBits = 0x70;
const maskBit = 0x80;
const maskBytes = 4;
const length16 = 126;
const length64 = 127;
const acceptKey = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The `Sec-WebSocket-Accept` of a `Sec-WebSocket-Key` (§4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${acceptKey}`).digest('base64');
}

/** A whole message of a server: not masked. */
export function frame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const headBytes = length < length16 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(headBytes + length);
  bytes[0] = finBit | opcode;
  if (headBytes === 2) {
    bytes[1] = length;
  } else if (headBytes === 4) {
    bytes[1] = length16;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = length64;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  bytes.set(payload, headBytes);
  return bytes;
}

export interface ReadFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Cuts what a client sends into frames. */
export class FrameReader {
  #waiting: Buffer = Buffer.alloc(0);

  /** Undefined: what came is against the protocol, or too much. */
  take(bytes: Buffer): readonly ReadFrame[] | undefined {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    const frames: ReadFrame[] = [];
    for (;;) {
      const end = this.#frameEnd();
      if (end === undefined) {
        return undefined;
      }
      if (end > this.#waiting.length) {
        return frames;
      }
      frames.push(this.#frame(end));
      this.#waiting = this.#waiting.subarray(end);
    }
  }

  /** More than there is where the head is not whole; undefined for what no client may send. */
  #frameEnd(): number | undefined {
    const waiting = this.#waiting;
    if (waiting.length < 2) {
      return waiting.length + 1;
    }
    const [first = 0, second = 0] = waiting;
    const short = second & ~maskBit;
    if ((first & reservedBits) !== 0 || (second & maskBit) === 0 || short === length64) {
      return undefined;
    }
    if (short === length16 && waiting.length < 4) {
      return waiting.length + 1;
    }
    const length = short === length16 ? waiting.readUInt16BE(2) : short;
    return length > maxPayloadBytes ? undefined : this.#headBytes() + length;
  }

  #headBytes(): number {
    return ((this.#waiting[1] ?? 0) & ~maskBit) === length16 ? 4 + maskBytes : 2 + maskBytes;
  }

  #frame(end: number): ReadFrame {
    const at = this.#headBytes();
    const mask = this.#waiting.subarray(at - maskBytes, at);
    const payload = Buffer.from(this.#waiting.subarray(at, end));
    for (let i = 0; i < payload.length; i++) {
      payload[i] = (payload[i] ?? 0) ^ (mask[i % maskBytes] ?? 0);
    }
    return { opcode: (this.#waiting[0] ?? 0) & 0x0f, payload };
  }
}
