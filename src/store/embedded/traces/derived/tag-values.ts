import type { BlockView } from '../block-view.ts';
import type { TagEntry } from './minute-row.ts';

/** Of each key; such a list is to be chosen from, by a person. */
const mostValues = 500;
const longestValue = 256;

/** The values that the spans of a minute have of some keys. */
export class TagValues {
  readonly #values: ReadonlyMap<string, Set<string>>;

  constructor(keys: readonly string[]) {
    this.#values = new Map(keys.map((key) => [key, new Set<string>()]));
  }

  add(view: BlockView): void {
    for (let pair = 0; pair < view.pairs && this.#values.size > 0; pair++) {
      const values = this.#values.get(view.string(view.pairKey[pair] ?? 0));
      const value = values === undefined ? '' : view.string(view.pairValue[pair] ?? 0);
      if (values !== undefined && values.size < mostValues && value.length <= longestValue) {
        values.add(value);
      }
    }
  }

  /** Sorted; keys without a value are left out. */
  entries(): TagEntry[] {
    return [...this.#values]
      .filter(([, values]) => values.size > 0)
      .map(([key, values]) => ({ key, values: [...values].sort() }));
  }
}
