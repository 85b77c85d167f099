import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import type { AggregateExpr, BinaryExpr, Expr, Grouping, Matching } from './ast.ts';
import { checked } from './check.ts';
import { syntaxError, unsupported } from './errors.ts';
import { numberValue } from './literals.ts';
import { anchored, durationOf, offsetBy, ranged, subquery } from './modifiers.ts';
import { selector } from './selector.ts';
import { laterFunctions } from './signatures.ts';
import { openString, syntaxFault } from './syntax-fault.ts';
import { children, labelNames, type Source, stringValue, textOf } from './tree.ts';

/** Deeper queries than people write would overflow the stack. */
const maxDepth = 500;
/** Telling what is wrong costs the square of the length: of longer queries only the beginning is looked at. */
const maxExplained = 4_096;

/** Text → a checked expression. Throws PromqlError with Prometheus' words and position. */
export function parse(query: string): Expr {
  // The grammar lacks numbers that end in a dot; a leading zero takes the same room. Values are read from the query itself.
  const readable = query.replaceAll(/(?<![\w.])(\d+)\.(?![\d\w])/g, '0$1');
  const root = query.length > maxExplained ? strictly(query, readable) : parser.parse(readable).topNode;
  const fault = syntaxFault(query, root);
  if (fault !== undefined) {
    throw fault;
  }
  return checked(query, expression({ query, depth: 0 }, only(root)));
}

/** A long query's tree. Throws what is wrong with its beginning, or that something is wrong behind it. */
function strictly(query: string, readable: string): SyntaxNode {
  try {
    return parser.configure({ strict: true }).parse(readable).topNode;
  } catch {
    const unclosed = openString(query, query.length);
    if (unclosed !== undefined) {
      throw syntaxError(query, unclosed, 'unterminated quoted string');
    }
    const cut = query.slice(0, maxExplained);
    const length = openString(cut, cut.length) ?? cut.length;
    const fault = syntaxFault(cut.slice(0, length), parser.parse(readable.slice(0, length)).topNode);
    const isInside = fault?.offset !== undefined && fault.offset < length;
    throw isInside ? fault : syntaxError(query, length, 'unexpected text somewhere behind this place');
  }
}

function only(node: SyntaxNode): SyntaxNode {
  const [child] = children(node);
  return child ?? node;
}

type Build = (source: Source, node: SyntaxNode) => Expr;

const builders: Readonly<Record<string, Build>> = {
  NumberDurationLiteral: number,
  StringLiteral: string,
  VectorSelector: selector,
  ParenExpr: (source, node) => ({ kind: 'paren', inner: inside(source, only(node)), from: node.from, to: node.to }),
  UnaryExpr: (source, node) => {
    const [op, inner] = children(node);
    return {
      kind: 'unary',
      op: op !== undefined && textOf(source, op) === '-' ? '-' : '+',
      inner: inside(source, inner ?? node),
      from: node.from,
      to: node.to,
    };
  },
  BinaryExpr: binary,
  FunctionCall: call,
  AggregateExpr: aggregate,
  MatrixSelector: (source, node) => {
    const [inner, range] = children(node);
    const rangeMs = durationOf(source, range ?? node);
    return onLastOperand(inside(source, inner ?? node), (target) =>
      ranged(source, target, { rangeMs, bracket: source.query.lastIndexOf('[', range?.from), to: node.to }),
    );
  },
  SubqueryExpr: (source, node) => {
    const [inner, range, step] = children(node);
    const window = {
      rangeMs: durationOf(source, range ?? node),
      ...(step === undefined ? {} : { stepMs: durationOf(source, step) }),
      to: node.to,
    };
    return onLastOperand(inside(source, inner ?? node), (target) => subquery(target, window));
  },
  OffsetExpr: (source, node) => {
    const [inner, , offset] = children(node);
    const modifier = { offsetMs: durationOf(source, offset ?? node), to: node.to };
    return onLastOperand(inside(source, inner ?? node), (target) => offsetBy(source, target, modifier));
  },
  StepInvariantExpr: (source, node) => {
    const [inner, , at] = children(node);
    return onLastOperand(inside(source, inner ?? node), (target) => anchored(source, target, at ?? node));
  },
};

function inside(source: Source, node: SyntaxNode): Expr {
  return expression({ query: source.query, depth: source.depth + 1 }, node);
}

function expression(source: Source, node: SyntaxNode): Expr {
  if (source.depth > maxDepth) {
    throw syntaxError(source.query, node.from, `expressions may be nested ${maxDepth} deep at most`);
  }
  const build = builders[node.name];
  if (build === undefined) {
    const word = children(node).at(-1) ?? node;
    throw unsupported(source.query, word.from, `"${textOf(source, word)}"`);
  }
  return build(source, node);
}

/** The grammar lets `[5m]`, `offset` and `@` bind looser than operators; they belong to the operand before them. */
function onLastOperand(expr: Expr, apply: (target: Expr) => Expr): Expr {
  if (expr.kind === 'binary') {
    const right = onLastOperand(expr.right, apply);
    return { ...expr, right, to: right.to };
  }
  if (expr.kind === 'unary') {
    const inner = onLastOperand(expr.inner, apply);
    return { ...expr, inner, to: inner.to };
  }
  return apply(expr);
}

