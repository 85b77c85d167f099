import { SpanFault } from '../zipkin-json/json-value.ts';

/** How a value is written (Apache Thrift, thrift-binary-protocol.md). */
export const types = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  text: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
} as const;

const fixedBytes: Readonly<Record<number, number>> = {
  [types.bool]: 1,
  [types.byte]: 1,
  [types.double]: 8,
  [types.i16]: 2,
  [types.i32]: 4,
  [types.i64]: 8,
};
const mostDeep = 32;
const twoTo32 = 2 ** 32;

/** Reads TBinaryProtocol, big-endian, without a message around it. Throws SpanFault. */
export class BinaryReader {
  readonly bytes: Buffer;
  at = 0;
  /** Of the field that stands at `at`. */
  field = 0;
  type = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fault(message: string): SpanFault {
    return new SpanFault('', `byte ${this.at}: ${message}`);
  }

  is(field: number, type: number): boolean {
    return this.field === field && this.type === type;
  }

  byte(): number {
    return this.bytes.readUInt8(this.step(1));
  }

  unsigned16(): number {
    return this.bytes.readUInt16BE(this.step(2));
  }

  i32(): number {
    return this.bytes.readInt32BE(this.step(4));
  }

  /** Negative ones count as 0; past 2^53 the low digits are lost. */
  positive64(): number {
    const start = this.step(8);
    const high = this.bytes.readInt32BE(start);
    return high < 0 ? 0 : high * twoTo32 + this.bytes.readUInt32BE(start + 4);
  }

  /** An i64 as 16 hex digits. */
  hex64(): string {
    const start = this.step(8);
    return this.bytes.toString('hex', start, start + 8);
  }

  /** Steps behind a length-prefixed value; it is `bytes[result .. at)`. */
  block(): number {
    return this.step(this.i32());
  }

  text(): string {
    const start = this.block();
    return this.bytes.toString('utf8', start, this.at);
  }

  /** Reads the struct that stands here. `read` is called on each field and must consume it. */
  struct(read: () => void): void {
    for (;;) {
      const type = this.byte();
      if (type === types.stop) {
        return;
      }
      this.field = this.unsigned16();
      this.type = type;
      read();
    }
  }

  /** Reads the elements of the list of structs that stands here; lists of anything else are stepped over. */
  structs(read: (index: number) => void): void {
    const type = this.byte();
    const count = this.count(1);
    for (let index = 0; index < count; index += 1) {
      if (type === types.struct) {
        read(index);
      } else {
        this.skip(type, 0);
      }
    }
  }

  /** Of elements that take so many bytes at least: a count that cannot be true is refused before anything is read. */
  count(leastBytes: number): number {
    const count = this.i32();
    if (count < 0 || count * leastBytes > this.bytes.length - this.at) {
      throw this.fault(`a count of ${count}, with ${this.bytes.length - this.at} bytes left`);
    }
    return count;
  }

  skip(type: number, depth = 0): void {
    if (depth > mostDeep) {
      throw this.fault(`values within values, ${depth} deep`);
    }
    const fixed = fixedBytes[type];
    if (fixed !== undefined) {
      this.step(fixed);
    } else if (type === types.text) {
      this.block();
    } else if (type === types.struct) {
      this.struct(() => this.skip(this.type, depth + 1));
    } else if (type === types.list || type === types.set) {
      this.#skipEach([this.byte()], depth);
    } else if (type === types.map) {
      this.#skipEach([this.byte(), this.byte()], depth);
    } else {
      throw this.fault(`type ${type}`);
    }
  }

  #skipEach(element: readonly number[], depth: number): void {
    const count = this.count(element.length);
    for (let index = 0; index < count; index += 1) {
      for (const type of element) {
        this.skip(type, depth + 1);
      }
    }
  }

  /** Steps over `count` bytes; the result is where they begin. */
  step(count: number): number {
    if (count < 0 || count > this.bytes.length - this.at) {
      throw this.fault(`the body ends inside a value of ${count} bytes`);
    }
    const start = this.at;
    this.at += count;
    return start;
  }
}
