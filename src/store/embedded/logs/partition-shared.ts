import type { PartitionShared as SharedByAll } from '../blocks/partition-files.ts';
import type { BlockList } from './index-file.ts';
import type { Scratch } from './scratch.ts';

export interface PartitionShared extends SharedByAll {
  readonly headers: Scratch;
}

/** The blocks of a partition as one question sees them, also when the partition is sealed meanwhile. */
export interface Contents extends BlockList {
  readonly path: string;
}
