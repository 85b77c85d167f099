const smallestBytes = 64 * 1024;
/** What is asked for at once because somebody says that so much is coming. */
const mostReservedBytes = 8 * 1024 * 1024;
/** Pages are read one after the other as their times come; more at once are rare. */
const mostKept = 3;
const nothing: Buffer = Buffer.alloc(0);

/** Room for one page while it comes in; takes memory when its first bytes are there. */
export class PageBuffer {
  readonly #memory: Memory | undefined;
  bytes: Buffer = nothing;
  filled = 0;

  constructor(memory?: Memory) {
    this.#memory = memory;
  }

  /** Free bytes behind what is filled, at least that many. */
  room(neededBytes: number): Buffer {
    if (this.bytes.length - this.filled < neededBytes) {
      this.#grow(Math.max(smallestBytes, this.bytes.length * 2, this.filled + neededBytes));
    }
    return this.bytes.subarray(this.filled);
  }

  /** About so many bytes will be filled in all. */
  reserve(totalBytes: number): void {
    const bytes = Math.min(totalBytes, mostReservedBytes);
    if (this.bytes.length < bytes) {
      this.#grow(bytes);
    }
  }

  append(chunk: Uint8Array): void {
    this.room(chunk.length);
    this.bytes.set(chunk, this.filled);
    this.filled += chunk.length;
  }

  #grow(bytes: number): void {
    const before = this.bytes;
    this.bytes = this.#memory?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes);
    before.copy(this.bytes, 0, 0, this.filled);
    this.#memory?.give(before);
  }
}

/** Blocks that pages stood in. */
class Memory {
  readonly #free: Buffer[] = [];

  /** One that is at least so large, if there is one. */
  take(bytes: number): Buffer | undefined {
    const at = this.#free.findIndex(({ length }) => length >= bytes);
    return at < 0 ? undefined : this.#free.splice(at, 1)[0];
  }

  /** The largest are kept. */
  give(block: Buffer): void {
    if (block.length === 0) {
      return;
    }
    this.#free.push(block);
    if (this.#free.length > mostKept) {
      this.#free.sort((a, b) => b.length - a.length).pop();
    }
  }
}

/**
 * Memory that goes from scrape to scrape and from target to target: a few blocks, as large as the largest pages. What a
 * burst takes beyond that is given back behind it.
 */
export class PageBuffers {
  /** Where a socket reads to while nothing of a page is there. What comes in is dealt with before the next read, so one is enough. */
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(smallestBytes);
  readonly #memory = new Memory();

  take(): PageBuffer {
    return new PageBuffer(this.#memory);
  }

  /** It must not be used any more. */
  give(page: PageBuffer): void {
    this.#memory.give(page.bytes);
    page.bytes = nothing;
    page.filled = 0;
  }
}
