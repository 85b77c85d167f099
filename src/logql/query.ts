import type { Expr, LogExpr, MetricExpr } from './ast.ts';
import { LogqlError } from './errors.ts';
import { evaluate, filled } from './evaluate.ts';
import { instantOf, type LogRange, runLogQuery } from './log-query.ts';
import { parse } from './parse.ts';
import { type LabelEncoding, matrixJson, type ResultJson, streamsJson, vectorJson } from './result-json.ts';
import { Scope } from './rows.ts';
import type { Control, LineSource } from './source.ts';

export interface RangeQuery {
  readonly query: string;
  /** Ns since 1970. */
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  /** Between two values of a metric query. */
  readonly stepMs: number;
  /** Lines, newest (`backward`) or oldest first. */
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
  readonly encoding: LabelEncoding;
}

const nanosInMs = 1_000_000n;

/** What Loki's `query_range` answers. Throws LogqlError. */
export async function queryRange(query: RangeQuery, source: LineSource, control: Control): Promise<ResultJson> {
  const expr = parse(query.query);
  if (expr.kind === 'log') {
    return lines(expr, query, { source, control });
  }
  const startMs = Number(query.startNanos / nanosInMs);
  const endMs = Number(query.endNanos / nanosInMs);
  const grid = { startMs, stepMs: query.stepMs, count: Math.floor((endMs - startMs) / query.stepMs) + 1 };
  const scope = new Scope(grid, control);
  const value = await evaluate(expr, source, scope);
  return matrixJson(value.type === 'vector' ? value.rows : [filled(scope, value.value)], grid, control);
}

/** What Loki's `query` answers: a metric query at one time. Throws LogqlError. */
export async function queryInstant(
  { query, timeNanos }: { readonly query: string; readonly timeNanos: bigint },
  source: LineSource,
  control: Control,
): Promise<ResultJson> {
  return evaluatedAt(metricOnly(parse(query)), Number(timeNanos / nanosInMs), { source, control });
}

function metricOnly(expr: Expr): MetricExpr {
  if (expr.kind === 'log') {
    const hint = 'please change your query to a range query type';
    throw new LogqlError('syntax', `log queries are not supported as an instant query type, ${hint}`);
  }
  return expr;
}

interface Means {
  readonly source: LineSource;
  readonly control: Control;
}

export async function evaluatedAt(expr: MetricExpr, timeMs: number, { source, control }: Means): Promise<ResultJson> {
  const grid = { startMs: timeMs, stepMs: 1, count: 1 };
  return vectorJson(await evaluate(expr, source, new Scope(grid, control)), grid);
}

/** The same over a range of times. */
export async function evaluatedOver(
  expr: MetricExpr,
  grid: { readonly startMs: number; readonly stepMs: number; readonly count: number },
  { source, control }: Means,
): Promise<ResultJson> {
  const value = await evaluate(expr, source, new Scope(grid, control));
  return matrixJson(value.type === 'vector' ? value.rows : [], grid, control);
}

async function lines(expr: LogExpr, query: RangeQuery, { source, control }: Means): Promise<ResultJson> {
  const { limit, direction } = query;
  const range: LogRange = { from: instantOf(query.startNanos), to: instantOf(query.endNanos), limit, direction };
  const entries = await runLogQuery(expr, range, source);
  return { resultType: 'streams', result: await streamsJson(entries, query.encoding, control), count: entries.length };
}
