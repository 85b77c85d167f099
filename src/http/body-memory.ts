const leastBytes = 128 * 1024;
const mostBytes = 1024 * 1024;
const keptBytes = 8 * 1024 * 1024;

/** Memory for bodies that come in several pieces, used again and again: fresh memory of this size keeps the collector busy. */
export class BodyMemory {
  readonly #free = new Map<number, Buffer[]>();
  #bytes = 0;

  /** At least that many bytes, which hold anything. */
  take(bytes: number): Buffer {
    let size = leastBytes;
    while (size < bytes) {
      size *= 2;
    }
    const known = this.#free.get(size)?.pop();
    this.#bytes -= known?.length ?? 0;
    return known ?? Buffer.allocUnsafeSlow(size);
  }

  /** Nobody looks at it any more. */
  give(memory: Buffer): void {
    if (memory.length < leastBytes || memory.length > mostBytes || this.#bytes + memory.length > keptBytes) {
      return;
    }
    this.#bytes += memory.length;
    const same = this.#free.get(memory.length);
    if (same === undefined) {
      this.#free.set(memory.length, [memory]);
    } else {
      same.push(memory);
    }
  }
}
