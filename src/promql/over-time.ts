import { add, type ExactSum, Mean, quantileOf, total, Variance } from './sums.ts';
import type { Window, WindowFunction } from './window.ts';

type Fold = (window: Window) => number;

function always(fold: Fold): WindowFunction {
  return (window) => {
    window.result = fold(window);
    return true;
  };
}

/** Has no value for a window of one sample. */
function ofSeveral(fold: Fold): WindowFunction {
  return (window) => {
    if (window.to - window.from < 2) {
      return false;
    }
    window.result = fold(window);
    return true;
  };
}

function mean(window: Window): number {
  const { values, from, to } = window;
  const exact = summed(window);
  if (Number.isFinite(exact.sum)) {
    return exact.sum / (to - from) + exact.lost / (to - from);
  }
  const running = new Mean();
  for (let at = from; at < to; at += 1) {
    running.add(values[at] ?? 0);
  }
  return running.value;
}

/** As `add` does one by one, without an object in the loop; once a sum is infinite what was lost means nothing. */
function summed({ values, from, to }: Window): ExactSum {
  let sum = 0;
  let lost = 0;
  for (let at = from; at < to; at += 1) {
    const value = values[at] ?? 0;
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return { sum, lost: Number.isFinite(sum) ? lost : 0 };
}

function least({ values, from, to }: Window): number {
  let found = values[from] ?? 0;
  for (let at = from + 1; at < to; at += 1) {
    const value = values[at] ?? 0;
    if (value < found || Number.isNaN(found)) {
      found = value;
    }
  }
  return found;
}

function greatest({ values, from, to }: Window): number {
  let found = values[from] ?? 0;
  for (let at = from + 1; at < to; at += 1) {
    const value = values[at] ?? 0;
    if (value > found || Number.isNaN(found)) {
      found = value;
    }
  }
  return found;
}

function variance({ values, from, to }: Window): number {
  const running = new Variance();
  for (let at = from; at < to; at += 1) {
    running.add(values[at] ?? 0);
  }
  return running.value;
}

function changes({ values, from, to }: Window): number {
  let count = 0;
  for (let at = from + 1; at < to; at += 1) {
    count += Object.is((values[at - 1] ?? 0) + 0, (values[at] ?? 0) + 0) ? 0 : 1;
  }
  return count;
}

function resets({ values, from, to }: Window): number {
  let count = 0;
  for (let at = from + 1; at < to; at += 1) {
    count += (values[at] ?? 0) < (values[at - 1] ?? 0) ? 1 : 0;
  }
  return count;
}

interface Line {
  readonly slope: number;
  readonly intercept: number;
}

/** Least squares; the intercept is the line's value at `atMs`. */
function regression({ timesMs, values, from, to }: Window, atMs: number): Line {
  const [sumX, sumY, sumXY, sumXX] = [0, 0, 0, 0].map((): ExactSum => ({ sum: 0, lost: 0 })) as [
    ExactSum,
    ExactSum,
    ExactSum,
    ExactSum,
  ];
  const first = values[from] ?? 0;
  let constant = true;
  for (let at = from; at < to; at += 1) {
    const x = ((timesMs[at] ?? 0) - atMs) / 1_000;
    const y = values[at] ?? 0;
    constant &&= y === first;
    add(sumX, x);
    add(sumY, y);
    add(sumXY, x * y);
    add(sumXX, x * x);
  }
  if (constant) {
    return Number.isFinite(first) ? { slope: 0, intercept: first } : { slope: Number.NaN, intercept: Number.NaN };
  }
  const count = to - from;
  const covariance = total(sumXY) - (total(sumX) * total(sumY)) / count;
  const spreadOfX = total(sumXX) - (total(sumX) * total(sumX)) / count;
  const slope = covariance / spreadOfX;
  return { slope, intercept: total(sumY) / count - (slope * total(sumX)) / count };
}

export const overTimeFunctions: Readonly<Record<string, WindowFunction>> = {
  avg_over_time: always(mean),
  sum_over_time: always((window) => total(summed(window))),
  min_over_time: always(least),
  max_over_time: always(greatest),
  count_over_time: always(({ from, to }) => to - from),
  present_over_time: always(() => 1),
  last_over_time: always(({ values, to }) => values[to - 1] ?? 0),
  stdvar_over_time: always(variance),
  stddev_over_time: always((window) => Math.sqrt(variance(window))),
  changes: always(changes),
  resets: always(resets),
  deriv: ofSeveral((window) => regression(window, window.timesMs[window.from] ?? 0).slope),
};

/** `perStep` has the parameter for each time of the grid. */
export const overTimeWithParameter: Readonly<Record<string, (perStep: Float64Array) => WindowFunction>> = {
  quantile_over_time: (perStep) =>
    always(({ values, from, to, step }) => quantileOf(perStep[step] ?? Number.NaN, values.slice(from, to))),
  predict_linear: (perStep) =>
    ofSeveral((window) => {
      const { slope, intercept } = regression(window, window.evaluatedMs);
      return slope * (perStep[window.step] ?? Number.NaN) + intercept;
    }),
};
