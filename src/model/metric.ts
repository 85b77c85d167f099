export type MetricType =
  | 'counter'
  | 'gauge'
  | 'histogram'
  | 'summary'
  | 'info'
  | 'stateset'
  | 'gaugehistogram'
  | 'unknown';

/** What stays the same from scrape to scrape of one series. */
export interface Series {
  /** The metric name (`__name__`), such as `istio_requests_total`. */
  readonly name: string;
  /** Sorted by name in byte order, without `__name__`, no empty values. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** Type of the family that the series belongs to. */
  readonly type: MetricType;
  readonly help?: string;
  readonly unit?: string;
  /** DataKit's split of the name, kept beside it (interfaces.md, "Metric naming"). */
  readonly measurement: string;
  readonly field: string;
}

/** The ordered series of one target. Frames of the same shape carry values only. */
export interface Shape {
  /** Hash of the encoded bytes: equal ids mean equal series in equal order. */
  readonly id: string;
  readonly series: readonly Series[];
}

export interface Exemplar {
  /** Index into `shape.series`. */
  readonly index: number;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
  readonly timestampMs?: number;
}

/**
 * One scrape of one target. `values[i]` belongs to `shape.series[i]`.
 * A stale marker (Prometheus: the NaN with bits 0x7ff0000000000002) is a bit of `stale`, never a number: a JS number loses its payload.
 */
export interface MetricFrame {
  readonly shape: Shape;
  /** ms since 1970, of every sample without a time of its own. */
  readonly timestampMs: number;
  readonly values: Float64Array;
  /** Bit i (byte i >> 3, bit i & 7) is set where series i ends here; its value means nothing. */
  readonly stale?: Uint8Array;
  /** ms since 1970; NaN where the sample has no time of its own. */
  readonly timestampsMs?: Float64Array;
  readonly exemplars?: readonly Exemplar[];
}

export function isStale(frame: MetricFrame, index: number): boolean {
  return frame.stale !== undefined && ((frame.stale[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}