function number(source: Source, node: SyntaxNode): Expr {
  const text = textOf(source, node);
  const sign = /^[+-]\s*/.exec(text)?.[0] ?? '';
  const value = numberValue(text.slice(sign.length));
  if (value === undefined) {
    throw syntaxError(source.query, node.from, `bad number or duration syntax: ${JSON.stringify(text)}`);
  }
  return { kind: 'number', value: sign.startsWith('-') ? -value : value, from: node.from, to: node.to };
}

function string(source: Source, node: SyntaxNode): Expr {
  return { kind: 'string', value: stringValue(source, node), from: node.from, to: node.to };
}

function call(source: Source, node: SyntaxNode): Expr {
  const [identifier, body] = children(node);
  const name = identifier === undefined ? '' : textOf(source, identifier);
  if (laterFunctions.has(name)) {
    throw unsupported(source.query, node.from, `the function ${name}()`);
  }
  const args = body === undefined ? [] : children(body).map((arg) => inside(source, arg));
  return { kind: 'call', name, args, from: node.from, to: node.to };
}

function aggregate(source: Source, node: SyntaxNode): AggregateExpr {
  const parts = children(node);
  const part = (name: string): SyntaxNode | undefined => parts.find((one) => one.name === name);
  const op = textOf(source, part('AggregateOp') ?? node).toLowerCase();
  if (op.startsWith('limit')) {
    throw unsupported(source.query, node.from, `the aggregation ${op}`);
  }
  const args = children(part('FunctionCallBody') ?? node).map((arg) => inside(source, arg));
  const inner = args.at(-1);
  const wanted = op === 'topk' || op === 'bottomk' || op === 'quantile' || op === 'count_values' ? 2 : 1;
  if (inner === undefined || args.length !== wanted) {
    const what =
      inner === undefined
        ? 'no arguments for aggregate expression provided'
        : `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`;
    throw syntaxError(source.query, node.from, what);
  }
  const [param] = wanted === 2 ? args : [];
  const place = { from: node.from, to: node.to };
  const grouping = groupingOf(source, part('AggregateModifier'));
  return { kind: 'aggregate', op, grouping, inner, ...(param === undefined ? {} : { param }), ...place };
}

function groupingOf(source: Source, modifier: SyntaxNode | undefined): Grouping {
  if (modifier === undefined) {
    return { mode: 'by', labels: [] };
  }
  const [mode, labels] = children(modifier);
  return {
    mode: mode?.name === 'Without' ? 'without' : 'by',
    labels: labels === undefined ? [] : labelNames(source, labels),
  };
}

function binary(source: Source, node: SyntaxNode): Expr {
  const parts = children(node);
  const [first, operator] = parts;
  const last = parts.at(-1) ?? node;
  if (first === undefined || operator === undefined) {
    throw syntaxError(source.query, node.from, 'unexpected end of input');
  }
  const fill = parts.find((part) => part.name === 'FillModifier');
  if (fill !== undefined || operator.name.startsWith('Trim')) {
    throw unsupported(source.query, operator.from, `"${textOf(source, fill ?? operator)}"`);
  }
  const clause = parts.find((part) => part.name === 'MatchingModifierClause');
  const made: BinaryExpr = {
    kind: 'binary',
    op: textOf(source, operator).toLowerCase(),
    opFrom: operator.from,
    left: inside(source, first),
    right: inside(source, last),
    bool: parts.some((part) => part.name === 'BoolModifier'),
    ...(clause === undefined ? {} : { matching: matchingOf(source, clause) }),
    from: node.from,
    to: node.to,
  };
  return made.op === '^' ? signOutside(source, made) : made;
}

/** `-2 ^ 2` is -(2 ^ 2), though the grammar reads the sign as part of the number. */
function signOutside(source: Source, power: BinaryExpr): Expr {
  const { left } = power;
  const sign = source.query[left.from];
  if (left.kind !== 'number' || (sign !== '-' && sign !== '+')) {
    return power;
  }
  const unsigned = { ...left, value: sign === '-' ? -left.value : left.value, from: left.from + 1 };
  const inner = { ...power, left: unsigned, from: unsigned.from };
  return { kind: 'unary', op: sign, inner, from: power.from, to: power.to };
}

function matchingOf(source: Source, clause: SyntaxNode): Matching {
  const parts = children(clause);
  const lists = parts.filter((part) => part.name === 'GroupingLabels').map((part) => labelNames(source, part));
  const names = parts.map((part) => part.name);
  const group = names.includes('GroupLeft') ? 'left' : 'right';
  return {
    mode: names.includes('On') ? 'on' : 'ignoring',
    labels: lists[0] ?? [],
    ...(names.includes('GroupLeft') || names.includes('GroupRight') ? { group } : {}),
    include: lists[1] ?? [],
  };
}
