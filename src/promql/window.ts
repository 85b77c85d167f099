import { dropName } from './labels.ts';
import { isEmpty, newRow, pause, type Row, type Scope, timeAt } from './query.ts';
import { type PlainSeries, type RangeVector, spread } from './select.ts';

/** The samples of one series in `(startMs, endMs]`: those from `from` up to, not including, `to`. Reused from step to step. */
export interface Window {
  timesMs: Float64Array;
  values: Float64Array;
  from: number;
  to: number;
  startMs: number;
  endMs: number;
  rangeMs: number;
  /** The time of evaluation, before any offset. */
  evaluatedMs: number;
  /** Which time of the grid this is. */
  step: number;
  /** Where the function puts what it finds. */
  result: number;
}

/** Sets `result`; false: the series has no value at this time. It is not called for an empty window. */
export type WindowFunction = (window: Window) => boolean;

export interface WindowOptions {
  readonly name: 'drop' | 'keep';
}

/** So many samples are looked at before the clock is. */
const samplesBetweenPauses = 50_000;

export async function overWindows(
  scope: Scope,
  vector: RangeVector,
  compute: WindowFunction,
  options: WindowOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const series of vector.series) {
    const labels = options.name === 'drop' ? dropName(series.labels) : series.labels;
    const row = newRow(scope, labels);
    await fill(scope, row, { series, vector, compute });
    if (vector.looking.count < scope.grid.count) {
      spread(row);
    }
    if (!isEmpty(row)) {
      rows.push(row);
    }
    await pause(scope);
  }
  return rows;
}

interface Work {
  readonly series: PlainSeries;
  readonly vector: RangeVector;
  readonly compute: WindowFunction;
}

async function fill(scope: Scope, row: Row, { series, vector, compute }: Work): Promise<void> {
  const window = newWindow(series, vector.rangeMs);
  const { timesMs } = series;
  let looked = 0;
  for (let step = 0; step < vector.looking.count; step += 1) {
    window.endMs = timeAt(vector.looking, step);
    window.startMs = window.endMs - vector.rangeMs;
    window.evaluatedMs = timeAt(scope.grid, step);
    window.step = step;
    while (window.to < timesMs.length && (timesMs[window.to] ?? 0) <= window.endMs) {
      window.to += 1;
    }
    while (window.from < window.to && (timesMs[window.from] ?? 0) <= window.startMs) {
      window.from += 1;
    }
    if (window.from < window.to && compute(window)) {
      row.values[step] = window.result;
      row.present[step] = 1;
    }
    looked += window.to - window.from;
    if (looked > samplesBetweenPauses) {
      looked = 0;
      await pause(scope);
    }
  }
}

function newWindow(series: PlainSeries, rangeMs: number): Window {
  const { timesMs, values } = series;
  const places = { from: 0, to: 0, startMs: 0, endMs: 0, evaluatedMs: 0, step: 0 };
  // A fraction keeps the field a double from the first write on.
  return { timesMs, values, ...places, rangeMs, result: 0.5 };
}
