import { encodeFrame, encodeShape } from '../../src/codec/metric-frame/metric-frame.ts';
import type { QueueRecord, TagEdits } from '../../src/model/batch.ts';
import type { Series } from '../../src/model/metric.ts';

export interface FrameRecordOptions {
  readonly seq: number;
  readonly timestampMs: number;
  /** Default: `timestampMs`. */
  readonly receivedAtMs?: number;
  /** Items of the lane before this record. */
  readonly itemsBefore?: number;
  /** Indexes of series that end here. */
  readonly stale?: readonly number[];
  /** Times of the first series' samples, where they have their own. */
  readonly timesMs?: readonly number[];
  readonly edits?: TagEdits;
}

/** A record of the metrics lane: one scrape of a target with these series. */
export function frameRecord(
  series: readonly Series[],
  values: readonly number[],
  options: FrameRecordOptions,
): QueueRecord {
  const { seq, timestampMs, stale = [], timesMs, edits } = options;
  const bitmap = new Uint8Array((series.length + 7) >> 3);
  for (const index of stale) {
    bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index & 7));
  }
  const timestampsMs = timesMs && Float64Array.from(series, (_, i) => timesMs[i] ?? Number.NaN);
  const parts = encodeFrame({
    timestampMs,
    values: Float64Array.from(values),
    ...(stale.length > 0 && { stale: bitmap }),
    ...(timestampsMs && { timestampsMs }),
  });
  const { id, bytes } = encodeShape(series);
  return {
    seq,
    signal: 'metrics',
    format: 'metric-frame',
    receivedAtMs: options.receivedAtMs ?? timestampMs,
    items: series.length,
    cumItems: (options.itemsBefore ?? 0) + series.length,
    origin: {},
    ...(edits && { edits }),
    payload: Buffer.concat(parts),
    dictionary: { id, bytes },
  };
}
