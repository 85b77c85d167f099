/** One entry of Loki's push API. `line` and the texts are UTF-8. */
export interface PushEntry {
  readonly seconds: number;
  readonly nanos: number;
  readonly line: Uint8Array;
  /** Structured metadata (Loki 2.9). */
  readonly metadata: readonly Label[];
}

export type Label = readonly [name: string, value: string];

/** A stream: all entries have its labels. */
export interface PushStream {
  /** Sorted by name. */
  readonly labels: readonly Label[];
  readonly entries: readonly PushEntry[];
}
