import { executionError } from './errors.ts';
import { dropName, type Labels, labelKey } from './labels.ts';
import { type Grid, isEmpty, newRow, pause, type Row, type Scope, timeAt } from './query.ts';
import type { PlainSeries } from './select.ts';

export const sameLabels = 'vector cannot contain metrics with the same labelset';

/** Fails when two rows are of the same series, at whatever times. */
export function distinct(rows: readonly Row[]): readonly Row[] {
  const keys = new Set(rows.map(({ labels }) => labelKey(labels)));
  if (keys.size < rows.length) {
    throw executionError(sameLabels);
  }
  return rows;
}

/** Puts rows of the same series together; fails when two have a value at the same time. */
export function merged(scope: Scope, rows: readonly Row[]): readonly Row[] {
  const byKey = new Map<string, Row>();
  const owned = new Set<string>();
  for (const row of rows) {
    const key = labelKey(row.labels);
    const before = byKey.get(key);
    if (before === undefined) {
      byKey.set(key, row);
      continue;
    }
    if (!owned.has(key)) {
      owned.add(key);
      byKey.set(key, copied(scope, before));
    }
    join(byKey.get(key) ?? before, row);
  }
  return byKey.size === rows.length ? rows : [...byKey.values()];
}

function copied(scope: Scope, row: Row): Row {
  const copy = newRow(scope, row.labels);
  copy.values.set(row.values);
  copy.present.set(row.present);
  return copy;
}

function join(into: Row, row: Row): void {
  for (const [step, present] of row.present.entries()) {
    if (present !== 1) {
      continue;
    }
    if (into.present[step] === 1) {
      throw executionError(sameLabels);
    }
    into.present[step] = 1;
    into.values[step] = row.values[step] ?? 0;
  }
}

/** Computes a value for each that is there, and drops the name unless told otherwise; undefined leaves the series without one at that time. */
export async function mapped(
  scope: Scope,
  rows: readonly Row[],
  compute: (value: number, step: number) => number | undefined,
  labelsOf: (labels: Labels) => Labels = dropName,
): Promise<readonly Row[]> {
  const made: Row[] = [];
  for (const row of rows) {
    const next = newRow(scope, labelsOf(row.labels));
    for (const [step, present] of row.present.entries()) {
      const value = present === 1 ? compute(row.values[step] ?? 0, step) : undefined;
      if (value !== undefined) {
        next.values[step] = value;
        next.present[step] = 1;
      }
    }
    if (!isEmpty(next)) {
      made.push(next);
    }
    await pause(scope);
  }
  return merged(scope, made);
}

/** One row that is there at every time. */
export function constantRow(scope: Scope, labels: Labels, values: Float64Array): Row {
  const row = newRow(scope, labels);
  row.values.set(values);
  row.present.fill(1);
  return row;
}

export function timesOf(grid: Grid): Float64Array {
  const times = new Float64Array(grid.count);
  for (let step = 0; step < times.length; step += 1) {
    times[step] = timeAt(grid, step);
  }
  return times;
}

/** The points that are there. Series without gaps share their times. */
export function seriesOfRows(grid: Grid, rows: readonly Row[]): PlainSeries[] {
  const times = timesOf(grid);
  return rows.map(({ labels, values, present }) => {
    if (!present.includes(0)) {
      return { labels, timesMs: times, values };
    }
    return withoutGaps(times, { labels, values, present });
  });
}

function withoutGaps(times: Float64Array, { labels, values, present }: Row): PlainSeries {
  const timesMs = new Float64Array(values.length);
  const there = new Float64Array(values.length);
  let count = 0;
  for (let step = 0; step < present.length; step += 1) {
    if (present[step] === 1) {
      timesMs[count] = times[step] ?? 0;
      there[count] = values[step] ?? 0;
      count += 1;
    }
  }
  return { labels, timesMs: timesMs.slice(0, count), values: there.slice(0, count) };
}
