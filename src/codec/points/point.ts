/** Written with a point, as integer (bigint, 64 bits), float, string or boolean. */
export type PointValue = number | bigint | string | boolean;

/** A point as InfluxDB and DataKit know it. */
export interface Point {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, PointValue>>;
  /** ns since 1970. */
  readonly timeNanos: bigint;
}

/** Points, and how many items have no place in one. */
export interface Points {
  readonly points: readonly Point[];
  /** Samples that a point cannot hold: ends of series, NaN and infinities. */
  readonly without: number;
}
