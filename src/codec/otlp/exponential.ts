import type { ExponentialPoint } from './messages-in.ts';

/** How many observations are at or below a bound. */
export interface CumulativeBucket {
  readonly bound: number;
  readonly count: number;
}

/** Of the smallest double, and of the first power of two that is none any more. */
const leastExponent = -1074;
const pastExponent = 1024;
/** A single bucket of this scale is wider than all doubles. */
const coarsestScale = -11;

/**
 * The buckets of an exponential histogram, merged to those that end at powers of two, so that they are the same from point
 * to point whatever scale a sender changes to (OpenTelemetry, "Metrics Data Model", ExponentialHistogram: bucket i of scale
 * s is above 2^(i / 2^s), up to 2^((i + 1) / 2^s)). Coarser ones stay as they are. In the order of their bounds, without the
 * last one, which has none.
 */
export function powerOfTwoBuckets(point: ExponentialPoint): readonly CumulativeBucket[] {
  const { positive, negative, zeroCount, zeroThreshold } = point;
  const scale = Math.max(coarsestScale, point.scale);
  const perOctave = 2 ** Math.max(0, scale);
  const octaves = 2 ** Math.max(0, -scale);
  const counts = new Map<number, number>();
  const add = (bound: number, more: number): void => {
    if (more > 0) {
      counts.set(bound, (counts.get(bound) ?? 0) + more);
    }
  };
  for (const [i, more] of negative.bucketCounts.entries()) {
    add(-powerOfTwo(Math.floor((negative.offset + i) / perOctave) * octaves), more);
  }
  add(Math.max(0, zeroThreshold), zeroCount);
  for (const [i, more] of positive.bucketCounts.entries()) {
    add(powerOfTwo((Math.floor((positive.offset + i) / perOctave) + 1) * octaves), more);
  }
  let count = 0;
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([bound, more]) => {
      count += more;
      return { bound, count };
    })
    .filter(({ bound }) => Number.isFinite(bound));
}

function powerOfTwo(exponent: number): number {
  return 2 ** Math.min(pastExponent, Math.max(leastExponent, exponent));
}
