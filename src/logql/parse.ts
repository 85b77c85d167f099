import { parser } from '@grafana/lezer-logql';
import type { Expr, Matcher } from './ast.ts';
import { parseError, syntaxError, unsupported } from './errors.ts';
import { logOf, needsMatcher } from './parse-log.ts';
import { metricOf } from './parse-metric.ts';
import { Tree } from './tree.ts';

/** Longer queries than people write. */
const maxLength = 131_072;

/** Text → a checked expression. Throws LogqlError with Loki's words. */
export function parse(query: string): Expr {
  if (query.length > maxLength) {
    throw parseError(`input size too long (${query.length} > ${maxLength})`);
  }
  const root = parser.parse(query).topNode;
  const tree = new Tree(query, root);
  if (/^\s*\{\s*\}/.test(query)) {
    throw needsMatcher();
  }
  const fault = firstError(tree);
  if (fault !== undefined) {
    throw fault;
  }
  const inner = tree.only('Expr').only('LogExpr', 'MetricExpr');
  return inner.name === 'LogExpr' ? logOf(inner) : metricOf(inner);
}

/** A selector alone, as `match[]` and `query` of the questions about series hold it. */
export function parseSelector(query: string): readonly Matcher[] {
  const expr = parse(query);
  if (expr.kind !== 'log' || expr.stages.length > 0) {
    throw parseError('only label matchers are supported');
  }
  return expr.matchers;
}

/** Parts of the language that the grammar does not know. */
const later = /\b(?:variants|label_join|count_min_sketch|cms)\s*\(/;

function firstError(tree: Tree): Error | undefined {
  const { query } = tree;
  if (query.trim() === '') {
    return syntaxError(query, query.length, 'syntax error: unexpected $end');
  }
  const error = firstErrorIn(tree);
  if (error === undefined) {
    return undefined;
  }
  const name = later.exec(query)?.[0]?.replace(/\s*\($/, '');
  if (name !== undefined) {
    return unsupported(name);
  }
  const rest = query.slice(error.from).trimStart();
  const at = query.length - rest.length;
  return syntaxError(query, at, `syntax error: unexpected ${tokenOf(rest)}`);
}

function firstErrorIn(tree: Tree): Tree | undefined {
  if (tree.name === '⚠') {
    return tree;
  }
  for (const child of tree.children) {
    const error = firstErrorIn(child);
    if (error !== undefined) {
      return error;
    }
  }
  return undefined;
}

/** A token as Loki names it. */
function tokenOf(rest: string): string {
  if (rest === '') {
    return '$end';
  }
  if (/^["`]/.test(rest)) {
    return 'STRING';
  }
  if (/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|[smhdwy]))+/.test(rest)) {
    return 'DURATION';
  }
  if (/^\d/.test(rest)) {
    return 'NUMBER';
  }
  const word = /^[a-zA-Z_]\w*/.exec(rest)?.[0];
  if (word !== undefined) {
    return keywords.has(word) ? word : 'IDENTIFIER';
  }
  return /^(?:\|=|!=|\|~|!~|=~|==|>=|<=|\|>|!>)/.exec(rest)?.[0] ?? String.fromCodePoint(rest.codePointAt(0) ?? 0);
}

const keywords: ReadonlySet<string> = new Set(
  'by without on ignoring group_left group_right bool offset unwrap json logfmt regexp pattern unpack and or unless'.split(
    ' ',
  ),
);
