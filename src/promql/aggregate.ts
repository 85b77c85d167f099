import { shownBytes } from '../lib/go-string.ts';
import type { Grouping } from './ast.ts';
import { executionError } from './errors.ts';
import { dropLabels, keepLabels, type Labels, labelKey, metricName, withLabel } from './labels.ts';
import { isEmpty, newRow, pause, type Row, type Scope } from './query.ts';
import { merged } from './rows.ts';
import { Mean, nanFirst, quantileOf, Variance } from './sums.ts';
import { valueText } from './value-text.ts';

interface Group {
  readonly labels: Labels;
  readonly rows: Row[];
}

/** Rows that an aggregation takes together, in the order in which their groups are first met. */
function groupsOf(rows: readonly Row[], grouping: Grouping): Group[] {
  const byKey = new Map<string, Group>();
  const names = new Set(grouping.mode === 'by' ? grouping.labels : [...grouping.labels, metricName]);
  const pick = grouping.mode === 'by' ? keepLabels : dropLabels;
  for (const row of rows) {
    const labels = pick(row.labels, names);
    const key = labelKey(labels);
    const group = byKey.get(key);
    if (group === undefined) {
      byKey.set(key, { labels, rows: [row] });
    } else {
      group.rows.push(row);
    }
  }
  return [...byKey.values()];
}

/** Makes one value of those that a group has at one time; there is at least one. */
type Fold = (values: Float64Array) => number;

const folds: Readonly<Record<string, Fold>> = {
  avg: (values) => {
    const mean = new Mean();
    for (const value of values) {
      mean.add(value);
    }
    return mean.value;
  },
  count: (values) => values.length,
  group: () => 1,
  max: (values) => values.reduce((found, value) => (value > found || Number.isNaN(found) ? value : found)),
  min: (values) => values.reduce((found, value) => (value < found || Number.isNaN(found) ? value : found)),
  stddev: (values) => Math.sqrt(variance(values)),
  stdvar: variance,
};

function variance(values: Float64Array): number {
  const running = new Variance();
  for (const value of values) {
    running.add(value);
  }
  return running.value;
}

export interface Aggregation {
  readonly op: string;
  readonly grouping: Grouping;
  /** For each time of the grid, where the operation has a number as parameter. */
  readonly numbers?: Float64Array;
  /** Where it has a text. */
  readonly text?: string;
}

export async function aggregated(
  scope: Scope,
  rows: readonly Row[],
  aggregation: Aggregation,
): Promise<readonly Row[]> {
  const groups = groupsOf(rows, aggregation.grouping);
  checkParameter(aggregation);
  switch (aggregation.op) {
    case 'sum':
      return each(scope, groups, (row, members) => sumOf(scope, row, members));
    case 'topk':
    case 'bottomk':
      return mostOrLeast(scope, groups, aggregation);
    case 'count_values':
      return countValues(scope, groups, aggregation.text ?? '');
    case 'quantile': {
      const { numbers } = aggregation;
      return each(scope, groups, (row, members) =>
        folded(scope, { row, members }, (values, step) => quantileOf(numbers?.[step] ?? Number.NaN, values)),
      );
    }
    default: {
      const fold = folds[aggregation.op];
      if (fold === undefined) {
        throw executionError(`the aggregation ${aggregation.op} is not known`);
      }
      return each(scope, groups, (row, members) => folded(scope, { row, members }, fold));
    }
  }
}

async function each(
  scope: Scope,
  groups: readonly Group[],
  fill: (row: Row, members: readonly Row[]) => Promise<void>,
): Promise<readonly Row[]> {
  const made: Row[] = [];
  for (const { labels, rows } of groups) {
    const row = newRow(scope, labels);
    await fill(row, rows);
    made.push(row);
  }
  return made;
}

/** Row by row, with what rounding takes kept beside (Kahan and Neumaier), as it is the operation that is used most. */
async function sumOf(scope: Scope, { values, present }: Row, members: readonly Row[]): Promise<void> {
  const lost = new Float64Array(values.length);
  for (const member of members) {
    for (let step = 0; step < values.length; step += 1) {
      if (member.present[step] === 1) {
        present[step] = 1;
        addAt(step, { values, lost }, member.values[step] ?? 0);
      }
    }
    await pause(scope);
  }
  for (let step = 0; step < values.length; step += 1) {
    values[step] = (values[step] ?? 0) + (lost[step] ?? 0);
  }
}

