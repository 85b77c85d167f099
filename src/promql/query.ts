import { executionError } from './errors.ts';
import type { Labels } from './labels.ts';
import type { SampleSource } from './source.ts';

/** What the caller of an evaluation holds in its hands. */
export interface Control {
  /** Has this question worked long enough for now? */
  readonly over: boolean;
  /** Lets others work. Rejects when the asker has gone. */
  yield(): Promise<void>;
  /** Samples read and points computed that one query may take; past it the query fails. */
  readonly maxSamples: number;
}

/** The times at which an expression is evaluated: `startMs + i × stepMs` for i below `count`. */
export interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

export function timeAt(grid: Grid, index: number): number {
  return grid.startMs + index * grid.stepMs;
}

export function lastTime(grid: Grid): number {
  return timeAt(grid, grid.count - 1);
}

/** One series: a value for each time of the grid where `present` is 1. */
export interface Row {
  readonly labels: Labels;
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

export type Value =
  | { readonly type: 'scalar'; readonly values: Float64Array }
  | { readonly type: 'vector'; readonly rows: readonly Row[] }
  | { readonly type: 'string'; readonly value: string };

/** What all parts of one evaluation share. */
export class Query {
  readonly source: SampleSource;
  readonly control: Control;
  /** The bounds of the whole query, which `@ start()` and `@ end()` mean. */
  readonly bounds: { readonly startMs: number; readonly endMs: number };
  #taken = 0;

  constructor(source: SampleSource, control: Control, bounds: { readonly startMs: number; readonly endMs: number }) {
    this.source = source;
    this.control = control;
    this.bounds = bounds;
  }

  /** Counts samples against the cap, before room is made for them. */
  take(samples: number): void {
    this.#taken += samples;
    if (this.#taken > this.control.maxSamples) {
      throw executionError('query processing would load too many samples into memory in query execution');
    }
  }
}

/** Where one expression is evaluated. */
export interface Scope {
  readonly query: Query;
  readonly grid: Grid;
}

/** Room for a number at each time. */
export function newNumbers({ query, grid }: Scope): Float64Array {
  query.take(grid.count);
  return new Float64Array(grid.count);
}

export function newRow(scope: Scope, labels: Labels): Row {
  return { labels, values: newNumbers(scope), present: new Uint8Array(scope.grid.count) };
}

/** Lets others work when this question has worked long enough. */
export function pause({ query: { control } }: Scope): Promise<void> | undefined {
  return control.over ? control.yield() : undefined;
}

export function isEmpty(row: Row): boolean {
  return !row.present.includes(1);
}
