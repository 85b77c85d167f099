import type { Signal } from '../model/batch.ts';

/** What a component that only its configuration names can do, or what is wrong with it. */
export interface Looked {
  readonly signals: readonly Signal[];
  /** `path`: the key that is wrong, such as `['config', 'url']`. */
  readonly faults: readonly {
    readonly path: readonly (string | number)[];
    readonly message: string;
    readonly hint?: string;
  }[];
}
