import { SpanFault } from '../zipkin-json/json-value.ts';

/** How a value is written (protobuf encoding guide, "Message structure"). */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const maxVarintBytes = 10;
const twoTo32 = 2 ** 32;
const twoTo63 = 2 ** 63;

/** Where in the body a reader stands. A message inside a message is read with a smaller `end`. */
export class WireReader {
  readonly bytes: Buffer;
  at: number;
  end: number;
  /** Of the field that stands at `at`. */
  field = 0;
  wireType = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.end = bytes.byteLength;
  }

  fault(message: string): SpanFault {
    return new SpanFault('', `byte ${this.at}: ${message}`);
  }

  /** Steps onto the next field. False at the end of the message. */
  next(): boolean {
    if (this.at >= this.end) {
      return false;
    }
    const key = this.varint();
    this.field = Math.floor(key / 8);
    this.wireType = key % 8;
    if (this.field === 0) {
      throw this.fault('field number 0');
    }
    return true;
  }

  is(field: number, wireType: number): boolean {
    return this.field === field && this.wireType === wireType;
  }

  /** Up to 64 bits; past 2^53 the low digits are lost. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < maxVarintBytes; count += 1) {
      const byte = this.at < this.end ? this.bytes[this.at] : undefined;
      if (byte === undefined) {
        throw this.fault('the body ends inside a number');
      }
      this.at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) {
        return value;
      }
      factor *= 128;
    }
    throw this.fault('a number of more than ten bytes');
  }

  /** A 64-bit number that is read as signed: negative ones count as 0. */
  positiveVarint(): number {
    const value = this.varint();
    return value >= twoTo63 ? 0 : value;
  }

  positiveFixed64(): number {
    const start = this.skipBytes(8);
    const value = this.bytes.readUInt32LE(start) + this.bytes.readUInt32LE(start + 4) * twoTo32;
    return value >= twoTo63 ? 0 : value;
  }

  /** Steps behind a length-prefixed value; it is `bytes[result .. at)`. */
  block(): number {
    return this.skipBytes(this.varint());
  }

  skip(): void {
    switch (this.wireType) {
      case wireTypes.varint:
        this.varint();
        break;
      case wireTypes.fixed64:
        this.skipBytes(8);
        break;
      case wireTypes.bytes:
        this.block();
        break;
      case wireTypes.fixed32:
        this.skipBytes(4);
        break;
      default:
        throw this.fault(`wire type ${this.wireType}`);
    }
  }

  /** Reads the message that stands here. `read` is called on each field and must consume it. */
  message(read: () => void): void {
    const outerEnd = this.end;
    const start = this.block();
    this.end = this.at;
    this.at = start;
    while (this.next()) {
      read();
    }
    this.end = outerEnd;
  }

  /** Steps over `count` bytes; the result is where they begin. */
  skipBytes(count: number): number {
    if (count > this.end - this.at) {
      throw this.fault(`the body ends inside a value of ${count} bytes`);
    }
    const start = this.at;
    this.at += count;
    return start;
  }
}
