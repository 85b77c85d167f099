import type { PointPage } from './point-page.ts';
import { quantileOf } from './sketch.ts';

/** What is good and what is poor: the bounds of web.dev. Times in ms; `cls` has no unit. */
export interface VitalBounds {
  /** The field of a view; ns, but for `cls`. */
  readonly field: string;
  readonly good: number;
  readonly poor: number;
  /** Of the unit of the field, what makes one of the answer. */
  readonly per: number;
}

const nanosPerMs = 1e6;

export const vitals = {
  lcp: { field: 'largest_contentful_paint', good: 2500, poor: 4000, per: nanosPerMs },
  fcp: { field: 'first_contentful_paint', good: 1800, poor: 3000, per: nanosPerMs },
  cls: { field: 'cumulative_layout_shift', good: 0.1, poor: 0.25, per: 1 },
  inp: { field: 'interaction_to_next_paint', good: 200, poor: 500, per: nanosPerMs },
  fid: { field: 'first_input_delay', good: 100, poor: 300, per: nanosPerMs },
  ttfb: { field: 'first_byte', good: 800, poor: 1800, per: nanosPerMs },
} as const satisfies Readonly<Record<string, VitalBounds>>;

export type VitalName = keyof typeof vitals;
export const vitalNames = Object.keys(vitals) as readonly VitalName[];

/** In the order of `vitalNames`; NaN where the view has none. */
export type VitalValues = Float64Array;

/** Reads the vitals of views of one page. */
export function vitalReader(page: PointPage): (at: number) => VitalValues {
  const columns = vitalNames.map((name) => ({ column: page.column(vitals[name].field), per: vitals[name].per }));
  return (at) =>
    Float64Array.from(columns, ({ column, per }) => {
      const value = column.number(at);
      return value === undefined || value < 0 ? Number.NaN : value / per;
    });
}

export interface VitalSummary {
  /** Views that have it. */
  readonly count: number;
  readonly p50?: number;
  readonly p75?: number;
  readonly p90?: number;
  readonly p99?: number;
  /** How many of them are good, need improvement, are poor. */
  readonly good: number;
  readonly fair: number;
  readonly poor: number;
}

/** Of all views, exactly. */
export function summarise(
  views: readonly { readonly vitals: VitalValues }[],
): Readonly<Record<VitalName, VitalSummary>> {
  const summaries = vitalNames.map((name, i): [VitalName, VitalSummary] => {
    const sorted = Float64Array.from(views, (view) => view.vitals[i] ?? Number.NaN)
      .filter((value) => !Number.isNaN(value))
      .sort();
    return [name, summaryOf(sorted, vitals[name])];
  });
  return Object.fromEntries(summaries) as Record<VitalName, VitalSummary>;
}

function summaryOf(sorted: Float64Array, { good, poor }: VitalBounds): VitalSummary {
  const count = sorted.length;
  const goodCount = countUpTo(sorted, good);
  const notPoor = countUpTo(sorted, poor);
  const shares = { good: goodCount, fair: notPoor - goodCount, poor: count - notPoor };
  if (count === 0) {
    return { count, ...shares };
  }
  const at = (share: number): number => rounded(quantileOf(sorted, share) ?? 0);
  return { count, p50: at(0.5), p75: at(0.75), p90: at(0.9), p99: at(0.99), ...shares };
}

function countUpTo(sorted: Float64Array, bound: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) <= bound) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Times to a hundredth of a ms, `cls` to what is told of it. */
export function rounded(value: number): number {
  return Math.abs(value) >= 10 ? Math.round(value * 100) / 100 : Math.round(value * 10_000) / 10_000;
}
