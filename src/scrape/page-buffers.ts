const smallestBytes = 64 * 1024;

/** Room for one page while it comes in. */
export class PageBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(smallestBytes);
  filled = 0;

  /** Free bytes behind what is filled, at least that many. */
  room(neededBytes: number): Buffer {
    if (this.bytes.length - this.filled < neededBytes) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.filled + neededBytes));
      this.bytes.copy(grown, 0, 0, this.filled);
      this.bytes = grown;
    }
    return this.bytes.subarray(this.filled);
  }

  append(chunk: Uint8Array): void {
    this.room(chunk.length);
    this.bytes.set(chunk, this.filled);
    this.filled += chunk.length;
  }
}

/**
 * Buffers that go from scrape to scrape and from target to target: there are as many as scrapes were ever under way at
 * once, each as large as the largest page that it met.
 */
export class PageBuffers {
  /** Where a socket reads to while nobody waits for it. What comes in is dealt with before the next read, so one is enough. */
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(smallestBytes);
  readonly #free: PageBuffer[] = [];

  take(): PageBuffer {
    const buffer = this.#free.pop() ?? new PageBuffer();
    buffer.filled = 0;
    return buffer;
  }

  give(buffer: PageBuffer): void {
    this.#free.push(buffer);
  }
}
