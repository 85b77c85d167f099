import type { Exemplar, Series } from '../../model/metric.ts';
import { bitmapBytes, type EncodedShape, encodeFrame, encodeShape } from '../metric-frame/metric-frame.ts';

/** One value of one series. */
export interface Sample {
  /** Of its series: two samples of one series have the same, those of others another. Frames are in its order. */
  readonly key: string;
  readonly series: Series;
  readonly value: number;
  /** The series ends here. */
  readonly isStale: boolean;
  readonly timeMs: number;
  readonly exemplars?: readonly Omit<Exemplar, 'index'>[];
}

/** A frame as `emit` takes it. */
export interface EncodedFrame {
  readonly payload: readonly Uint8Array[];
  readonly dictionary: EncodedShape;
  readonly items: number;
}

/** Of one request: each is a record of its own in the lane. */
export const mostFrames = 10_000;

/** Labels that the samples of a request may have together: a series of a histogram has those of its point again. */
const mostLabels = 2_000_000;

/** What is left of `mostLabels`. */
export class LabelBudget {
  #left = mostLabels;

  /** False where they are no more. */
  take(labels: number): boolean {
    this.#left -= labels;
    return this.#left >= 0;
  }
}

/**
 * Collects samples of one sender. A frame has each series once, so further samples of a series go to further frames, in the
 * order of their times. Series are sorted: senders that give them in any order still have one shape.
 */
export class MetricFrames {
  readonly #samples = new Map<string, Sample[]>();
  readonly #budget: LabelBudget;

  constructor(budget: LabelBudget) {
    this.#budget = budget;
  }

  get count(): number {
    return this.#samples.size;
  }

  /** False where there are too many, of this series or in all. */
  add(sample: Sample): boolean {
    const { key, series } = sample;
    if (!this.#budget.take(series.labels.length + 1)) {
      return false;
    }
    const known = this.#samples.get(key);
    if (known === undefined) {
      this.#samples.set(key, [sample]);
      return true;
    }
    return known.length < mostFrames && known.push(sample) > 0;
  }

  /** To the last sample of that series. False where it has none. */
  addExemplars(key: string, exemplars: readonly Omit<Exemplar, 'index'>[]): boolean {
    const samples = this.#samples.get(key);
    const last = samples?.pop();
    if (last === undefined) {
      return false;
    }
    samples?.push({ ...last, exemplars: [...(last.exemplars ?? []), ...exemplars] });
    return true;
  }

  /** Empty where no sample came. */
  encoded(): readonly EncodedFrame[] {
    const sorted = [...this.#samples].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, samples]) => samples);
    const frames: EncodedFrame[] = [];
    for (const samples of sorted) {
      samples.sort((a, b) => a.timeMs - b.timeMs);
    }
    let left = sorted;
    for (let nth = 0; left.length > 0; nth++) {
      frames.push(encodedFrame(left.flatMap((samples) => samples[nth] ?? [])));
      left = left.filter((samples) => samples.length > nth + 1);
    }
    return frames;
  }
}

function encodedFrame(samples: readonly Sample[]): EncodedFrame {
  const dictionary = encodeShape(samples.map(({ series }) => series));
  const timestampMs = samples.reduce((latest, { timeMs }) => Math.max(latest, timeMs), 0);
  const isOfOneTime = samples.every(({ timeMs }) => timeMs === timestampMs);
  const stale = samples.some(({ isStale }) => isStale) ? staleBits(samples) : undefined;
  const exemplars = samples.flatMap(({ exemplars: own = [] }, index) => own.map((one) => ({ ...one, index })));
  const payload = encodeFrame({
    timestampMs,
    values: Float64Array.from(samples, ({ value }) => value),
    ...(stale && { stale }),
    ...(!isOfOneTime && { timestampsMs: Float64Array.from(samples, ({ timeMs }) => timeMs) }),
    ...(exemplars.length > 0 && { exemplars }),
  });
  return { payload, dictionary, items: samples.length };
}

function staleBits(samples: readonly Sample[]): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(samples.length));
  for (const [i, { isStale }] of samples.entries()) {
    bits[i >> 3] = (bits[i >> 3] ?? 0) | (Number(isStale) << (i & 7));
  }
  return bits;
}
