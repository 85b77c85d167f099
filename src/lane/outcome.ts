import type { QueueRecord } from '../model/batch.ts';

/** What became of some records: the items that arrived, those that never will, and those that were not for this output. */
export interface Outcome {
  readonly delivered: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly routedAway: number;
}

export const nothing: Outcome = { delivered: 0, dropped: {}, routedAway: 0 };

export function both(one: Outcome, other: Outcome): Outcome {
  const dropped = { ...one.dropped };
  for (const [reason, items] of Object.entries(other.dropped)) {
    dropped[reason] = (dropped[reason] ?? 0) + items;
  }
  return {
    delivered: one.delivered + other.delivered,
    dropped,
    routedAway: one.routedAway + other.routedAway,
  };
}

export function itemsOf(records: readonly QueueRecord[]): number {
  let items = 0;
  for (const record of records) {
    items += record.items;
  }
  return items;
}
