import { isUtf8 } from 'node:buffer';
import { BridgeError } from '../../contract/errors.ts';

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const mostVarintBits = 70;
const replacement = '\ufffd';

/** Where in a protobuf message a reader stands. Tags are compared whole: field number × 8 + wire type. All of it throws BRIDGE_DECODE. */
export class ProtoReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;
  #end: number;
  #tag = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  fault(what: string): BridgeError {
    return new BridgeError('BRIDGE_DECODE', `not a write request: ${what} at byte ${this.#at}`);
  }

  /** The next tag of the message; 0 at its end. */
  next(): number {
    if (this.#at >= this.#end) {
      return 0;
    }
    this.#tag = this.varint();
    if (this.#tag < 8) {
      throw this.fault('a field without a number');
    }
    return this.#tag;
  }

  /** Past the value of the tag that was read last. */
  skip(): void {
    const wireType = this.#tag % 8;
    if (wireType === wireTypes.varint) {
      this.varint();
    } else if (wireType === wireTypes.fixed64) {
      this.#past(8);
    } else if (wireType === wireTypes.bytes) {
      this.#past(this.varint());
    } else if (wireType === wireTypes.fixed32) {
      this.#past(4);
    } else {
      throw this.fault(`wire type ${wireType}`);
    }
  }

  /** int64, uint32 or an enum. Past 2^53 the low digits are lost. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < mostVarintBits; shift += 7) {
      const byte = this.#bytes[this.#past(1)] ?? 0;
      const bits = byte & 127;
      if (shift <= 28) {
        low |= bits << shift;
        high = shift === 28 ? bits >>> 4 : 0;
      } else {
        high |= bits << (shift - 32);
      }
      if (byte < 128) {
        return high * 2 ** 32 + (low >>> 0);
      }
    }
    throw this.fault('a number of more than ten bytes');
  }

  double(): number {
    return this.#view.getFloat64(this.#past(8), true);
  }

  /** Where eight bytes begin whose bits matter. */
  fixed64(): number {
    return this.#past(8);
  }

  /** The 32 bits there. */
  uint32At(at: number): number {
    return this.#view.getUint32(at, true);
  }

  doubleAt(at: number): number {
    return this.#view.getFloat64(at, true);
  }

  /** Undefined where the bytes are not UTF-8. */
  text(): string | undefined {
    const length = this.varint();
    const from = this.#past(length);
    const text = this.#bytes.toString('utf8', from, this.#at);
    return text.includes(replacement) && !isUtf8(this.#bytes.subarray(from, this.#at)) ? undefined : text;
  }

  /** The bytes of the message that stands here, a character each: equal messages have equal ones. Stays before it. */
  peek(): string {
    const before = this.#at;
    const length = this.varint();
    const from = this.#past(length);
    const bytes = this.#bytes.toString('latin1', from, this.#at);
    this.#at = before;
    return bytes;
  }

  /** Steps into the message that stands here; `leave` with what this gives back once `next` is 0. */
  enter(): number {
    const length = this.varint();
    const outerEnd = this.#end;
    const from = this.#past(length);
    this.#end = this.#at;
    this.#at = from;
    return outerEnd;
  }

  leave(outerEnd: number): void {
    this.#at = this.#end;
    this.#end = outerEnd;
  }

  /** Back to where a value begins, at the outermost message. */
  returnTo(at: number): void {
    this.#at = at;
  }

  #past(count: number): number {
    const from = this.#at;
    if (!(count >= 0 && count <= this.#end - from)) {
      throw this.fault('a value goes past its end');
    }
    this.#at = from + count;
    return from;
  }
}
