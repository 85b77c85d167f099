import type { BinaryExpr, Matching } from './ast.ts';
import { executionError } from './errors.ts';
import { labelsKey, omitLabels, pickLabels, put, type Row, type Scope, sortedLabels, type Value } from './rows.ts';
import type { Values } from './source.ts';

type Operation = (a: number, b: number) => number;

const arithmetic: Readonly<Record<string, Operation>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0 ? Number.NaN : a / b),
  '%': (a, b) => (b === 0 ? Number.NaN : a % b),
  '^': (a, b) => a ** b,
};

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
};

export function binary(expr: BinaryExpr, left: Value, right: Value, scope: Scope): Value {
  if (left.type === 'scalar' && right.type === 'scalar') {
    return { type: 'scalar', value: apply(expr, true)(left.value, right.value) ?? Number.NaN };
  }
  if (left.type === 'vector' && right.type === 'vector') {
    return { type: 'vector', rows: ofVectors(expr, left.rows, right.rows, scope) };
  }
  const operation = apply(expr, expr.bool);
  const keepsLeft = expr.op in comparisons && !expr.bool;
  const rows = left.type === 'vector' ? left.rows : right.type === 'vector' ? right.rows : [];
  const scalar = left.type === 'scalar' ? left.value : right.type === 'scalar' ? right.value : 0;
  const isLeft = left.type === 'scalar';
  return {
    type: 'vector',
    rows: rows.map((row) =>
      mapped(row, row.labels, scope, (value) => {
        const result = isLeft ? operation(scalar, value) : operation(value, scalar);
        // A comparison with a number keeps the vector's value, whichever side it stands on.
        return result !== undefined && keepsLeft ? value : result;
      }),
    ),
  };
}

/** Undefined where a comparison does not hold; with `bool` it is 1 or 0. */
function apply({ op }: BinaryExpr, bool: boolean): (a: number, b: number) => number | undefined {
  const holds = comparisons[op];
  if (holds === undefined) {
    return arithmetic[op] ?? (() => Number.NaN);
  }
  return (a, b) => (bool ? Number(holds(a, b)) : holds(a, b) ? a : undefined);
}

function mapped(row: Row, labels: Values, scope: Scope, map: (value: number, at: number) => number | undefined): Row {
  const result = scope.newRow(labels);
  for (let at = 0; at < row.values.length; at++) {
    const value = row.present[at] === 1 ? map(row.values[at] ?? 0, at) : undefined;
    if (value !== undefined) {
      put(result, at, value);
    }
  }
  return result;
}

/** What rows of the two sides must have in common. */
function signature(matching: Matching): (row: Row) => string {
  const { on, names } = matching;
  return ({ labels }) => labelsKey(on ? pickLabels(labels, names) : omitLabels(labels, names));
}

function ofVectors(expr: BinaryExpr, left: readonly Row[], right: readonly Row[], scope: Scope): Row[] {
  const key = signature(expr.matching);
  if (expr.op === 'and' || expr.op === 'unless' || expr.op === 'or') {
    return ofSets(expr.op, left, right, { key, scope });
  }
  const { many } = expr.matching;
  const operation = apply(expr, expr.bool);
  const [manyRows, oneRows] = many === 'right' ? [right, left] : [left, right];
  const ones = Map.groupBy(oneRows, key);
  const results: Row[] = [];
  for (const [sign, rows] of Map.groupBy(manyRows, key)) {
    const [one, ...others] = ones.get(sign) ?? [];
    if (one === undefined) {
      continue;
    }
    if (others.length > 0 || (many === undefined && rows.length > 1)) {
      throw executionError(
        'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
      );
    }
    for (const row of rows) {
      const values = (value: number, at: number): number | undefined => {
        if (one.present[at] !== 1) {
          return undefined;
        }
        const other = one.values[at] ?? 0;
        return many === 'right' ? operation(other, value) : operation(value, other);
      };
      results.push(mapped(row, resultLabels(expr, row, one), scope, values));
    }
  }
  return results;
}

function resultLabels({ matching, op, bool }: BinaryExpr, row: Row, one: Row): Values {
  if (matching.many !== undefined) {
    return sortedLabels({ ...row.labels, ...pickLabels(one.labels, matching.include) });
  }
  if (op in comparisons && !bool) {
    return row.labels;
  }
  return matching.on ? pickLabels(row.labels, matching.names) : omitLabels(row.labels, matching.names);
}

function ofSets(
  op: 'and' | 'or' | 'unless',
  left: readonly Row[],
  right: readonly Row[],
  { key, scope }: { readonly key: (row: Row) => string; readonly scope: Scope },
): Row[] {
  const [lefts, rights] = [Map.groupBy(left, key), Map.groupBy(right, key)];
  const has = (rows: readonly Row[] | undefined, at: number): boolean =>
    rows?.some(({ present }) => present[at] === 1) === true;
  if (op === 'or') {
    const added = right.map((row) => {
      const others = lefts.get(key(row));
      return mapped(row, row.labels, scope, (value, at) => (has(others, at) ? undefined : value));
    });
    return [...left, ...added];
  }
  return left.map((row) => {
    const others = rights.get(key(row));
    return mapped(row, row.labels, scope, (value, at) => (has(others, at) === (op === 'and') ? value : undefined));
  });
}
