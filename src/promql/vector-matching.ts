import { type BinaryExpr, comparisons, type Matching } from './ast.ts';
import { executionError } from './errors.ts';
import {
  compareLabels,
  dropLabels,
  dropName,
  keepLabels,
  type Labels,
  labelKey,
  labelsText,
  labelValue,
  withLabel,
} from './labels.ts';
import { type Combine, combiner } from './operators.ts';
import { isEmpty, newRow, pause, type Row, type Scope } from './query.ts';
import { merged } from './rows.ts';
import { bySignature, signatureOf } from './signature.ts';

/** Arithmetic and comparisons between vectors: series of one side meet those of the other that have the same signature. */
export async function vectorOperation(
  scope: Scope,
  expr: BinaryExpr,
  [left, right]: readonly [readonly Row[], readonly Row[]],
): Promise<readonly Row[]> {
  const swapped = expr.matching?.group === 'right';
  const many = bySignature(swapped ? right : left, expr.matching);
  const ones = bySignature(swapped ? left : right, expr.matching);
  const meet: Meeting = {
    expr,
    combine: sided(expr, swapped),
    resultLabels: labelsOfResult(expr),
    // Where one side is empty nothing is looked at, not even whether the other is in order.
    anyLeft: anywhere(scope, left),
    anyRight: anywhere(scope, right),
  };
  const made: Row[] = [];
  for (const rows of ones.values()) {
    onlyOneAtATime(rows, meet);
    await pause(scope);
  }
  for (const [key, rows] of many) {
    const one = ones.get(key);
    if (one !== undefined) {
      made.push(...group(scope, meet, { many: rows, ones: one }));
    }
    await pause(scope);
  }
  return merged(
    scope,
    made.filter((row) => !isEmpty(row)),
  );
}

interface Meeting {
  readonly expr: BinaryExpr;
  /** Of the value of the many side and that of the one side. */
  readonly combine: Combine;
  readonly resultLabels: (many: Labels, one: Labels) => Labels;
  readonly anyLeft: Uint8Array;
  readonly anyRight: Uint8Array;
}

function sided(expr: BinaryExpr, swapped: boolean): Combine {
  const combine = combiner(expr.op, { bool: expr.bool, kept: 'left' });
  return swapped ? (many, one) => combine(one, many) : combine;
}

function anywhere(scope: Scope, rows: readonly Row[]): Uint8Array {
  const any = new Uint8Array(scope.grid.count);
  for (const row of rows) {
    for (let step = 0; step < any.length; step += 1) {
      any[step] = (any[step] ?? 0) | (row.present[step] ?? 0);
    }
  }
  return any;
}

function onlyOneAtATime(rows: readonly Row[], { expr, anyLeft, anyRight }: Meeting): void {
  const [first] = rows;
  if (first === undefined || rows.length === 1) {
    return;
  }
  for (let step = 0; step < first.present.length; step += 1) {
    const there = rows.filter((row) => row.present[step] === 1);
    const [one, two] = there.slice(0, 2).sort((a, b) => compareLabels(a.labels, b.labels));
    if (one !== undefined && two !== undefined && anyLeft[step] === 1 && anyRight[step] === 1) {
      const side = expr.matching?.group === 'right' ? 'left' : 'right';
      const signature = labelsText(signatureOf(expr.matching)(one.labels));
      const both = `[${labelsText(one.labels)}, ${labelsText(two.labels)}]`;
      throw executionError(
        `found duplicate series for the match group ${signature} on the ${side} hand-side of the operation: ${both}` +
          ';many-to-many matching not allowed: matching labels must be unique on one side',
      );
    }
  }
}

interface Sides {
  readonly many: readonly Row[];
  readonly ones: readonly Row[];
}

/** All series of one signature. */
function group(scope: Scope, meet: Meeting, { many, ones }: Sides): Row[] {
  const made: Row[] = [];
  const taken = new Map<string, Uint8Array>();
  for (const one of ones) {
    for (const row of many) {
      const labels = meet.resultLabels(row.labels, one.labels);
      const next = newRow(scope, labels);
      const key = meet.expr.matching?.group === undefined ? '' : labelKey(labels);
      const before = taken.get(key) ?? new Uint8Array(scope.grid.count);
      taken.set(key, before);
      combineInto(next, meet, { row, one, before });
      made.push(next);
    }
  }
  return made;
}

interface Pair {
  readonly row: Row;
  readonly one: Row;
  /** 1 where an earlier pair of this signature had a result. */
  readonly before: Uint8Array;
}

function combineInto(next: Row, { combine, expr }: Meeting, { row, one, before }: Pair): void {
  for (const [step, present] of row.present.entries()) {
    if (present !== 1 || one.present[step] !== 1) {
      continue;
    }
    const value = combine(row.values[step] ?? 0, one.values[step] ?? 0);
    // Several for one are wrong even where the comparison leaves one of them.
    if (value !== undefined || expr.matching?.group === undefined) {
      onlyOnce(before, step, expr);
    }
    if (value !== undefined) {
      next.values[step] = value;
      next.present[step] = 1;
    }
  }
}

function onlyOnce(before: Uint8Array, step: number, { matching }: BinaryExpr): void {
  if (before[step] === 1) {
    const what =
      matching?.group === undefined
        ? 'many-to-one matching must be explicit (group_left/group_right)'
        : 'grouping labels must ensure unique matches';
    throw executionError(`multiple matches for labels: ${what}`);
  }
  before[step] = 1;
}

/** The labels of a result: those of the many side, without what matching leaves out, with what `group_…` takes along. */
function labelsOfResult({ op, bool, matching }: BinaryExpr): (many: Labels, one: Labels) => Labels {
  const dropsName = bool || !comparisons.has(op);
  const names = new Set(matching?.labels);
  return (many, one) => {
    const named = dropsName ? dropName(many) : many;
    const kept = matching?.group === undefined ? reduced(named, matching, names) : named;
    return (matching?.include ?? []).reduce((labels, name) => withLabel(labels, name, labelValue(one, name)), kept);
  };
}

function reduced(labels: Labels, matching: Matching | undefined, names: ReadonlySet<string>): Labels {
  return matching?.mode === 'on' ? keepLabels(labels, names) : dropLabels(labels, names);
}
