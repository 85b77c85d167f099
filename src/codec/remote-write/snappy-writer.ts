const mostShortLiteral = 60;
const mostCopied = 64;
/** A copy with two bytes of offset reaches no further back. */
export const furthestCopyBytes = 0xffff;

/**
 * Writes the elements of a snappy block (google/snappy, format_description.txt) by hand, so that it is known where in the
 * compressed bytes each value stands. What it writes may follow other elements: copies reach back to its own bytes only.
 */
export class SnappyWriter {
  #out = Buffer.allocUnsafeSlow(256 * 1024);
  #filled = 0;
  /** Bytes that this stands for, once inflated. */
  #plainBytes = 0;
  #literal: Buffer[] = [];
  #literalBytes = 0;
  #copyFrom = 0;
  #copyBytes = 0;

  /** Begins anew, in the memory that it has. */
  begin(): void {
    this.#filled = 0;
    this.#plainBytes = 0;
    this.#literal = [];
    this.#literalBytes = 0;
    this.#copyBytes = 0;
  }

  get plainBytes(): number {
    return this.#plainBytes;
  }

  literal(bytes: Buffer): void {
    this.#endCopy();
    this.#literal.push(bytes);
    this.#literalBytes += bytes.length;
    this.#plainBytes += bytes.length;
  }

  /** The bytes that stand at `from` of what this stands for, at most `furthestCopyBytes` back. */
  copy(from: number, length: number): void {
    if (this.#copyBytes > 0 && this.#copyFrom + this.#copyBytes === from) {
      this.#copyBytes += length;
    } else {
      this.#endCopy();
      this.#endLiteral();
      this.#copyFrom = from;
      this.#copyBytes = length;
    }
    this.#plainBytes += length;
  }

  /** Zeros to be written over; says where in `bytes` they begin. */
  hole(length: number): number {
    this.#endCopy();
    this.#endLiteral();
    this.#literalHead(length);
    const at = this.#filled;
    this.#room(length);
    this.#out.fill(0, at, at + length);
    this.#filled += length;
    this.#plainBytes += length;
    return at;
  }

  /** All elements so far. */
  bytes(): Buffer {
    this.#endCopy();
    this.#endLiteral();
    const all = Buffer.allocUnsafeSlow(this.#filled);
    this.#out.copy(all, 0, 0, this.#filled);
    return all;
  }

  #endLiteral(): void {
    if (this.#literalBytes === 0) {
      return;
    }
    this.#literalHead(this.#literalBytes);
    this.#room(this.#literalBytes);
    for (const part of this.#literal) {
      this.#filled += part.copy(this.#out, this.#filled);
    }
    this.#literal = [];
    this.#literalBytes = 0;
  }

  #endCopy(): void {
    const offset = this.#plainBytes - this.#copyBytes - this.#copyFrom;
    while (this.#copyBytes > 0) {
      const length = Math.min(this.#copyBytes, mostCopied);
      this.#room(3);
      this.#out[this.#filled] = ((length - 1) << 2) | 2;
      this.#out[this.#filled + 1] = offset & 0xff;
      this.#out[this.#filled + 2] = offset >> 8;
      this.#filled += 3;
      this.#copyBytes -= length;
    }
  }

  #literalHead(length: number): void {
    this.#room(5);
    const rest = length - 1;
    if (length <= mostShortLiteral) {
      this.#out[this.#filled++] = rest << 2;
      return;
    }
    const size = rest < 0x100 ? 1 : rest < 0x10000 ? 2 : rest < 0x1000000 ? 3 : 4;
    this.#out[this.#filled] = (mostShortLiteral + size - 1) << 2;
    this.#out.writeUIntLE(rest, this.#filled + 1, size);
    this.#filled += 1 + size;
  }

  #room(needed: number): void {
    if (this.#filled + needed > this.#out.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, this.#filled + needed));
      this.#out.copy(grown, 0, 0, this.#filled);
      this.#out = grown;
    }
  }
}
