import type { Matching } from './ast.ts';
import { dropLabels, keepLabels, type Labels, labelKey, metricName } from './labels.ts';
import type { Row } from './query.ts';

/** Series with equal signatures match. Without a clause: all labels but the name. */
export function signatureOf(matching: Matching | undefined): (labels: Labels) => Labels {
  const names = new Set(matching?.labels);
  if (matching?.mode === 'on') {
    return (labels) => keepLabels(labels, names);
  }
  names.add(metricName);
  return (labels) => dropLabels(labels, names);
}

/** Rows by the key of their signature. */
export function bySignature(rows: readonly Row[], matching: Matching | undefined): Map<string, Row[]> {
  const signature = signatureOf(matching);
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const key = labelKey(signature(row.labels));
    const group = found.get(key);
    if (group === undefined) {
      found.set(key, [row]);
    } else {
      group.push(row);
    }
  }
  return found;
}
