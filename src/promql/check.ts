import {
  type AggregateExpr,
  type BinaryExpr,
  type CallExpr,
  comparisons,
  type Expr,
  setOperators,
  unparenthesised,
  type ValueType,
} from './ast.ts';
import { syntaxError } from './errors.ts';
import { aggregationParams, signatures } from './signatures.ts';

const documented: Readonly<Record<ValueType, string>> = {
  scalar: 'scalar',
  vector: 'instant vector',
  matrix: 'range vector',
  string: 'string',
};

export function documentedType(type: ValueType): string {
  return documented[type];
}

export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'selector':
      return expr.rangeMs === undefined ? 'vector' : 'matrix';
    case 'subquery':
      return 'matrix';
    case 'call':
      return signatures.get(expr.name)?.returns ?? 'vector';
    case 'aggregate':
      return 'vector';
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector';
    case 'unary':
    case 'paren':
      return typeOf(expr.inner);
    default:
      return expr satisfies never;
  }
}

/** Gives the expression back when every part has what it needs; throws PromqlError with Prometheus' words. */
export function checked(query: string, expr: Expr): Expr {
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'selector':
      return expr;
    case 'paren':
      checked(query, expr.inner);
      return expr;
    case 'unary':
      return checkUnary(query, expr);
    case 'subquery':
      return checkSubquery(query, expr);
    case 'call':
      return checkCall(query, expr);
    case 'aggregate':
      return checkAggregate(query, expr);
    case 'binary':
      return checkBinary(query, expr);
    default:
      return expr satisfies never;
  }
}

function checkUnary(query: string, expr: Extract<Expr, { kind: 'unary' }>): Expr {
  const type = typeOf(checked(query, expr.inner));
  if (type !== 'scalar' && type !== 'vector') {
    const what = `unary expression only allowed on expressions of type scalar or instant vector, got "${documented[type]}"`;
    throw syntaxError(query, expr.from, what);
  }
  return expr;
}

function checkSubquery(query: string, expr: Extract<Expr, { kind: 'subquery' }>): Expr {
  const type = typeOf(checked(query, expr.inner));
  if (type !== 'vector') {
    throw syntaxError(query, expr.from, `subquery is only allowed on instant vector, got ${type} instead`);
  }
  return expr;
}

function expectType(query: string, expr: Expr, wanted: { readonly type: ValueType; readonly context: string }): void {
  const got = typeOf(checked(query, expr));
  if (got !== wanted.type) {
    const what = `expected type ${documented[wanted.type]} in ${wanted.context}, got ${documented[got]}`;
    throw syntaxError(query, expr.from, what);
  }
}

function checkCall(query: string, expr: CallExpr): Expr {
  const signature = signatures.get(expr.name);
  if (signature === undefined) {
    throw syntaxError(query, expr.from, `unknown function with name "${expr.name}"`);
  }
  const most = signature.args.length;
  const least = most - (signature.optional === 'any' ? 1 : signature.optional);
  const got = expr.args.length;
  const ending = (count: number): string => `${count} argument(s) in call to "${expr.name}", got ${got}`;
  if (signature.optional === 0 && got !== most) {
    throw syntaxError(query, expr.from, `expected ${ending(most)}`);
  }
  if (got < least) {
    throw syntaxError(query, expr.from, `expected at least ${ending(least)}`);
  }
  if (signature.optional !== 'any' && got > most) {
    throw syntaxError(query, expr.from, `expected at most ${ending(most)}`);
  }
  for (const [index, arg] of expr.args.entries()) {
    const type = signature.args[Math.min(index, most - 1)] ?? 'vector';
    expectType(query, arg, { type, context: `call to function "${expr.name}"` });
  }
  return expr;
}

function checkAggregate(query: string, expr: AggregateExpr): Expr {
  expectType(query, expr.inner, { type: 'vector', context: 'aggregation expression' });
  const type = aggregationParams.get(expr.op);
  if (type !== undefined && expr.param !== undefined) {
    expectType(query, expr.param, { type, context: 'aggregation parameter' });
  }
  return expr;
}

function checkBinary(query: string, expr: BinaryExpr): Expr {
  const left = typeOf(checked(query, expr.left));
  const right = typeOf(checked(query, expr.right));
  if (expr.bool && !comparisons.has(expr.op)) {
    throw syntaxError(query, expr.opFrom, 'bool modifier can only be used on comparison operators');
  }
  if (comparisons.has(expr.op) && !expr.bool && left === 'scalar' && right === 'scalar') {
    throw syntaxError(query, expr.opFrom, 'comparisons between scalars must use BOOL modifier');
  }
  for (const [side, type] of [
    [expr.left, left],
    [expr.right, right],
  ] as const) {
    if (type !== 'scalar' && type !== 'vector') {
      throw syntaxError(query, side.from, 'binary expression must contain only scalar and instant vector types');
    }
  }
  checkMatching(query, expr, left === 'vector' && right === 'vector');
  return expr;
}

function checkMatching(query: string, expr: BinaryExpr, ofVectors: boolean): void {
  const { matching } = expr;
  const isSet = setOperators.has(expr.op);
  for (const label of matching?.mode === 'on' ? matching.include : []) {
    if (matching?.labels.includes(label)) {
      throw syntaxError(query, expr.opFrom, `label "${label}" must not occur in ON and GROUP clause at once`);
    }
  }
  if (!ofVectors && matching !== undefined && (matching.labels.length > 0 || matching.group !== undefined)) {
    throw syntaxError(query, expr.from, 'vector matching only allowed between instant vectors');
  }
  if (isSet && !ofVectors) {
    throw syntaxError(query, expr.from, `set operator "${expr.op}" not allowed in binary scalar expression`);
  }
  if (isSet && matching?.group !== undefined) {
    throw syntaxError(query, expr.from, `no grouping allowed for "${expr.op}" operation`);
  }
}

/** The text of a string argument, which the checks have found to be one. */
export function stringArgument(expr: Expr | undefined): string {
  const bare = expr === undefined ? undefined : unparenthesised(expr);
  return bare?.kind === 'string' ? bare.value : '';
}
