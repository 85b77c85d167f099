/** `=~` and `!~` match whole values, in RE2's syntax. A label that is not there has the value ''. */
export interface Matcher {
  readonly name: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

export type Comparison = '=' | '==' | '!=' | '>' | '>=' | '<' | '<=';

export type LabelFilter =
  | { readonly kind: 'text'; readonly matcher: Matcher }
  /** Durations are compared in seconds. */
  | {
      readonly kind: 'number' | 'duration' | 'bytes';
      readonly name: string;
      readonly op: Comparison;
      readonly value: number;
    }
  | { readonly kind: 'and' | 'or'; readonly left: LabelFilter; readonly right: LabelFilter };

/** `name="expression"` of `json` and `logfmt`. */
export interface Extraction {
  readonly name: string;
  readonly from: string;
}

export type LineOp = '|=' | '!=' | '|~' | '!~' | '|>' | '!>';

export type Stage =
  /** Of `values`, one must do; with a negated op, none may. */
  | { readonly kind: 'line'; readonly op: LineOp; readonly values: readonly string[] }
  | { readonly kind: 'json'; readonly labels: readonly Extraction[] }
  | {
      readonly kind: 'logfmt';
      readonly labels: readonly Extraction[];
      readonly flags: ReadonlySet<string>;
    }
  | { readonly kind: 'pattern' | 'regexp'; readonly pattern: string }
  | { readonly kind: 'unpack' | 'decolorize' }
  | { readonly kind: 'filter'; readonly filter: LabelFilter }
  | { readonly kind: 'line_format'; readonly template: string }
  | { readonly kind: 'label_format'; readonly formats: readonly LabelFormat[] }
  | { readonly kind: 'drop' | 'keep'; readonly labels: readonly (Matcher | string)[] };

export type LabelFormat =
  | { readonly name: string; readonly from: string }
  | { readonly name: string; readonly template: string };

export interface LogExpr {
  readonly kind: 'log';
  readonly matchers: readonly Matcher[];
  readonly stages: readonly Stage[];
}

export interface Unwrap {
  readonly name: string;
  readonly convert: 'number' | 'duration' | 'duration_seconds' | 'bytes';
  /** Filters behind it. */
  readonly filters: readonly LabelFilter[];
}

export interface Grouping {
  readonly without: boolean;
  readonly names: readonly string[];
}

export interface Matching {
  readonly on: boolean;
  readonly names: readonly string[];
  /** The side of which several rows may match one of the other. */
  readonly many?: 'left' | 'right';
  /** Labels that the rows of the many side take from the other one. */
  readonly include: readonly string[];
}

export interface RangeExpr {
  readonly kind: 'range';
  readonly op: string;
  readonly parameter: number;
  readonly log: LogExpr;
  readonly unwrap?: Unwrap;
  readonly rangeMs: number;
  readonly offsetMs: number;
  readonly grouping?: Grouping;
}

export interface AggregateExpr {
  readonly kind: 'aggregate';
  readonly op: string;
  readonly parameter: number;
  readonly grouping?: Grouping;
  readonly inner: MetricExpr;
}

export interface BinaryExpr {
  readonly kind: 'binary';
  readonly op: string;
  readonly bool: boolean;
  readonly matching: Matching;
  readonly left: MetricExpr;
  readonly right: MetricExpr;
}

export interface LabelReplaceExpr {
  readonly kind: 'label_replace';
  readonly inner: MetricExpr;
  readonly target: string;
  readonly replacement: string;
  readonly source: string;
  readonly pattern: string;
}

export type MetricExpr =
  | RangeExpr
  | AggregateExpr
  | BinaryExpr
  | LabelReplaceExpr
  | { readonly kind: 'number' | 'vector'; readonly value: number };

export type Expr = LogExpr | MetricExpr;
