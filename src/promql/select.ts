import type { At, SelectorExpr } from './ast.ts';
import { type Grid, isEmpty, lastTime, newRow, pause, type Query, type Row, type Scope, timeAt } from './query.ts';
import type { Samples } from './source.ts';

/** A sample older than this is no longer the value of its series. */
const lookbackMs = 300_000;

/** Where `@` puts the time; undefined where the query has none. */
export function fixedTime(query: Query, at: At | undefined): number | undefined {
  switch (at?.kind) {
    case undefined:
      return undefined;
    case 'time':
      return at.timeMs;
    case 'start':
      return query.bounds.startMs;
    case 'end':
      return query.bounds.endMs;
    default:
      return at satisfies never;
  }
}

/** The grid on which a selector or subquery looks: shifted by its offset, a single time where `@` fixes it. */
export function lookingGrid({ query, grid }: Scope, expr: { readonly offsetMs?: number; readonly at?: At }): Grid {
  const fixed = fixedTime(query, expr.at);
  const offsetMs = expr.offsetMs ?? 0;
  return fixed === undefined
    ? { ...grid, startMs: grid.startMs - offsetMs }
    : { startMs: fixed - offsetMs, stepMs: grid.stepMs, count: 1 };
}

/** What an instant selector gives for a series: its value, or when the sample was taken, in seconds. */
export type Reading = 'value' | 'time';

/** The last sample in the five minutes up to each time, unless the series ended. */
export async function instantVector(scope: Scope, expr: SelectorExpr, reading: Reading): Promise<readonly Row[]> {
  const looking = lookingGrid(scope, expr);
  const endMs = lastTime(looking);
  const found = await scope.query.source.select(expr.matchers, looking.startMs - lookbackMs + 1, endMs);
  const rows: Row[] = [];
  for (const samples of found) {
    scope.query.take(samples.timesMs.length);
    const row = newRow(scope, samples.labels);
    fillInstant(row, samples, { grid: looking, reading });
    if (looking.count < scope.grid.count) {
      spread(row);
    }
    if (!isEmpty(row)) {
      rows.push(row);
    }
    await pause(scope);
  }
  return rows;
}

function fillInstant(row: Row, samples: Samples, how: { readonly grid: Grid; readonly reading: Reading }): void {
  const { timesMs, values, stale } = samples;
  const { grid, reading } = how;
  let next = 0;
  for (let step = 0; step < grid.count; step += 1) {
    const time = timeAt(grid, step);
    while (next < timesMs.length && (timesMs[next] ?? 0) <= time) {
      next += 1;
    }
    const sampleMs = timesMs[next - 1];
    if (sampleMs === undefined || sampleMs <= time - lookbackMs || stale?.[next - 1] === 1) {
      continue;
    }
    row.values[step] = reading === 'time' ? sampleMs / 1_000 : (values[next - 1] ?? 0);
    row.present[step] = 1;
  }
}

/** What holds at the first time holds at all: for expressions whose time is fixed. */
export function spread(row: Row): void {
  if (row.present[0] === 1) {
    row.values.fill(row.values[0] ?? 0);
    row.present.fill(1);
  }
}

/** A series without its stale markers. */
export interface PlainSeries {
  readonly labels: Samples['labels'];
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
}

/** Series, and the grid at whose times a window `(time − rangeMs, time]` of them ends. */
export interface RangeVector {
  readonly series: readonly PlainSeries[];
  readonly looking: Grid;
  readonly rangeMs: number;
}

export async function rangeVector(scope: Scope, expr: SelectorExpr & { rangeMs: number }): Promise<RangeVector> {
  const looking = lookingGrid(scope, expr);
  const startMs = looking.startMs - expr.rangeMs + 1;
  const found = await scope.query.source.select(expr.matchers, startMs, lastTime(looking));
  const series: PlainSeries[] = [];
  for (const samples of found) {
    scope.query.take(samples.timesMs.length);
    series.push(withoutStale(samples));
  }
  return { series, looking, rangeMs: expr.rangeMs };
}

function withoutStale(samples: Samples): PlainSeries {
  const { stale, labels } = samples;
  if (stale === undefined || !stale.includes(1)) {
    return samples;
  }
  const holds = (_: number, index: number): boolean => stale[index] !== 1;
  return { labels, timesMs: samples.timesMs.filter(holds), values: samples.values.filter(holds) };
}
