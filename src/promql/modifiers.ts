import type { SyntaxNode } from '@lezer/common';
import type { At, Expr } from './ast.ts';
import { syntaxError, unsupported } from './errors.ts';
import { numberValue } from './literals.ts';
import { children, type Source, textOf } from './tree.ts';

/** The ms of a range, step or offset: a duration, or a number of seconds. */
export function durationOf(source: Source, node: SyntaxNode): number {
  const parts = children(node);
  const [first, second] = parts;
  if (first?.name === 'UnaryOp' && second !== undefined) {
    const ms = durationOf(source, second);
    if (node.name === 'DurationExpr') {
      throw syntaxError(source.query, node.from, 'duration must be greater than 0');
    }
    return textOf(source, first) === '-' ? -ms : ms;
  }
  if (parts.length !== 1 || first?.name !== 'NumberDurationLiteralInDurationContext') {
    throw unsupported(source.query, node.from, `the duration expression "${textOf(source, node)}"`);
  }
  const text = textOf(source, first);
  const seconds = numberValue(text);
  if (seconds === undefined || !Number.isFinite(seconds)) {
    throw syntaxError(source.query, node.from, `not a valid duration string: ${JSON.stringify(text)}`);
  }
  if (node.name === 'DurationExpr' && seconds <= 0) {
    throw syntaxError(source.query, node.from, 'duration must be greater than 0');
  }
  if (seconds > 2 ** 63 / 1e9) {
    throw syntaxError(source.query, node.from, 'duration out of range');
  }
  return Math.trunc(seconds * 1_000);
}

interface RangeOf {
  readonly rangeMs: number;
  /** Where its bracket stands. */
  readonly bracket: number;
  readonly to: number;
}

export function ranged(source: Source, target: Expr, { rangeMs, bracket, to }: RangeOf): Expr {
  if (target.kind !== 'selector' || target.rangeMs !== undefined) {
    throw syntaxError(source.query, bracket, 'ranges only allowed for vector selectors');
  }
  if (target.offsetMs !== undefined) {
    throw syntaxError(source.query, bracket, 'no offset modifiers allowed before range');
  }
  if (target.at !== undefined) {
    throw syntaxError(source.query, bracket, 'no @ modifiers allowed before range');
  }
  return { ...target, rangeMs, to };
}

export function subquery(inner: Expr, window: { rangeMs: number; stepMs?: number; to: number }): Expr {
  return { kind: 'subquery', inner, from: inner.from, ...window };
}

export function offsetBy(source: Source, target: Expr, modifier: { offsetMs: number; to: number }): Expr {
  if (target.kind !== 'selector' && target.kind !== 'subquery') {
    const what =
      'offset modifier must be preceded by an instant vector selector or range vector selector or a subquery';
    throw syntaxError(source.query, target.from, what);
  }
  if (target.offsetMs !== undefined) {
    throw syntaxError(source.query, target.from, 'offset may not be set multiple times');
  }
  return { ...target, ...modifier };
}

export function anchored(source: Source, target: Expr, at: SyntaxNode): Expr {
  if (target.kind !== 'selector' && target.kind !== 'subquery') {
    const what = '@ modifier must be preceded by an instant vector selector or range vector selector or a subquery';
    throw syntaxError(source.query, target.from, what);
  }
  if (target.at !== undefined) {
    throw syntaxError(source.query, target.from, '@ <timestamp> may not be set multiple times');
  }
  return { ...target, at: atOf(source, at), to: at.to };
}

function atOf(source: Source, node: SyntaxNode): At {
  const [preprocessor] = children(node);
  if (node.name === 'AtModifierPreprocessors') {
    return { kind: preprocessor?.name === 'AtStart' ? 'start' : 'end' };
  }
  const text = textOf(source, node);
  const sign = /^[+-]\s*/.exec(text)?.[0] ?? '';
  const seconds = numberValue(text.slice(sign.length)) ?? Number.NaN;
  const timeMs = Math.round((sign.startsWith('-') ? -seconds : seconds) * 1_000);
  if (!Number.isFinite(seconds) || Math.abs(timeMs) > 2 ** 63) {
    throw syntaxError(source.query, node.from, `timestamp out of bounds for @ modifier: ${text}`);
  }
  return { kind: 'time', timeMs };
}
