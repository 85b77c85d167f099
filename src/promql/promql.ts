import type { Expr } from './ast.ts';
import { documentedType, typeOf } from './check.ts';
import { executionError, PromqlError } from './errors.ts';
import { evaluate, rangeVectorOf } from './evaluate.ts';
import { compareLabels, type Labels } from './labels.ts';
import { parse } from './parse.ts';
import { type Control, type Grid, isEmpty, Query, type Row, type Scope } from './query.ts';
import { distinct, seriesOfRows, timesOf } from './rows.ts';
import type { PlainSeries } from './select.ts';
import type { Matcher, SampleSource } from './source.ts';

/** Prometheus' bound of how many steps a range may have. */
export const maxSteps = 11_000;

/** Bounds are inclusive, ms since 1970. */
export interface RangeTimes {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

export interface InstantSample {
  readonly labels: Labels;
  readonly value: number;
}

/** What a query comes to. Times are ms since 1970. */
export type QueryResult =
  | { readonly type: 'vector'; readonly timeMs: number; readonly samples: readonly InstantSample[] }
  | { readonly type: 'matrix'; readonly series: readonly PlainSeries[] }
  | { readonly type: 'scalar'; readonly timeMs: number; readonly value: number }
  | { readonly type: 'string'; readonly timeMs: number; readonly value: string };

/**
 * A query at one time. A range selector gives the samples that it stands for. Rejects with PromqlError, and with the
 * reasons of `source` and `control`.
 */
export async function evaluateInstant(
  query: string,
  timeMs: number,
  source: SampleSource,
  control: Control,
): Promise<QueryResult> {
  const expr = parse(query);
  const bounds = { startMs: timeMs, endMs: timeMs };
  const scope: Scope = {
    query: new Query(source, control, bounds),
    grid: { startMs: timeMs, stepMs: 1, count: 1 },
  };
  if (typeOf(expr) === 'matrix') {
    return { type: 'matrix', series: await bareRange(scope, expr) };
  }
  const value = await evaluate(scope, expr);
  switch (value.type) {
    case 'scalar':
      return { type: 'scalar', timeMs, value: value.values[0] ?? Number.NaN };
    case 'string':
      return { type: 'string', timeMs, value: value.value };
    case 'vector':
      return { type: 'vector', timeMs, samples: samplesOf(distinct(value.rows.filter((row) => !isEmpty(row)))) };
    default:
      return value satisfies never;
  }
}

async function bareRange(scope: Scope, expr: Expr): Promise<readonly PlainSeries[]> {
  const { series, looking, rangeMs } = await rangeVectorOf(scope, expr);
  return series
    .map((one) => within(one, looking.startMs - rangeMs, looking.startMs))
    .filter(({ timesMs }) => timesMs.length > 0)
    .toSorted((a, b) => compareLabels(a.labels, b.labels));
}

function within({ labels, timesMs, values }: PlainSeries, afterMs: number, untilMs: number): PlainSeries {
  const from = timesMs.findIndex((time) => time > afterMs);
  const to = timesMs.findLastIndex((time) => time <= untilMs) + 1;
  const start = from < 0 ? to : from;
  return { labels, timesMs: timesMs.slice(start, to), values: values.slice(start, to) };
}

function samplesOf(rows: readonly Row[]): InstantSample[] {
  return rows.map(({ labels, values }) => ({ labels, value: values[0] ?? Number.NaN }));
}

/** A query at each step of a range, series sorted by their labels. Rejects as `evaluateInstant` does. */
export async function evaluateRange(
  query: string,
  times: RangeTimes,
  source: SampleSource,
  control: Control,
): Promise<QueryResult> {
  const expr = parse(query);
  const type = typeOf(expr);
  if (type !== 'scalar' && type !== 'vector') {
    const what = `invalid expression type "${documentedType(type)}" for range query, must be Scalar or instant Vector`;
    throw new PromqlError('syntax', what);
  }
  const grid = gridOf(times);
  const scope: Scope = { query: new Query(source, control, times), grid };
  const value = await evaluate(scope, expr);
  if (value.type === 'scalar') {
    return { type: 'matrix', series: [{ labels: [], timesMs: timesOf(grid), values: value.values }] };
  }
  const rows = value.type === 'vector' ? value.rows.filter((row) => !isEmpty(row)) : [];
  const series = distinct(rows).toSorted((a, b) => compareLabels(a.labels, b.labels));
  return { type: 'matrix', series: seriesOfRows(grid, series) };
}

function gridOf({ startMs, endMs, stepMs }: RangeTimes): Grid {
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  if (!(stepMs > 0) || !(count >= 1)) {
    throw executionError('the step of a range must be above zero, and its end not before its start');
  }
  if (count - 1 > maxSteps) {
    throw executionError(
      `exceeded maximum resolution of ${maxSteps.toLocaleString('en')} points per timeseries. ` +
        'Try decreasing the query resolution (?step=XX)',
    );
  }
  return { startMs, stepMs, count };
}

/** A series selector as `match[]` has it → its conditions. Throws PromqlError. */
export function parseSelector(text: string): readonly Matcher[] {
  const expr = parse(text);
  if (expr.kind !== 'selector' || expr.rangeMs !== undefined || expr.offsetMs !== undefined || expr.at !== undefined) {
    throw new PromqlError('syntax', `expected a series selector: ${text}`, expr.from);
  }
  return expr.matchers;
}
