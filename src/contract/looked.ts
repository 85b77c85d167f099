/** What a component that only its configuration names turns out to be, or what is wrong with it. */
export interface Looked<D> {
  /** Takes the place of the definition that was asked. */
  readonly definition?: D;
  /** Differs from the last one when what was found has changed, though the configuration has not. */
  readonly version?: string;
  /** `path`: the key that is wrong, such as `['config', 'url']`. */
  readonly faults: readonly {
    readonly path: readonly (string | number)[];
    readonly message: string;
    readonly hint?: string;
  }[];
}
