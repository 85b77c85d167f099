import type { RangeExpr } from './ast.ts';
import { put, type Row, type Scope } from './rows.ts';
import type { Values } from './source.ts';

/** Takes the lines of one series, in any order, and gives what a range aggregation makes of them. */
export interface Accumulator {
  /** A line that counts at the times `first` to `last` of the grid. */
  add(first: number, last: number, value: number, ms: number): void;
  finish(labels: Values): Row;
}

export function accumulatorFor({ op, parameter, rangeMs, unwrap }: RangeExpr, scope: Scope): Accumulator {
  switch (op) {
    case 'count_over_time':
    case 'bytes_over_time':
    case 'absent_over_time':
      return new Running(scope, 1);
    case 'rate':
    case 'bytes_rate':
      return unwrap === undefined ? new Running(scope, 1000 / rangeMs) : new Folding(scope, add, 1000 / rangeMs);
    case 'sum_over_time':
      return new Folding(scope, add, 1);
    case 'min_over_time':
      return new Folding(scope, Math.min, 1);
    case 'max_over_time':
      return new Folding(scope, Math.max, 1);
    case 'first_over_time':
      return new Ends(scope, (ms, than) => ms < than);
    case 'last_over_time':
      return new Ends(scope, (ms, than) => ms >= than);
    case 'quantile_over_time':
      return new Quantiles(scope, parameter);
    default:
      return new Moments(scope, op);
  }
}

function add(a: number, b: number): number {
  return a + b;
}

/** Sums of whole numbers, as differences from one time to the next: a line costs the same however long the range is. */
class Running implements Accumulator {
  readonly #scope: Scope;
  readonly #factor: number;
  readonly #differences: Float64Array;
  readonly #lines: Float64Array;

  constructor(scope: Scope, factor: number) {
    scope.take(scope.grid.count * 2);
    this.#scope = scope;
    this.#factor = factor;
    this.#differences = new Float64Array(scope.grid.count + 1);
    this.#lines = new Float64Array(scope.grid.count + 1);
  }

  add(first: number, last: number, value: number): void {
    const [sums, lines] = [this.#differences, this.#lines];
    sums[first] = (sums[first] ?? 0) + value;
    sums[last + 1] = (sums[last + 1] ?? 0) - value;
    lines[first] = (lines[first] ?? 0) + 1;
    lines[last + 1] = (lines[last + 1] ?? 0) - 1;
  }

  finish(labels: Values): Row {
    const row = this.#scope.newRow(labels);
    let sum = 0;
    let lines = 0;
    for (let at = 0; at < row.values.length; at++) {
      sum += this.#differences[at] ?? 0;
      lines += this.#lines[at] ?? 0;
      if (lines > 0) {
        put(row, at, sum * this.#factor);
      }
    }
    return row;
  }
}

class Folding implements Accumulator {
  readonly #row: Row;
  readonly #fold: (a: number, b: number) => number;
  readonly #factor: number;

  constructor(scope: Scope, fold: (a: number, b: number) => number, factor: number) {
    this.#row = scope.newRow({});
    this.#fold = fold;
    this.#factor = factor;
  }

  add(first: number, last: number, value: number): void {
    const { values, present } = this.#row;
    for (let at = first; at <= last; at++) {
      put(this.#row, at, present[at] === 1 ? this.#fold(values[at] ?? 0, value) : value);
    }
  }

  finish(labels: Values): Row {
    const { values, present } = this.#row;
    return { labels, values: values.map((value) => value * this.#factor), present };
  }
}

class Ends implements Accumulator {
  readonly #row: Row;
  readonly #times: Float64Array;
  readonly #better: (ms: number, than: number) => boolean;

  constructor(scope: Scope, better: (ms: number, than: number) => boolean) {
    this.#row = scope.newRow({});
    scope.take(scope.grid.count);
    this.#times = new Float64Array(scope.grid.count);
    this.#better = better;
  }

  add(first: number, last: number, value: number, ms: number): void {
    for (let at = first; at <= last; at++) {
      if (this.#row.present[at] !== 1 || this.#better(ms, this.#times[at] ?? 0)) {
        put(this.#row, at, value);
        this.#times[at] = ms;
      }
    }
  }

  finish(labels: Values): Row {
    return { ...this.#row, labels };
  }
}

/** Welford's way to mean and variance. */
class Moments implements Accumulator {
  readonly #means: Row;
  readonly #counts: Float64Array;
  readonly #squares: Float64Array;
  readonly #op: string;

  constructor(scope: Scope, op: string) {
    this.#means = scope.newRow({});
    scope.take(scope.grid.count * 2);
    this.#counts = new Float64Array(scope.grid.count);
    this.#squares = new Float64Array(scope.grid.count);
    this.#op = op;
  }

  add(first: number, last: number, value: number): void {
    const { values } = this.#means;
    for (let at = first; at <= last; at++) {
      const count = (this.#counts[at] ?? 0) + 1;
      const mean = values[at] ?? 0;
      const delta = value - mean;
      put(this.#means, at, mean + delta / count);
      this.#counts[at] = count;
      this.#squares[at] = (this.#squares[at] ?? 0) + delta * (value - (values[at] ?? 0));
    }
  }

  finish(labels: Values): Row {
    const { values, present } = this.#means;
    const variances = this.#squares.map((squares, at) => squares / (this.#counts[at] ?? 1));
    const byOp: Readonly<Record<string, Float64Array>> = {
      avg_over_time: values,
      stdvar_over_time: variances,
      stddev_over_time: variances.map(Math.sqrt),
    };
    return { labels, values: byOp[this.#op] ?? values, present };
  }
}

class Quantiles implements Accumulator {
  readonly #scope: Scope;
  readonly #quantile: number;
  readonly #values: number[][];

  constructor(scope: Scope, quantile: number) {
    scope.take(scope.grid.count);
    this.#scope = scope;
    this.#quantile = quantile;
    this.#values = Array.from({ length: scope.grid.count }, () => []);
  }

  add(first: number, last: number, value: number): void {
    this.#scope.take(last - first + 1);
    for (let at = first; at <= last; at++) {
      this.#values[at]?.push(value);
    }
  }

  finish(labels: Values): Row {
    const row = this.#scope.newRow(labels);
    for (const [at, values] of this.#values.entries()) {
      if (values.length > 0) {
        put(row, at, quantileOf(Float64Array.from(values).sort(), this.#quantile));
      }
    }
    return row;
  }
}

/** Prometheus' way: between the two nearest ranks. */
function quantileOf(sorted: Float64Array, quantile: number): number {
  if (quantile < 0 || quantile > 1) {
    return quantile < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const rank = quantile * (sorted.length - 1);
  const lower = sorted[Math.max(0, Math.floor(rank))] ?? Number.NaN;
  const upper = sorted[Math.min(sorted.length - 1, Math.floor(rank) + 1)] ?? Number.NaN;
  const weight = rank - Math.floor(rank);
  return lower * (1 - weight) + upper * weight;
}
