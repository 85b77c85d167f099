import { executionError } from './errors.ts';
import type { Control, Values } from './source.ts';

/** The times at which an expression is evaluated: `startMs + i × stepMs` for i below `count`. */
export interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

/** One series: a value for each time of the grid where `present` is 1. */
export interface Row {
  readonly labels: Values;
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

export type Value =
  | { readonly type: 'scalar'; readonly value: number }
  | { readonly type: 'vector'; readonly rows: readonly Row[] };

/** What the parts of one evaluation share. */
export class Scope {
  readonly grid: Grid;
  readonly control: Control;
  #taken = 0;

  constructor(grid: Grid, control: Control) {
    this.grid = grid;
    this.control = control;
  }

  /** Counts numbers against the cap, before room is made for them. */
  take(numbers: number): void {
    this.#taken += numbers;
    if (this.#taken > this.control.maxNumbers) {
      throw executionError('the query would hold too many numbers in memory; ask for a shorter range or fewer series');
    }
  }

  newRow(labels: Values): Row {
    const { count } = this.grid;
    this.take(count);
    return { labels, values: new Float64Array(count), present: new Uint8Array(count) };
  }

  pause(): Promise<void> | undefined {
    return this.control.over ? this.control.yield() : undefined;
  }
}

export function put(row: Row, at: number, value: number): void {
  row.values[at] = value;
  row.present[at] = 1;
}

export function sortedLabels(labels: Values): Values {
  const names = Object.keys(labels).sort();
  return Object.fromEntries(names.filter((name) => labels[name] !== '').map((name) => [name, labels[name] ?? '']));
}

/** Equal exactly when the labels are; `labels` are in order. */
export function labelsKey(labels: Values): string {
  return JSON.stringify(labels);
}

export function pickLabels(labels: Values, names: readonly string[]): Values {
  return sortedLabels(
    Object.fromEntries(names.flatMap((name) => (name in labels ? [[name, labels[name] ?? '']] : []))),
  );
}

export function omitLabels(labels: Values, names: readonly string[]): Values {
  return sortedLabels(Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name))));
}
