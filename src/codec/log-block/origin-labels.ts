import type { Origin, QueueRecord } from '../../model/batch.ts';

export const originLabelNames = [
  'app',
  'container',
  'namespace',
  'node',
  'pod',
  'source',
  'version',
  'workload',
] as const satisfies readonly (keyof Origin)[];

/**
 * What is known of all lines of a record: the origin's fields under the record's tag edits, none of them empty. An added tag
 * never stands before what the origin says. `stream` is not among them: each line says that for itself.
 */
export function originLabels({ origin, edits }: Pick<QueueRecord, 'origin' | 'edits'>): Record<string, string> {
  const labels: Record<string, string> = {};
  const drop = new Set(edits?.drop);
  for (const name of originLabelNames) {
    const value = origin[name];
    if (value !== undefined && value !== '' && !drop.has(name)) {
      labels[name] = value;
    }
  }
  for (const [name, value] of Object.entries(edits?.add ?? {})) {
    if (value !== '' && name !== 'stream') {
      labels[name] ??= value;
    }
  }
  return labels;
}
