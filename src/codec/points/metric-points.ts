import { isStale, type MetricFrame, type Shape } from '../../model/metric.ts';
import type { Point, Points } from './point.ts';

/** The series of a shape that have measurement and tags in common: `fields[i]` is the field of series `series[i]`. */
interface Row {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: string[];
  readonly series: number[];
}

/**
 * A scrape as points by DataKit's split of names: what has measurement, labels and time in common is one point. Line protocol
 * has no NaN, no infinities and no end of a series; of two series that the split makes one, the later wins.
 */
export class MetricPoints {
  readonly #rows = new WeakMap<Shape, readonly Row[]>();

  of(frame: MetricFrame): Points {
    const points: Point[] = [];
    let kept = 0;
    for (const row of this.#rowsOf(frame.shape)) {
      for (const [timeMs, fields] of fieldsByTime(frame, row)) {
        kept += fields.size;
        const timeNanos = BigInt(Math.trunc(timeMs)) * 1_000_000n;
        points.push({ measurement: row.measurement, tags: row.tags, fields: Object.fromEntries(fields), timeNanos });
      }
    }
    return { points, without: frame.values.length - kept };
  }

  #rowsOf(shape: Shape): readonly Row[] {
    const rows = this.#rows.get(shape) ?? rowsOf(shape);
    this.#rows.set(shape, rows);
    return rows;
  }
}

function fieldsByTime(frame: MetricFrame, { fields, series }: Row): Map<number, Map<string, number>> {
  const { values, timestampMs, timestampsMs } = frame;
  const byTime = new Map<number, Map<string, number>>();
  for (const [i, index] of series.entries()) {
    const value = values[index] ?? Number.NaN;
    if (!Number.isFinite(value) || isStale(frame, index)) {
      continue;
    }
    const own = timestampsMs?.[index] ?? Number.NaN;
    const timeMs = Number.isNaN(own) ? timestampMs : own;
    const row = byTime.get(timeMs) ?? new Map<string, number>();
    byTime.set(timeMs, row.set(fields[i] ?? '', value));
  }
  return byTime;
}

function rowsOf({ series }: Shape): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const [index, { measurement, field, labels }] of series.entries()) {
    const key = JSON.stringify([measurement, labels]);
    const row = rows.get(key) ?? { measurement, tags: Object.fromEntries(labels), fields: [], series: [] };
    rows.set(key, row);
    row.fields.push(field);
    row.series.push(index);
  }
  return [...rows.values()];
}
