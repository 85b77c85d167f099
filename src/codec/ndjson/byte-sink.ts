/** Memory that grows and is used again: writers look at `bytes` and `at` after `reserve`. */
export class ByteSink {
  bytes: Buffer;
  /** Where the next byte goes. */
  at = 0;

  constructor(sizeBytes = 65_536) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes);
  }

  /** Makes room for so many more bytes. */
  reserve(count: number): void {
    const needed = this.at + count;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.at);
      this.bytes = larger;
    }
  }

  text(text: string): void {
    // One UTF-16 unit takes up to three bytes.
    this.reserve(text.length * 3);
    this.at += this.bytes.write(text, this.at, 'utf8');
  }

  /** What was written; good until the next write. */
  written(): Buffer {
    return this.bytes.subarray(0, this.at);
  }
}
