/** Minutes since 1970. */
export const minuteMs = 60_000;
const minuteMicros = minuteMs * 1000;

/** The minute in which a time of µs since 1970 lies. */
export function minuteOf(micros: number): number {
  return Math.floor(micros / minuteMicros);
}

/** The first and the last µs of a minute. */
export function boundsOf(minute: number): { readonly minMicros: number; readonly maxMicros: number } {
  return { minMicros: minute * minuteMicros, maxMicros: (minute + 1) * minuteMicros - 1 };
}

/** Blocks from `from` on, up to the next run, came in that minute. */
export interface ArrivalRun {
  readonly minute: number;
  readonly from: number;
}
