import type { DamageBook } from '../damage-book.ts';
import type { FileCache } from '../file-cache.ts';
import type { BlockList } from './index-file.ts';

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

/** The blocks of a partition as one question sees them, also when the partition is sealed meanwhile. */
export interface Contents extends BlockList {
  readonly path: string;
}
