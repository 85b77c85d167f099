/**
 * How long calls took: a count for each quarter of an octave, so that two of them are added by adding their counts, and a quantile
 * is off by a fifth at most. The bounds meet those of Prometheus' histograms: 2 ms times a power of two.
 */
const originMicros = 2000;
const perOctave = 4;
/** Some 8 µs, and some half an hour. */
const lowest = -32;
const highest = 80;

/** Count by bucket; bucket k has what is longer than the bound of k - 1 and not longer than that of k. */
export class Durations {
  readonly buckets = new Map<number, number>();
  count = 0;
  sumMicros = 0;

  /** NaN, which stands for none, is left out. */
  add(micros: number): void {
    if (micros >= 0) {
      const bucket = Math.min(highest, Math.max(lowest, Math.ceil(perOctave * Math.log2(micros / originMicros))));
      this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
      this.count++;
      this.sumMicros += micros;
    }
  }

  merge(other: Durations): void {
    for (const [bucket, count] of other.buckets) {
      this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + count);
    }
    this.count += other.count;
    this.sumMicros += other.sumMicros;
  }

  /** Those that took no longer than the bound of that bucket. */
  upTo(bucket: number): number {
    let sum = 0;
    for (const [each, count] of this.buckets) {
      sum += each <= bucket ? count : 0;
    }
    return sum;
  }

  /** µs; undefined where there is none. Between the bounds of a bucket it is read off a straight line. */
  quantile(share: number): number | undefined {
    const wanted = share * this.count;
    let before = 0;
    for (const [bucket, count] of [...this.buckets].sort(([a], [b]) => a - b)) {
      if (before + count >= wanted) {
        const from = boundMicros(bucket - 1);
        return from + ((boundMicros(bucket) - from) * (wanted - before)) / count;
      }
      before += count;
    }
    return undefined;
  }

  /** `[sum of µs, bucket, count, bucket, count, ...]`, by bucket. */
  write(): number[] {
    return [this.sumMicros, ...[...this.buckets].sort(([a], [b]) => a - b).flat()];
  }

  static read([sumMicros = 0, ...pairs]: readonly number[]): Durations {
    const durations = new Durations();
    durations.sumMicros = sumMicros;
    for (let at = 0; at < pairs.length; at += 2) {
      const count = pairs[at + 1] ?? 0;
      durations.buckets.set(pairs[at] ?? 0, count);
      durations.count += count;
    }
    return durations;
  }
}

function boundMicros(bucket: number): number {
  return originMicros * 2 ** (bucket / perOctave);
}

/** The buckets that Prometheus' histograms show: seconds from 2 ms to 32.768 s, each the double of the one before. */
export const shownBounds: readonly { readonly seconds: number; readonly bucket: number }[] = Array.from(
  { length: 15 },
  (_, octave) => ({ seconds: (originMicros * 2 ** octave) / 1e6, bucket: octave * perOctave }),
);
