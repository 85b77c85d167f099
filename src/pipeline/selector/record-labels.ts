import type { Selector } from '../../lib/selector.ts';
import type { Origin, QueueRecord } from '../../model/batch.ts';

/** The labels by which a place is named, as every signal has them. */
const placeLabels: readonly (readonly [field: keyof Origin, label: string])[] = [
  ['node', 'node'],
  ['namespace', 'namespace'],
  ['pod', 'pod'],
  ['podUid', 'pod_uid'],
  ['container', 'container'],
  ['workload', 'workload'],
  ['app', 'app'],
  ['version', 'version'],
  ['source', 'source'],
];

/** What is known of a record without a look into it: where it came from, and what is added to its items. */
export function recordLabels({ origin, edits }: Pick<QueueRecord, 'origin' | 'edits'>): ReadonlyMap<string, string> {
  const labels = new Map(Object.entries(edits?.add ?? {}));
  for (const [field, name] of placeLabels) {
    const value = origin[field];
    if (value !== undefined && value !== '') {
      labels.set(name, value);
    }
  }
  for (const name of edits?.drop ?? []) {
    labels.delete(name);
  }
  return labels;
}

/**
 * Whether a record is meant, by where it came from and the tags that are added to it, without a look into it: an item's own
 * label of the same name does not count here. `unknown` where the selector asks for a label that only items may have.
 */
export function matchesOrigin(
  selector: Selector,
  record: Pick<QueueRecord, 'signal' | 'origin' | 'edits'>,
): 'yes' | 'no' | 'unknown' {
  const labels = recordLabels(record);
  return selector.verdict((name) => (name === 'signal' ? record.signal : labels.get(name)));
}
