import type { AggregateExpr, Grouping } from './ast.ts';
import { labelsKey, omitLabels, pickLabels, put, type Row, type Scope } from './rows.ts';
import type { Values } from './source.ts';

interface Group {
  readonly labels: Values;
  readonly rows: Row[];
}

/** Times of the grid that are worked on between two looks at the clock. */
const timesAtOnce = 64;

export async function aggregate(
  { op, parameter, grouping }: AggregateExpr,
  rows: readonly Row[],
  scope: Scope,
): Promise<Row[]> {
  if (op === 'sort' || op === 'sort_desc') {
    const sign = op === 'sort' ? 1 : -1;
    return [...rows].sort((a, b) => sign * ((a.values[0] ?? 0) - (b.values[0] ?? 0)));
  }
  const groups = groupsOf(rows, grouping);
  if (op === 'topk' || op === 'bottomk') {
    const found: Row[] = [];
    for (const group of groups) {
      found.push(...(await extremes(group.rows, { sign: op === 'topk' ? 1 : -1, limit: parameter }, scope)));
    }
    return found;
  }
  const results: Row[] = [];
  for (const group of groups) {
    results.push(await combined(op, group, scope));
  }
  return results;
}

function groupsOf(rows: readonly Row[], grouping: Grouping | undefined): Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const { without, names } = grouping ?? { without: false, names: [] };
    const labels = without ? omitLabels(row.labels, names) : pickLabels(row.labels, names);
    const key = labelsKey(labels);
    const group = groups.get(key) ?? { labels, rows: [] };
    group.rows.push(row);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** At each time the `limit` largest (sign 1) or smallest (-1) rows keep their value. */
async function extremes(
  rows: readonly Row[],
  { sign, limit }: { readonly sign: number; readonly limit: number },
  scope: Scope,
): Promise<Row[]> {
  const found = rows.map(({ labels }) => scope.newRow(labels));
  for (let at = 0; at < scope.grid.count; at++) {
    const here = rows.flatMap(({ values, present }, i) => (present[at] === 1 ? [{ i, value: values[at] ?? 0 }] : []));
    here.sort((a, b) => sign * (b.value - a.value) || a.i - b.i);
    for (const { i, value } of here.slice(0, limit)) {
      const row = found[i];
      if (row !== undefined) {
        put(row, at, value);
      }
    }
    if (at % timesAtOnce === 0) {
      await scope.pause();
    }
  }
  const kept = found.filter(({ present }) => present.includes(1));
  return scope.grid.count > 1 ? kept : kept.sort((a, b) => sign * ((b.values[0] ?? 0) - (a.values[0] ?? 0)));
}

async function combined(op: string, { labels, rows }: Group, scope: Scope): Promise<Row> {
  const result = scope.newRow(labels);
  for (let at = 0; at < scope.grid.count; at++) {
    const here = rows.flatMap(({ values, present }) => (present[at] === 1 ? [values[at] ?? 0] : []));
    if (here.length > 0) {
      put(result, at, combinedValue(op, here));
    }
    if (at % timesAtOnce === 0) {
      await scope.pause();
    }
  }
  return result;
}

function combinedValue(op: string, values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  const mean = sum / values.length;
  switch (op) {
    case 'sum':
      return sum;
    case 'avg':
      return mean;
    case 'count':
      return values.length;
    case 'min':
      return values.reduce((a, b) => Math.min(a, b));
    case 'max':
      return values.reduce((a, b) => Math.max(a, b));
    default: {
      const variance = values.reduce((squares, value) => squares + (value - mean) ** 2, 0) / values.length;
      return op === 'stdvar' ? variance : Math.sqrt(variance);
    }
  }
}
