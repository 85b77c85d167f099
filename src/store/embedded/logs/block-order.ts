import type { Slice } from '../slice.ts';
import { type BlockTest, type Candidate, candidatesIn } from './candidates.ts';
import type { LogPartition } from './log-partition.ts';

export type BlockOrder = 'newest first' | 'oldest first';

interface Bounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Blocks in the order of their last or first times; a partition's index is read when it is its turn. */
export class BlocksInOrder {
  readonly #query: BlockTest;
  readonly #rank: (bounds: Bounds) => number;
  /** The next one last. */
  #partitions: LogPartition[];
  #blocks: Candidate[] = [];

  constructor(partitions: readonly LogPartition[], query: BlockTest, order: BlockOrder) {
    this.#query = query;
    this.#rank = order === 'newest first' ? ({ maxMs }) => maxMs : ({ minMs }) => -minMs;
    this.#partitions = [...partitions].sort((a, b) => this.#rank(a) - this.#rank(b));
  }

  async take(slice: Slice): Promise<Candidate | undefined> {
    for (;;) {
      const partition = this.#partitions.at(-1);
      const block = this.#blocks.at(-1);
      if (partition === undefined || (block !== undefined && this.#rank(block.facts) > this.#rank(partition))) {
        return this.#blocks.pop();
      }
      this.#partitions.pop();
      const more = await candidatesIn(partition, this.#query, slice);
      if (more.length > 0) {
        this.#blocks = [...this.#blocks, ...more].sort((a, b) => this.#rank(a.facts) - this.#rank(b.facts));
      }
    }
  }
}
