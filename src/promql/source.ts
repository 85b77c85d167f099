/** `=~` and `!~` match whole values, in RE2's syntax. A label that a series lacks has the value ''; the metric name is `__name__`. */
export interface Matcher {
  readonly name: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** The samples of one series in a range of time, ascending, no time twice. */
export interface Samples {
  /** With `__name__`, sorted by name in byte order. Two series never have the same. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** ms since 1970 */
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  /** 1 where the series ends: a stale marker, whose value means nothing. Absent: none. */
  readonly stale?: Uint8Array;
}

/** Where the evaluator gets its samples. */
export interface SampleSource {
  /** All series that every matcher matches and that have a sample in the range, bounds inclusive. Rejects when the asker has gone. */
  select(matchers: readonly Matcher[], startMs: number, endMs: number): Promise<readonly Samples[]>;
}
