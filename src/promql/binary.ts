import { type BinaryExpr, comparisons, setOperators } from './ast.ts';
import { dropName, type Labels } from './labels.ts';
import { type Combine, combiner } from './operators.ts';
import { newNumbers, type Row, type Scope, type Value } from './query.ts';
import { mapped } from './rows.ts';
import { setOperation } from './sets.ts';
import { vectorOperation } from './vector-matching.ts';

/** Both sides evaluated → the operation. The types have been checked. */
export async function binaryOperation(scope: Scope, expr: BinaryExpr, sides: readonly [Value, Value]): Promise<Value> {
  const [left, right] = sides;
  if (left.type === 'scalar' && right.type === 'scalar') {
    return { type: 'scalar', values: ofScalars(scope, expr, [left.values, right.values]) };
  }
  if (left.type === 'vector' && right.type === 'vector') {
    const rows = setOperators.has(expr.op)
      ? await setOperation(scope, expr, [left.rows, right.rows])
      : await vectorOperation(scope, expr, [left.rows, right.rows]);
    return { type: 'vector', rows };
  }
  if (left.type === 'vector' && right.type === 'scalar') {
    const combine = combiner(expr.op, { bool: expr.bool, kept: 'left' });
    return { type: 'vector', rows: await withScalar(scope, expr, { rows: left.rows, scalar: right.values, combine }) };
  }
  if (left.type === 'scalar' && right.type === 'vector') {
    const inner = combiner(expr.op, { bool: expr.bool, kept: 'right' });
    const combine: Combine = (value, scalar) => inner(scalar, value);
    return { type: 'vector', rows: await withScalar(scope, expr, { rows: right.rows, scalar: left.values, combine }) };
  }
  return { type: 'vector', rows: [] };
}

function ofScalars(scope: Scope, expr: BinaryExpr, [left, right]: readonly [Float64Array, Float64Array]): Float64Array {
  const combine = combiner(expr.op, { bool: expr.bool, kept: 'left' });
  const values = newNumbers(scope);
  for (let step = 0; step < values.length; step += 1) {
    values[step] = combine(left[step] ?? Number.NaN, right[step] ?? Number.NaN) ?? Number.NaN;
  }
  return values;
}

interface ScalarSide {
  readonly rows: readonly Row[];
  readonly scalar: Float64Array;
  readonly combine: Combine;
}

/** A comparison without `bool` filters, and so keeps the name. */
function withScalar(scope: Scope, expr: BinaryExpr, { rows, scalar, combine }: ScalarSide): Promise<readonly Row[]> {
  const labelsOf = comparisons.has(expr.op) && !expr.bool ? (labels: Labels): Labels => labels : dropName;
  return mapped(scope, rows, (value, step) => combine(value, scalar[step] ?? Number.NaN), labelsOf);
}
