import { durationText } from './format.ts';
import type { VitalName } from './rum-api.ts';

/** Up to the first it is good, up to the second it needs improvement, past it it is poor (web.dev). ms, but for `cls`. */
export const vitalBounds: Readonly<Record<VitalName, readonly [good: number, poor: number]>> = {
  lcp: [2500, 4000],
  inp: [200, 500],
  cls: [0.1, 0.25],
  fcp: [1800, 3000],
  ttfb: [800, 1800],
  fid: [100, 300],
};

export type Rating = 'good' | 'fair' | 'poor';

export function ratingOf(name: VitalName, value: number): Rating {
  const [good, poor] = vitalBounds[name];
  return value <= good ? 'good' : value <= poor ? 'fair' : 'poor';
}

export function vitalText(name: VitalName, value: number | undefined): string {
  if (value === undefined) {
    return '–';
  }
  return name === 'cls' ? String(Number(value.toFixed(3))) : msText(value);
}

export function msText(ms: number | undefined): string {
  return durationText(ms === undefined ? undefined : ms * 1_000);
}
