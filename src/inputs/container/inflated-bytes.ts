import { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import type { FileBytes } from './file-bytes.ts';
import { closeFile, factsOfOpen, readAt } from './file-io.ts';
import { maxPrefixBytes } from './fingerprint.ts';

const chunkBytes = 65_536;

/** How many files are inflated side by side: each takes some hundred kilobytes meanwhile. */
export class Inflaters {
  #free = 4;

  take(): boolean {
    const isFree = this.#free > 0;
    this.#free -= isFree ? 1 : 0;
    return isFree;
  }

  giveBack(): void {
    this.#free += 1;
  }
}

/** The bytes that a gzip file holds, read one after the other; going back begins anew. */
export class InflatedBytes implements FileBytes {
  damage: string | undefined;
  readonly #descriptor: number;
  readonly #inflaters: Inflaters;
  #course: Course | undefined;
  #prefix: Buffer | undefined;

  /** Takes over the descriptor. */
  constructor(descriptor: number, inflaters: Inflaters) {
    this.#descriptor = descriptor;
    this.#inflaters = inflaters;
  }

  async readAt(buffer: Buffer, from: number): Promise<number | undefined> {
    if (this.#course !== undefined && from < this.#course.keptAt) {
      this.#endCourse();
    }
    if (this.#course === undefined) {
      if (!this.#inflaters.take()) {
        return undefined;
      }
      this.#course = new Course(this.#descriptor);
    }
    const bytes = await this.#course.fill(buffer, from);
    this.damage = this.#course.damage;
    return bytes;
  }

  async prefix(): Promise<Buffer> {
    if (this.#prefix === undefined) {
      const course = new Course(this.#descriptor);
      const buffer = Buffer.alloc(maxPrefixBytes);
      this.#prefix = buffer.subarray(0, await course.fill(buffer, 0));
      this.damage = course.damage;
      course.end();
    }
    return this.#prefix;
  }

  /** By the gzip trailer: modulo 2^32, and of the last member only (RFC 1952 §2.3.1). */
  async isOfSize(bytes: number): Promise<boolean> {
    const { size } = await factsOfOpen(this.#descriptor);
    const trailer = Buffer.alloc(4);
    const got = size < 18 ? 0 : await readAt(this.#descriptor, trailer, size - 4);
    return got === 4 && trailer.readUInt32LE(0) === bytes % 2 ** 32;
  }

  close(): Promise<void> {
    this.#endCourse();
    return closeFile(this.#descriptor);
  }

  #endCourse(): void {
    if (this.#course !== undefined) {
      this.#course.end();
      this.#course = undefined;
      this.#inflaters.giveBack();
    }
  }
}

/** One way through the file, from its beginning on. */
class Course {
  damage: string | undefined;
  /** Offset of the first byte that can still be had. */
  keptAt = 0;
  #kept: Buffer = Buffer.alloc(0);
  readonly #inflated: Gunzip;
  readonly #file: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #isAtEnd = false;

  constructor(descriptor: number) {
    this.#file = Readable.from(chunksOf(descriptor), { objectMode: true, highWaterMark: 1 });
    this.#inflated = createGunzip({ chunkSize: chunkBytes });
    this.#file.on('error', (error) => this.#inflated.destroy(error));
    this.#file.pipe(this.#inflated);
    this.#chunks = this.#inflated[Symbol.asyncIterator]();
  }

  /** `from` is not before `keptAt`. */
  async fill(buffer: Buffer, from: number): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      const at = from + filled - this.keptAt;
      if (at < this.#kept.length) {
        filled += this.#kept.copy(buffer, filled, at);
      } else if (!(await this.#advance())) {
        break;
      }
    }
    this.#keepFrom(buffer, from, filled);
    return filled;
  }

  end(): void {
    this.#isAtEnd = true;
    this.#file.destroy();
    this.#inflated.destroy();
  }

  /** What was given out may be asked for again, since a line can end behind it. */
  #keepFrom(buffer: Buffer, from: number, filled: number): void {
    const rest = Math.min(this.#kept.length, Math.max(0, from + filled - this.keptAt));
    this.#kept = Buffer.concat([buffer.subarray(0, filled), this.#kept.subarray(rest)]);
    this.keptAt = from;
  }

  async #advance(): Promise<boolean> {
    if (this.#isAtEnd) {
      return false;
    }
    try {
      const { value, done } = await this.#chunks.next();
      if (done !== true) {
        this.keptAt += this.#kept.length;
        this.#kept = value;
        return true;
      }
    } catch (error) {
      this.damage =
        typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'damaged';
    }
    this.#isAtEnd = true;
    return false;
  }
}

async function* chunksOf(descriptor: number): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const bytes = await readAt(descriptor, chunk, at);
    if (bytes === 0) {
      return;
    }
    at += bytes;
    yield chunk.subarray(0, bytes);
  }
}
