import type { PartitionShared as SharedByAll } from '../blocks/partition-files.ts';
import type { BlockList } from './index-file.ts';

export interface PartitionShared extends SharedByAll {
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
