import type { BinaryExpr, Grouping, Matching, MetricExpr, RangeExpr, Unwrap } from './ast.ts';
import { parseError, syntaxError, unsupported } from './errors.ts';
import { logOf } from './parse-log.ts';
import { labelFilterOf } from './parse-stages.ts';
import { compiled } from './pattern-text.ts';
import type { Tree } from './tree.ts';
import { durationSeconds, floatOf } from './units.ts';

/** Deeper queries than people write would overflow the stack. */
const maxDepth = 200;

export function metricOf(tree: Tree, depth = 0): MetricExpr {
  if (depth > maxDepth) {
    throw parseError('the query is nested too deeply');
  }
  const [inner] = tree.children;
  switch (inner?.name) {
    case 'MetricExpr':
      return metricOf(inner, depth + 1);
    case 'BinOpExpr':
      return chainOf(inner, depth + 1);
    case 'RangeAggregationExpr':
      return rangeOf(inner);
    case 'VectorAggregationExpr':
      return aggregateOf(inner, depth + 1);
    case 'LiteralExpr':
      return { kind: 'number', value: numberOf(inner) };
    case 'VectorExpr':
      return { kind: 'vector', value: numberOf(inner) };
    case 'LabelReplaceExpr':
      return labelReplaceOf(inner, depth + 1);
    default:
      throw unsupported(inner?.text ?? tree.text);
  }
}

function numberOf(tree: Tree): number {
  const text = tree.children.map((child) => (/^(?:Number|Sub|Add)$/.test(child.name) ? child.text : '')).join('');
  const value = floatOf(text);
  if (value === undefined) {
    throw syntaxError(tree.query, tree.from, `${JSON.stringify(tree.text)} is no number`);
  }
  return value;
}

const withoutValues = new Set(['count_over_time', 'rate', 'bytes_rate', 'bytes_over_time', 'absent_over_time']);
const withValues = new Set([
  'rate',
  'sum_over_time',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'stddev_over_time',
  'stdvar_over_time',
  'quantile_over_time',
  'first_over_time',
  'last_over_time',
  'absent_over_time',
]);
const neverGrouped = new Set([
  'count_over_time',
  'rate',
  'bytes_rate',
  'bytes_over_time',
  'absent_over_time',
  'sum_over_time',
]);

function rangeOf(tree: Tree): RangeExpr {
  const op = tree.only('RangeOp').text;
  const range = tree.only('LogRangeExpr');
  const unwrapped = range.child('UnwrapExpr');
  const unwrap = unwrapped === undefined ? undefined : unwrapOf(unwrapped);
  const grouping = groupingOf(tree);
  const parameter = tree.child('Number');
  const offset = range.child('OffsetExpr')?.only('Duration');
  checkRange(op, { unwrap, grouping, parameter });
  return {
    kind: 'range',
    op,
    parameter: Number(parameter?.text ?? 0),
    log: logOf(range),
    rangeMs: durationMs(range.only('Range').only('Duration')),
    offsetMs: offset === undefined ? 0 : durationMs(offset),
    ...(unwrap === undefined ? {} : { unwrap }),
    ...(grouping === undefined ? {} : { grouping }),
  };
}

function checkRange(
  op: string,
  { unwrap, grouping, parameter }: { unwrap: Unwrap | undefined; grouping: Grouping | undefined; parameter: unknown },
): void {
  if (!withoutValues.has(op) && !withValues.has(op)) {
    throw unsupported(`${op}()`);
  }
  if (!(unwrap === undefined ? withoutValues : withValues).has(op)) {
    throw parseError(`invalid aggregation ${op} ${unwrap === undefined ? 'without' : 'with'} unwrap`);
  }
  if (grouping !== undefined && neverGrouped.has(op)) {
    throw parseError(`grouping not allowed for ${op} aggregation`);
  }
  if ((op === 'quantile_over_time') !== (parameter !== undefined)) {
    throw parseError(`parameter ${parameter === undefined ? 'required' : 'not supported'} for operation ${op}`);
  }
}

function durationMs(tree: Tree): number {
  const seconds = durationSeconds(tree.text);
  if (seconds === undefined || !(seconds > 0)) {
    throw syntaxError(tree.query, tree.from, `${JSON.stringify(tree.text)} is no duration above 0`);
  }
  return seconds * 1000;
}

const conversions: Readonly<Record<string, Unwrap['convert']>> = {
  duration: 'duration',
  duration_seconds: 'duration_seconds',
  bytes: 'bytes',
};

/** Filters behind it hold the expression before them. */
function unwrapOf(tree: Tree): Unwrap {
  const inner = tree.child('UnwrapExpr');
  if (inner !== undefined) {
    const before = unwrapOf(inner);
    return { ...before, filters: [...before.filters, ...tree.all('LabelFilter').map(labelFilterOf)] };
  }
  const conversion = tree.child('ConvOp')?.text;
  const convert = conversion === undefined ? 'number' : conversions[conversion];
  if (convert === undefined) {
    throw unsupported(`unwrap ${conversion}()`);
  }
  return { name: tree.only('Identifier').text, convert, filters: tree.all('LabelFilter').map(labelFilterOf) };
}

