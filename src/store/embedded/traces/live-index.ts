import type { BlockPlace } from '../blocks/block-format.ts';
import type { BlockSummary } from './block-summary.ts';
import { BlockTable } from './block-table.ts';
import { FragmentTable } from './fragment-table.ts';
import type { TraceKey } from './hash.ts';
import { NameBook } from './name-book.ts';

/** What questions need to know of a partition before they read its blocks. May throw BRIDGE_CORRUPT. */
export interface PartitionIndex {
  names(): NameBook;
  table(): BlockTable;
  /** The blocks that may hold spans of that trace, in order of arrival. */
  blocksOf(key: TraceKey): number[];
}

/** The index of a partition that still grows, in memory. */
export class LiveIndex implements PartitionIndex {
  readonly fragments = new FragmentTable();
  readonly #names = new NameBook();
  readonly #table = new BlockTable();

  add(place: BlockPlace, summary: BlockSummary): void {
    this.fragments.add(summary.traceKeys, this.#table.length);
    this.#table.append(place, summary, this.#names);
  }

  names(): NameBook {
    return this.#names;
  }

  table(): BlockTable {
    return this.#table;
  }

  blocksOf(key: TraceKey): number[] {
    return this.fragments.blocksOf(key);
  }
}
