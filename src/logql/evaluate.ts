import { aggregate } from './aggregate.ts';
import type { AggregateExpr, LabelReplaceExpr, MetricExpr } from './ast.ts';
import { binary } from './binary.ts';
import { executionError } from './errors.ts';
import { compiled } from './pattern-text.ts';
import { evaluateRange } from './range.ts';
import { labelsKey, put, type Row, type Scope, sortedLabels, type Value } from './rows.ts';
import type { LineSource } from './source.ts';

/** Throws LogqlError. */
export async function evaluate(expr: MetricExpr, source: LineSource, scope: Scope): Promise<Value> {
  await scope.pause();
  switch (expr.kind) {
    case 'number':
      return { type: 'scalar', value: expr.value };
    case 'vector':
      return { type: 'vector', rows: [filled(scope, expr.value)] };
    case 'range':
      return { type: 'vector', rows: await evaluateRange(expr, source, scope) };
    case 'aggregate':
      return { type: 'vector', rows: await aggregated(expr, source, scope) };
    case 'label_replace':
      return { type: 'vector', rows: await replaced(expr, source, scope) };
    case 'binary': {
      const left = await evaluate(expr.left, source, scope);
      const right = await evaluate(expr.right, source, scope);
      return binary(expr, left, right, scope);
    }
    default:
      return expr satisfies never;
  }
}

/** A number at each time of the grid, as a series without labels. */
export function filled(scope: Scope, value: number): Row {
  const row = scope.newRow({});
  for (let at = 0; at < row.values.length; at++) {
    put(row, at, value);
  }
  return row;
}

const additive: ReadonlySet<string> = new Set([
  'count_over_time',
  'rate',
  'bytes_over_time',
  'bytes_rate',
  'sum_over_time',
]);

async function aggregated(expr: AggregateExpr, source: LineSource, scope: Scope): Promise<Row[]> {
  const { inner, grouping } = expr;
  // Sums of sums: the series are summed while the lines are read, and no more of them are made than are asked for.
  const isSum = expr.op === 'sum' && inner.kind === 'range' && additive.has(inner.op) && grouping?.without !== true;
  if (isSum && inner.kind === 'range') {
    const rows = await evaluateRange(inner, source, scope, grouping?.names ?? []);
    return await aggregate(expr, rows, scope);
  }
  return await aggregate(expr, await rowsOf(inner, source, scope), scope);
}

async function rowsOf(expr: MetricExpr, source: LineSource, scope: Scope): Promise<readonly Row[]> {
  const value = await evaluate(expr, source, scope);
  if (value.type === 'scalar') {
    throw executionError('a number where a vector should stand');
  }
  return value.rows;
}

async function replaced(expr: LabelReplaceExpr, source: LineSource, scope: Scope): Promise<Row[]> {
  const pattern = compiled(`^(?s:${expr.pattern})$`);
  const rows = await rowsOf(expr.inner, source, scope);
  const seen = new Set<string>();
  return rows.map((row) => {
    const matcher = pattern.matcher(row.labels[expr.source] ?? '');
    const isMatch = matcher.find();
    const value = expr.replacement.replaceAll(/\$(?:\{(\w+)\}|(\w+)|\$)/g, (_, braced?: string, bare?: string) => {
      const name = braced ?? bare;
      return name === undefined ? '$' : groupOf(matcher, name);
    });
    const labels = isMatch ? sortedLabels({ ...row.labels, [expr.target]: value }) : row.labels;
    const key = labelsKey(labels);
    if (seen.has(key)) {
      throw executionError('vector cannot contain metrics with the same labelset');
    }
    seen.add(key);
    return { ...row, labels };
  });
}

function groupOf(matcher: ReturnType<ReturnType<typeof compiled>['matcher']>, name: string): string {
  try {
    return matcher.group(/^\d+$/.test(name) ? Number(name) : name) ?? '';
  } catch {
    return '';
  }
}
