import { aggregated } from './aggregate.ts';
import { type AggregateExpr, type Expr, type SubqueryExpr, unparenthesised } from './ast.ts';
import { binaryOperation } from './binary.ts';
import { stringArgument } from './check.ts';
import { executionError } from './errors.ts';
import { callVector } from './functions.ts';
import { type Grid, lastTime, newNumbers, type Row, type Scope, type Value } from './query.ts';
import { distinct, mapped, seriesOfRows } from './rows.ts';
import { instantVector, lookingGrid, type RangeVector, rangeVector } from './select.ts';

/** Without a step of its own a subquery is evaluated once a minute. */
const defaultSubqueryStepMs = 60_000;

/** How functions get at their arguments. */
export interface Evaluator {
  value(scope: Scope, expr: Expr): Promise<Value>;
  rows(scope: Scope, expr: Expr | undefined): Promise<readonly Row[]>;
  scalar(scope: Scope, expr: Expr | undefined): Promise<Float64Array>;
  windows(scope: Scope, expr: Expr | undefined): Promise<RangeVector>;
}

/** Any expression but a bare range vector, at all times of the grid at once. */
export async function evaluate(scope: Scope, expr: Expr): Promise<Value> {
  switch (expr.kind) {
    case 'number':
      return { type: 'scalar', values: newNumbers(scope).fill(expr.value) };
    case 'string':
      return { type: 'string', value: expr.value };
    case 'paren':
      return evaluate(scope, expr.inner);
    case 'selector':
      return { type: 'vector', rows: distinct(await instantVector(scope, expr, 'value')) };
    case 'unary':
      return expr.op === '-' ? negated(scope, await evaluate(scope, expr.inner)) : evaluate(scope, expr.inner);
    case 'binary':
      return binaryOperation(scope, expr, [await evaluate(scope, expr.left), await evaluate(scope, expr.right)]);
    case 'aggregate':
      return { type: 'vector', rows: await aggregate(scope, expr) };
    case 'call':
      return callVector(scope, expr, evaluator);
    case 'subquery':
      throw executionError('a range vector has no value of its own');
    default:
      return expr satisfies never;
  }
}

async function negated(scope: Scope, value: Value): Promise<Value> {
  if (value.type === 'scalar') {
    return { type: 'scalar', values: value.values.map((one) => -one) };
  }
  return value.type === 'vector' ? { type: 'vector', rows: await mapped(scope, value.rows, (one) => -one) } : value;
}

async function aggregate(scope: Scope, expr: AggregateExpr): Promise<readonly Row[]> {
  const { op, grouping, param } = expr;
  const rows = await evaluator.rows(scope, expr.inner);
  if (op === 'count_values') {
    return aggregated(scope, rows, { op, grouping, text: stringArgument(param) });
  }
  const numbers = param === undefined ? undefined : await evaluator.scalar(scope, param);
  return aggregated(scope, rows, { op, grouping, ...(numbers === undefined ? {} : { numbers }) });
}

const evaluator: Evaluator = {
  value: evaluate,
  async rows(scope, expr) {
    const value = expr === undefined ? undefined : await evaluate(scope, expr);
    return value?.type === 'vector' ? value.rows : [];
  },
  async scalar(scope, expr) {
    const value = expr === undefined ? undefined : await evaluate(scope, expr);
    return value?.type === 'scalar' ? value.values : newNumbers(scope).fill(Number.NaN);
  },
  windows: rangeVectorOf,
};

/** The samples that a range selector or a subquery stands for. */
export async function rangeVectorOf(scope: Scope, expr: Expr | undefined): Promise<RangeVector> {
  const bare = expr === undefined ? undefined : unparenthesised(expr);
  if (bare?.kind === 'selector' && bare.rangeMs !== undefined) {
    return rangeVector(scope, { ...bare, rangeMs: bare.rangeMs });
  }
  if (bare?.kind === 'subquery') {
    return subqueryVector(scope, bare);
  }
  return { series: [], looking: scope.grid, rangeMs: 0 };
}

async function subqueryVector(scope: Scope, expr: SubqueryExpr): Promise<RangeVector> {
  const looking = lookingGrid(scope, expr);
  const stepMs = expr.stepMs ?? defaultSubqueryStepMs;
  const grid = alignedGrid(looking, { rangeMs: expr.rangeMs, stepMs });
  if (grid.count < 1) {
    return { series: [], looking, rangeMs: expr.rangeMs };
  }
  const rows = await evaluator.rows({ query: scope.query, grid }, expr.inner);
  return { series: seriesOfRows(grid, rows), looking, rangeMs: expr.rangeMs };
}

/** The multiples of the step that lie in any of the windows. */
function alignedGrid(looking: Grid, { rangeMs, stepMs }: { readonly rangeMs: number; readonly stepMs: number }): Grid {
  const beforeMs = looking.startMs - rangeMs;
  const truncatedMs = stepMs * Math.trunc(beforeMs / stepMs);
  const startMs = truncatedMs <= beforeMs ? truncatedMs + stepMs : truncatedMs;
  return { startMs, stepMs, count: Math.floor((lastTime(looking) - startMs) / stepMs) + 1 };
}
