import { type Expr, unparenthesised } from './ast.ts';
import { type Labels, metricName, withLabel } from './labels.ts';
import { newRow, type Row, type Scope } from './query.ts';

/** One series where none of the rows is there. */
export function absence(scope: Scope, expr: Expr | undefined, rows: readonly Row[]): readonly Row[] {
  const row = newRow(scope, absentLabels(expr));
  row.values.fill(1);
  row.present.fill(1);
  for (const { present } of rows) {
    for (let step = 0; step < present.length; step += 1) {
      if (present[step] === 1) {
        row.present[step] = 0;
      }
    }
  }
  return row.present.includes(1) ? [row] : [];
}

/** What a selector asks for by equality, but nothing for labels that it names twice. */
function absentLabels(expr: Expr | undefined): Labels {
  const bare = expr === undefined ? undefined : unparenthesised(expr);
  let labels: Labels = [];
  const seen = new Set<string>();
  for (const { name, op, value } of bare?.kind === 'selector' ? bare.matchers : []) {
    if (name === metricName) {
      continue;
    }
    const isFirst = op === '=' && !seen.has(name);
    labels = withLabel(labels, name, isFirst ? value : '');
    if (op === '=') {
      seen.add(name);
    }
  }
  return labels;
}
