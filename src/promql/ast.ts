import type { Matcher } from './source.ts';

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string';

/** Where an expression stands in the query, in UTF-16 units; `to` is behind the last one. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

/** The `@` of a selector or subquery: a time, or the bounds of the whole query. */
export type At = { readonly kind: 'time'; readonly timeMs: number } | { readonly kind: 'start' | 'end' };

export interface NumberExpr extends Place {
  readonly kind: 'number';
  readonly value: number;
}

export interface StringExpr extends Place {
  readonly kind: 'string';
  readonly value: string;
}

export interface SelectorExpr extends Place {
  readonly kind: 'selector';
  /** With the name as a matcher of `__name__`. */
  readonly matchers: readonly Matcher[];
  /** Present: a range selector. */
  readonly rangeMs?: number;
  readonly offsetMs?: number;
  readonly at?: At;
}

export interface SubqueryExpr extends Place {
  readonly kind: 'subquery';
  readonly inner: Expr;
  readonly rangeMs: number;
  /** Absent: the default resolution. */
  readonly stepMs?: number;
  readonly offsetMs?: number;
  readonly at?: At;
}

export interface CallExpr extends Place {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expr[];
}

export interface Grouping {
  readonly mode: 'by' | 'without';
  readonly labels: readonly string[];
}

export interface AggregateExpr extends Place {
  readonly kind: 'aggregate';
  readonly op: string;
  readonly grouping: Grouping;
  readonly param?: Expr;
  readonly inner: Expr;
}

export interface Matching {
  readonly mode: 'on' | 'ignoring';
  readonly labels: readonly string[];
  /** Which side may have several series for one of the other; `group_left`: many on the left. */
  readonly group?: 'left' | 'right';
  readonly include: readonly string[];
}

export interface BinaryExpr extends Place {
  readonly kind: 'binary';
  readonly op: string;
  readonly opFrom: number;
  readonly left: Expr;
  readonly right: Expr;
  readonly bool: boolean;
  /** Absent where the query says nothing about matching. */
  readonly matching?: Matching;
}

export interface UnaryExpr extends Place {
  readonly kind: 'unary';
  readonly op: '+' | '-';
  readonly inner: Expr;
}

export interface ParenExpr extends Place {
  readonly kind: 'paren';
  readonly inner: Expr;
}

export type Expr =
  | NumberExpr
  | StringExpr
  | SelectorExpr
  | SubqueryExpr
  | CallExpr
  | AggregateExpr
  | BinaryExpr
  | UnaryExpr
  | ParenExpr;

export const setOperators: ReadonlySet<string> = new Set(['and', 'or', 'unless']);
export const comparisons: ReadonlySet<string> = new Set(['==', '!=', '>', '<', '>=', '<=']);

export function unparenthesised(expr: Expr): Expr {
  return expr.kind === 'paren' ? unparenthesised(expr.inner) : expr;
}
