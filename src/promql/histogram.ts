import { dropLabels, type Labels, labelKey, labelValue, metricName } from './labels.ts';
import { labelNumber } from './literals.ts';
import { isEmpty, newRow, pause, type Row, type Scope } from './query.ts';

interface Bucket {
  readonly upperBound: number;
  readonly row: Row;
}

interface Histogram {
  readonly labels: Labels;
  readonly buckets: Bucket[];
}

const leAndName: ReadonlySet<string> = new Set(['le', metricName]);

/** Buckets `le` of the same other labels are one histogram; series without a number in `le` count for nothing. */
function histogramsOf(rows: readonly Row[]): Histogram[] {
  const byKey = new Map<string, Histogram>();
  for (const row of rows) {
    const upperBound = labelNumber(labelValue(row.labels, 'le'));
    if (Number.isNaN(upperBound)) {
      continue;
    }
    const labels = dropLabels(row.labels, leAndName);
    const key = labelKey(labels);
    const histogram = byKey.get(key) ?? { labels, buckets: [] };
    byKey.set(key, histogram);
    histogram.buckets.push({ upperBound, row });
  }
  const found = [...byKey.values()];
  for (const { buckets } of found) {
    buckets.sort((a, b) => (a.upperBound < b.upperBound ? -1 : a.upperBound > b.upperBound ? 1 : 0));
  }
  return found;
}

export async function histogramQuantile(
  scope: Scope,
  quantiles: Float64Array,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  const made: Row[] = [];
  for (const { labels, buckets } of histogramsOf(rows)) {
    const row = newRow(scope, labels);
    const bounds = new Float64Array(buckets.length);
    const counts = new Float64Array(buckets.length);
    for (let step = 0; step < row.values.length; step += 1) {
      const size = cumulative(buckets, step, { bounds, counts });
      if (size > 0) {
        const found = { bounds: bounds.subarray(0, size), counts: counts.subarray(0, size) };
        row.values[step] = quantileOfBuckets(quantiles[step] ?? Number.NaN, found);
        row.present[step] = 1;
      }
    }
    if (!isEmpty(row)) {
      made.push(row);
    }
    await pause(scope);
  }
  return made;
}

/** Upper bounds, ascending, and what was counted up to each. */
interface Counts {
  readonly bounds: Float64Array;
  readonly counts: Float64Array;
}

/** Takes the buckets that are there at a time, equal bounds together; gives how many. */
function cumulative(buckets: readonly Bucket[], step: number, { bounds, counts }: Counts): number {
  let size = 0;
  for (const { upperBound, row } of buckets) {
    if (row.present[step] !== 1) {
      continue;
    }
    const count = row.values[step] ?? 0;
    if (size > 0 && bounds[size - 1] === upperBound) {
      counts[size - 1] = (counts[size - 1] ?? 0) + count;
    } else {
      bounds[size] = upperBound;
      counts[size] = count;
      size += 1;
    }
  }
  return size;
}

/** Prometheus' rule: linear within a bucket, the first one beginning at 0, and nothing to say above the last bound. */
export function quantileOfBuckets(quantile: number, { bounds, counts }: Counts): number {
  if (Number.isNaN(quantile)) {
    return Number.NaN;
  }
  if (quantile < 0 || quantile > 1) {
    return quantile < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const last = bounds.length - 1;
  makeMonotonic(counts);
  const observations = counts[last] ?? 0;
  if (bounds[last] !== Number.POSITIVE_INFINITY || last < 1 || observations === 0) {
    return Number.NaN;
  }
  const rank = quantile * observations;
  const found = counts.subarray(0, last).findIndex((count) => count >= rank);
  return found < 0 ? (bounds[last - 1] ?? Number.NaN) : withinBucket(found, rank, { bounds, counts });
}

function withinBucket(index: number, rank: number, { bounds, counts }: Counts): number {
  const end = bounds[index] ?? 0;
  const count = counts[index] ?? 0;
  if (index === 0) {
    return end <= 0 ? end : end * (rank / count);
  }
  const start = bounds[index - 1] ?? 0;
  const below = counts[index - 1] ?? 0;
  return start + (end - start) * ((rank - below) / (count - below));
}

/** Counts differ by this part of themselves from rounding alone. */
const roundingPart = 1e-12;

/** Buckets are not scraped at one instant, and rates of them are rounded: a count never falls from bound to bound. */
function makeMonotonic(counts: Float64Array): void {
  let before = counts[0] ?? 0;
  for (let index = 1; index < counts.length; index += 1) {
    const count = counts[index] ?? 0;
    if (count < before || almostEqual(before, count)) {
      counts[index] = before;
    } else {
      before = count;
    }
  }
}

function almostEqual(a: number, b: number): boolean {
  const size = Math.abs(a) + Math.abs(b);
  return a === b || (a !== 0 && b !== 0 && Math.abs(a - b) / Math.min(size, Number.MAX_VALUE) < roundingPart);
}
