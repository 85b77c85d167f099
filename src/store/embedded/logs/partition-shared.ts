import type { DamageBook } from '../damage-book.ts';
import type { FileCache } from '../file-cache.ts';

/** What all partitions of a store share. */
export interface PartitionShared {
  readonly files: FileCache;
  readonly damage: DamageBook;
  readonly headers: Scratch;
}

/** Memory that is used again and again. */
export class Scratch {
  #memory = Buffer.allocUnsafeSlow(32 * 1024);

  take(bytes: number): Buffer {
    if (bytes > this.#memory.length) {
      this.#memory = Buffer.allocUnsafeSlow(bytes);
    }
    return this.#memory.subarray(0, bytes);
  }
}
