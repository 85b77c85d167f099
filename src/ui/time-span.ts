/** How far back a view looks, as it stands in the URL. */
export const ranges = {
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '6h': 21_600_000,
  '1d': 86_400_000,
  '7d': 604_800_000,
} as const;
export type Range = keyof typeof ranges;

/** The time that a view shows. Moments are ms since 1970. */
export interface TimeSpan {
  readonly range: Range;
  /** Counts only beside `until`, and then instead of `range`. */
  readonly from?: number;
  /** Undefined: now. */
  readonly until?: number;
}

export interface Bounds {
  readonly startMs: number;
  readonly endMs: number;
}

export const usualRange: Range = '15m';

export function boundsOf({ range, from, until }: TimeSpan, nowMs: number): Bounds {
  const endMs = until ?? nowMs;
  return { startMs: until !== undefined && from !== undefined ? from : endMs - ranges[range], endMs };
}

/** Whether the end of the span moves with the clock. */
export function isMoving(span: TimeSpan): boolean {
  return span.until === undefined;
}

/** What stands in the URL. Moments that can't be right are left out. */
export function timeSpanOf(params: URLSearchParams): TimeSpan {
  const range = params.get('range') ?? '';
  const until = momentOf(params.get('until'));
  const from = momentOf(params.get('from'));
  return {
    range: Object.hasOwn(ranges, range) ? (range as Range) : usualRange,
    ...(until === undefined ? {} : { until }),
    ...(until === undefined || from === undefined || from >= until ? {} : { from }),
  };
}

/** The same length, one length earlier (-1) or later (1); what would lie after now becomes the moving span again. */
export function shifted(span: TimeSpan, direction: -1 | 1, nowMs: number): TimeSpan {
  const { startMs, endMs } = boundsOf(span, nowMs);
  const lengthMs = endMs - startMs;
  const until = endMs + direction * lengthMs;
  return until >= nowMs ? { range: span.range } : { range: span.range, from: until - lengthMs, until };
}

/** Exactly these moments; whole ms, and at least 1 s apart. */
export function between(span: TimeSpan, startMs: number, endMs: number): TimeSpan {
  const from = Math.round(Math.min(startMs, endMs));
  return { range: span.range, from, until: Math.max(Math.round(Math.max(startMs, endMs)), from + 1_000) };
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400] as const;

/** A step that people count in, so that the bounds hold at most `most` of it. */
export function stepMsOf({ startMs, endMs }: Bounds, most: number): number {
  const wantedSeconds = (endMs - startMs) / 1_000 / most;
  return (steps.find((step) => step >= wantedSeconds) ?? Math.ceil(wantedSeconds / 86_400) * 86_400) * 1_000;
}

/** Bounds moved outwards to multiples of the step: the same question while no step has passed. */
export function aligned({ startMs, endMs }: Bounds, stepMs: number): Bounds {
  return { startMs: Math.floor(startMs / stepMs) * stepMs, endMs: Math.ceil(endMs / stepMs) * stepMs };
}

function momentOf(written: string | null): number | undefined {
  const moment = Number(written ?? Number.NaN);
  return Number.isFinite(moment) && moment > 0 ? Math.round(moment) : undefined;
}