function groupingOf(tree: Tree): Grouping | undefined {
  const grouping = tree.child('Grouping');
  if (grouping === undefined) {
    return undefined;
  }
  const names = grouping.all('Labels').flatMap((list) => list.listed('Identifier'));
  return { without: grouping.child('Without') !== undefined, names: names.map(({ text }) => text) };
}

const aggregations = new Set('sum avg min max count stddev stdvar topk bottomk sort sort_desc'.split(' '));

function aggregateOf(tree: Tree, depth: number): MetricExpr {
  const op = tree.only('VectorOp').text;
  if (!aggregations.has(op)) {
    throw unsupported(`${op}()`);
  }
  const takesNumber = op === 'topk' || op === 'bottomk';
  const parameter = Number(tree.child('Number')?.text ?? Number.NaN);
  if (takesNumber !== tree.children.some(({ name }) => name === 'Number')) {
    throw parseError(`parameter ${takesNumber ? 'required' : 'not supported'} for operation ${op}`);
  }
  if (takesNumber && !(Number.isInteger(parameter) && parameter > 0)) {
    throw parseError(`invalid parameter (must be greater than 0) ${op}(${tree.only('Number').text}`);
  }
  const grouping = groupingOf(tree);
  const inner = metricOf(tree.only('MetricExpr'), depth);
  return { kind: 'aggregate', op, parameter, inner, ...(grouping === undefined ? {} : { grouping }) };
}

function labelReplaceOf(tree: Tree, depth: number): MetricExpr {
  const [target = '', replacement = '', source = '', pattern = ''] = tree.all('String').map(({ string }) => string);
  compiled(`^(?s:${pattern})$`);
  return {
    kind: 'label_replace',
    inner: metricOf(tree.only('MetricExpr'), depth),
    target,
    replacement,
    source,
    pattern,
  };
}

interface Link {
  readonly op: string;
  readonly bool: boolean;
  readonly matching: Matching;
}

/** Of how operators bind the grammar's tree says nothing: the operands are taken in a row, and bound anew. */
function chainOf(tree: Tree, depth: number): MetricExpr {
  const operands: MetricExpr[] = [];
  const links: Link[] = [];
  const take = (expr: Tree): void => {
    const inner = expr.name === 'Expr' ? expr.only('MetricExpr', 'LogExpr') : expr;
    if (inner.name === 'LogExpr') {
      throw parseError(`unexpected type for a leg of binary operation: ${inner.text}`);
    }
    const operation = inner.child('BinOpExpr');
    if (operation === undefined) {
      operands.push(metricOf(inner, depth));
    } else {
      takeAll(operation);
    }
  };
  const takeAll = (operation: Tree): void => {
    const [left, right] = operation.all('Expr');
    if (left === undefined || right === undefined) {
      throw syntaxError(tree.query, tree.from, 'syntax error: unexpected $end');
    }
    take(left);
    links.push(linkOf(operation));
    take(right);
  };
  takeAll(tree);
  if (operands.length > maxDepth) {
    throw parseError('the query is nested too deeply');
  }
  return bound(operands, links);
}

const precedence: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '>': 3,
  '>=': 3,
  '<': 3,
  '<=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '^': 6,
};

function bound(operands: readonly MetricExpr[], links: readonly Link[]): MetricExpr {
  let at = 0;
  const climb = (lowest: number): MetricExpr => {
    let left: MetricExpr = operands[at] ?? { kind: 'number', value: Number.NaN };
    for (let link = links[at]; link !== undefined; link = links[at]) {
      const binds = precedence[link.op] ?? 0;
      if (binds < lowest) {
        break;
      }
      at += 1;
      const right = climb(link.op === '^' ? binds : binds + 1);
      left = checked({ kind: 'binary', ...link, left, right });
    }
    return left;
  };
  return climb(0);
}

const sets = new Set(['and', 'or', 'unless']);

function checked(expr: BinaryExpr): BinaryExpr {
  const isNumber = expr.left.kind === 'number' || expr.right.kind === 'number';
  if (sets.has(expr.op) && isNumber) {
    const side = expr.left.kind === 'number' ? 'left' : 'right';
    throw parseError(`unexpected literal for ${side} leg of logical/set binary operation (${expr.op})`);
  }
  if (sets.has(expr.op) && expr.matching.many !== undefined) {
    throw parseError('no grouping allowed for set operations');
  }
  return expr;
}

function linkOf(tree: Tree): Link {
  const op = tree.children.find(({ text }) => text in precedence)?.text ?? '';
  const modifier = tree.child('BinOpModifier');
  const onOrIgnoring = modifier?.child('OnOrIgnoringModifier');
  const many = modifier?.child('GroupLeft', 'GroupRight');
  const include = modifier?.child('GroupingLabels');
  return {
    op,
    bool: modifier?.child('Bool') !== undefined,
    matching: {
      on: onOrIgnoring?.child('On') !== undefined,
      names: namesIn(onOrIgnoring?.child('GroupingLabels')),
      include: namesIn(include),
      ...(many === undefined ? {} : { many: many.name === 'GroupLeft' ? 'left' : 'right' }),
    },
  };
}

function namesIn(labels: Tree | undefined): string[] {
  const lists = labels?.all('GroupingLabelList') ?? [];
  return lists.flatMap((list) => list.listed('GroupingLabel')).map(({ text }) => text.trim());
}
