import type { BinaryExpr } from './ast.ts';
import { labelKey } from './labels.ts';
import { isEmpty, newRow, pause, type Row, type Scope } from './query.ts';
import { merged } from './rows.ts';
import { bySignature, signatureOf } from './signature.ts';

/** `and`, `or`, `unless`: time by time, a series stands or falls with whether the other side has its signature then. */
export async function setOperation(
  scope: Scope,
  expr: BinaryExpr,
  [left, right]: readonly [readonly Row[], readonly Row[]],
): Promise<readonly Row[]> {
  switch (expr.op) {
    case 'and':
      return filtered(scope, expr, { rows: left, others: right, keep: 1 });
    case 'unless':
      return filtered(scope, expr, { rows: left, others: right, keep: 0 });
    default:
      return merged(scope, [...left, ...(await filtered(scope, expr, { rows: right, others: left, keep: 0 }))]);
  }
}

interface Filter {
  readonly rows: readonly Row[];
  readonly others: readonly Row[];
  /** 1: where the other side has the signature; 0: where it has not. */
  readonly keep: 0 | 1;
}

async function filtered(scope: Scope, expr: BinaryExpr, { rows, others, keep }: Filter): Promise<readonly Row[]> {
  const there = await presences(scope, bySignature(others, expr.matching));
  const signature = signatureOf(expr.matching);
  const made: Row[] = [];
  for (const row of rows) {
    const other = there.get(labelKey(signature(row.labels)));
    if (other === undefined && keep === 0) {
      made.push(row);
    } else if (other !== undefined) {
      made.push(where(scope, row, { other, keep }));
    }
    await pause(scope);
  }
  return made.filter((row) => !isEmpty(row));
}

async function presences(scope: Scope, groups: ReadonlyMap<string, readonly Row[]>): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const [key, rows] of groups) {
    const present = new Uint8Array(scope.grid.count);
    for (const row of rows) {
      for (let step = 0; step < present.length; step += 1) {
        present[step] = (present[step] ?? 0) | (row.present[step] ?? 0);
      }
    }
    found.set(key, present);
    await pause(scope);
  }
  return found;
}

function where(scope: Scope, row: Row, { other, keep }: { readonly other: Uint8Array; readonly keep: 0 | 1 }): Row {
  const next = newRow(scope, row.labels);
  for (const [step, present] of row.present.entries()) {
    if (present === 1 && other[step] === keep) {
      next.values[step] = row.values[step] ?? 0;
      next.present[step] = 1;
    }
  }
  return next;
}
