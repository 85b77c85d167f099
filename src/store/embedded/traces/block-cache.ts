import type { BlockView } from './block-view.ts';
import type { Partition } from './partition.ts';

/** Of columns; the strings made of them take about as much again. */
const keptBytes = 8 * 1024 * 1024;

/** The blocks that were read last: a trace's fragments mostly stand in one or two, and traces of one search in few. */
export class BlockCache {
  readonly #views = new Map<string, BlockView>();
  #bytes = 0;

  /** Undefined when the block cannot be read. */
  view(partition: Partition, block: number): BlockView | undefined {
    const key = `${partition.startMs}/${block}`;
    const known = this.#views.get(key);
    if (known !== undefined) {
      this.#views.delete(key);
      this.#views.set(key, known);
      return known;
    }
    const view = partition.view(block);
    if (view !== undefined) {
      this.#views.set(key, view);
      this.#bytes += view.bytes;
      this.#shrink();
    }
    return view;
  }

  #shrink(): void {
    for (const [key, view] of this.#views) {
      if (this.#bytes <= keptBytes) {
        return;
      }
      this.#views.delete(key);
      this.#bytes -= view.bytes;
    }
  }
}