function addAt(
  step: number,
  { values, lost }: { readonly values: Float64Array; readonly lost: Float64Array },
  value: number,
): void {
  const before = values[step] ?? 0;
  const next = before + value;
  values[step] = next;
  if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) {
    lost[step] = 0;
  } else {
    const part = Math.abs(before) >= Math.abs(value) ? before - next + value : value - next + before;
    lost[step] = (lost[step] ?? 0) + part;
  }
}

async function folded(
  scope: Scope,
  { row, members }: { readonly row: Row; readonly members: readonly Row[] },
  fold: (values: Float64Array, step: number) => number,
): Promise<void> {
  const room = new Float64Array(members.length);
  for (let step = 0; step < row.values.length; step += 1) {
    let count = 0;
    for (const member of members) {
      if (member.present[step] === 1) {
        room[count] = member.values[step] ?? 0;
        count += 1;
      }
    }
    if (count > 0) {
      row.values[step] = fold(room.subarray(0, count), step);
      row.present[step] = 1;
    }
    await pause(scope);
  }
}

async function mostOrLeast(scope: Scope, groups: readonly Group[], aggregation: Aggregation): Promise<readonly Row[]> {
  const made: Row[] = [];
  for (const { rows } of groups) {
    const kept = rows.map((row) => newRow(scope, row.labels));
    const best = new Set<number>();
    for (let step = 0; step < scope.grid.count; step += 1) {
      const count = wholeParameter(aggregation.numbers?.[step] ?? Number.NaN);
      for (const index of chosen(rows, { step, count, op: aggregation.op })) {
        const row = kept[index];
        if (row !== undefined) {
          row.values[step] = rows[index]?.values[step] ?? 0;
          row.present[step] = 1;
          best.add(index);
        }
      }
      await pause(scope);
    }
    // At a single time the best comes first; over a range the order means nothing.
    made.push(...[...best].flatMap((index) => kept[index] ?? []));
  }
  return made;
}

/** What is wrong is said even where there is nothing to choose from. */
function checkParameter({ op, numbers, text }: Aggregation): void {
  if (op === 'topk' || op === 'bottomk') {
    numbers?.forEach(wholeParameter);
  }
  if (op === 'count_values' && text !== undefined && (text === '' || !text.isWellFormed())) {
    throw executionError(`invalid label name "${shownBytes(text)}"`);
  }
}

function wholeParameter(value: number): number {
  if (Number.isNaN(value)) {
    throw executionError('Parameter value is NaN');
  }
  if (Math.abs(value) >= 2 ** 63) {
    throw executionError(`Scalar value ${valueText(value)} overflows int64`);
  }
  return Math.trunc(value);
}

/** Which rows are among the first `count` at a time, the best first; NaN is the worst. */
function chosen(
  rows: readonly Row[],
  { step, count, op }: { readonly step: number; readonly count: number; readonly op: string },
): number[] {
  if (count < 1) {
    return [];
  }
  const there = [...rows.keys()].filter((index) => rows[index]?.present[step] === 1);
  const value = (index: number): number => rows[index]?.values[step] ?? 0;
  const direction = op === 'topk' ? -1 : 1;
  const order = (a: number, b: number): number => {
    const [one, two] = [value(a), value(b)];
    return Number.isNaN(one) || Number.isNaN(two) ? -nanFirst(one, two) : direction * nanFirst(one, two);
  };
  return there.sort(order).slice(0, count);
}

async function countValues(scope: Scope, groups: readonly Group[], label: string): Promise<readonly Row[]> {
  const made: Row[] = [];
  for (const { labels, rows } of groups) {
    const byValue = new Map<string, Row>();
    for (const row of rows) {
      for (const [step, present] of row.present.entries()) {
        if (present === 1) {
          count(byValue, valueText(row.values[step] ?? 0), { scope, labels, label, step });
        }
      }
      await pause(scope);
    }
    made.push(...byValue.values());
  }
  return merged(
    scope,
    made.filter((row) => !isEmpty(row)),
  );
}

interface Counted {
  readonly scope: Scope;
  readonly labels: Labels;
  readonly label: string;
  readonly step: number;
}

function count(byValue: Map<string, Row>, value: string, { scope, labels, label, step }: Counted): void {
  const row = byValue.get(value) ?? newRow(scope, withLabel(labels, label, value));
  byValue.set(value, row);
  row.values[step] = (row.values[step] ?? 0) + 1;
  row.present[step] = 1;
}
