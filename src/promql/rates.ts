import type { Window, WindowFunction } from './window.ts';

type Kind = 'rate' | 'increase' | 'delta';

/** Prometheus' rule: see `coveredSeconds`; what the samples grew by is taken to go on at the same pace over all of that. */
function extrapolated(kind: Kind): WindowFunction {
  const isCounter = kind !== 'delta';
  return (window) => {
    const { timesMs, values, from } = window;
    const last = window.to - 1;
    if (last <= from) {
      return false;
    }
    const first = values[from] ?? 0;
    const grown = (values[last] ?? 0) - first + (isCounter ? lostInResets(window) : 0);
    const sampledSeconds = ((timesMs[last] ?? 0) - (timesMs[from] ?? 0)) / 1_000;
    const zeroSeconds =
      isCounter && grown > 0 && first >= 0 ? sampledSeconds * (first / grown) : Number.POSITIVE_INFINITY;
    let factor = coveredSeconds(window, sampledSeconds, zeroSeconds) / sampledSeconds;
    if (kind === 'rate') {
      factor /= window.rangeMs / 1_000;
    }
    window.result = grown * factor;
    return true;
  };
}

/**
 * From the first to the last sample, and on to a bound of the window that is within 1.1 × the mean distance of samples,
 * else half a distance; but not beyond `zeroSeconds` before the first, where a counter would be below zero.
 */
function coveredSeconds(window: Window, sampledSeconds: number, zeroSeconds: number): number {
  const { timesMs, from } = window;
  const last = window.to - 1;
  const distanceSeconds = sampledSeconds / (last - from);
  const threshold = distanceSeconds * 1.1;
  let beforeSeconds = ((timesMs[from] ?? 0) - window.startMs) / 1_000;
  let afterSeconds = (window.endMs - (timesMs[last] ?? 0)) / 1_000;
  if (beforeSeconds >= threshold) {
    beforeSeconds = distanceSeconds / 2;
  }
  if (zeroSeconds < beforeSeconds) {
    beforeSeconds = zeroSeconds;
  }
  if (afterSeconds >= threshold) {
    afterSeconds = distanceSeconds / 2;
  }
  return sampledSeconds + beforeSeconds + afterSeconds;
}

/** What a counter had reached each time that it began anew. */
function lostInResets({ values, from, to }: Window): number {
  let lost = 0;
  let before = values[from] ?? 0;
  for (let at = from + 1; at < to; at += 1) {
    const value = values[at] ?? 0;
    if (value < before) {
      lost += before;
    }
    before = value;
  }
  return lost;
}

/** From the last two samples alone. */
function instantly(kind: 'irate' | 'idelta'): WindowFunction {
  return (window) => {
    const { timesMs, values } = window;
    const last = window.to - 1;
    const before = last - 1;
    const seconds = ((timesMs[last] ?? 0) - (timesMs[before] ?? 0)) / 1_000;
    if (before < window.from || seconds === 0) {
      return false;
    }
    const value = values[last] ?? 0;
    const previous = values[before] ?? 0;
    if (kind === 'idelta') {
      window.result = value - previous;
    } else {
      window.result = (value < previous ? value : value - previous) / seconds;
    }
    return true;
  };
}

export const rateFunctions: Readonly<Record<string, WindowFunction>> = {
  rate: extrapolated('rate'),
  increase: extrapolated('increase'),
  delta: extrapolated('delta'),
  irate: instantly('irate'),
  idelta: instantly('idelta'),
};
