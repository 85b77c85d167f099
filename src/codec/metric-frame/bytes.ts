import { BridgeError } from '../../contract/errors.ts';

/** Grows as it is written. Numbers are little endian. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(sizeBytes = 1024) {
    this.#buffer = Buffer.allocUnsafe(sizeBytes);
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#length++] = value;
  }

  /** An integer from 0 to 2^53 − 1, seven bits a byte. */
  count(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  double(value: number): void {
    this.#room(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  text(value: string): void {
    const sizeBytes = Buffer.byteLength(value);
    this.count(sizeBytes);
    this.#room(sizeBytes);
    this.#length += this.#buffer.write(value, this.#length);
  }

  /** What was written so far, without a copy. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #room(needed: number): void {
    if (this.#length + needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + needed));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
  }
}

/** Reads what ByteWriter wrote. Throws BRIDGE_DECODE where the bytes end too early or cannot be. */
export class ByteReader {
  readonly #buffer: Buffer;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get left(): number {
    return this.#buffer.length - this.#at;
  }

  byte(): number {
    this.#need(1);
    return this.#buffer[this.#at++] ?? 0;
  }

  count(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        break;
      }
      scale *= 0x80;
      if (scale > 2 ** 49) {
        throw this.fault('a number is too long');
      }
    }
    return value;
  }

  /** A count of things that take at least one byte each, so that a damaged count cannot ask for the whole memory. */
  length(): number {
    const count = this.count();
    if (count > this.left) {
      throw this.fault(`${count} entries cannot follow in ${this.left} bytes`);
    }
    return count;
  }

  double(): number {
    this.#need(8);
    const value = this.#buffer.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  text(): string {
    const sizeBytes = this.length();
    const value = this.#buffer.toString('utf8', this.#at, this.#at + sizeBytes);
    this.#at += sizeBytes;
    return value;
  }

  /** Bytes behind their length, without a copy. */
  bytes(): Buffer {
    const sizeBytes = this.length();
    const found = this.#buffer.subarray(this.#at, this.#at + sizeBytes);
    this.#at += sizeBytes;
    return found;
  }

  /** The next bytes, without a copy. */
  take(sizeBytes: number): Uint8Array {
    this.#need(sizeBytes);
    const taken = this.#buffer.subarray(this.#at, this.#at + sizeBytes);
    this.#at += sizeBytes;
    return taken;
  }

  end(): void {
    if (this.left !== 0) {
      throw this.fault(`${this.left} bytes too many`);
    }
  }

  fault(message: string): BridgeError {
    return new BridgeError('BRIDGE_DECODE', `${this.#what}, byte ${this.#at}: ${message}`);
  }

  #need(sizeBytes: number): void {
    if (sizeBytes > this.left) {
      throw this.fault(`ends early: ${sizeBytes} bytes wanted, ${this.left} left`);
    }
  }
}
