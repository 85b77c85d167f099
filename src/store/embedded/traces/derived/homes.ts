import type { Partition } from '../partition.ts';
import type { TimeBounds, TraceSource } from '../trace-reader.ts';
import { minuteMs } from './minute.ts';

/** A minute of arrival. */
export interface Home {
  readonly minute: number;
  /** In whose book its row stands: the first that has blocks of it. */
  readonly partition: Partition;
  blocks: number;
}

/** An hour of arrival, with the minutes that there are of it. */
export interface Hour {
  readonly hour: number;
  readonly homes: readonly Home[];
  /** Every row of it is there, and has nothing but what is asked for. */
  readonly isWhole: boolean;
}

/** Minutes, both ends included. */
export interface Reach {
  readonly from: number;
  readonly to: number;
}

/** Every minute of arrival that anything is kept of, ascending. */
export function homesOf({ partitions }: TraceSource): Home[] {
  const homes = new Map<number, Home>();
  for (const partition of partitions) {
    for (const [minute, blocks] of partition.arrivals.counts()) {
      const home = homes.get(minute);
      if (home === undefined) {
        homes.set(minute, { minute, partition, blocks });
      } else {
        home.blocks += blocks;
      }
    }
  }
  return [...homes.values()].sort((a, b) => a.minute - b.minute);
}

/** Is there a row, of all its blocks? */
export function isCurrent({ partition, minute, blocks }: Home): boolean {
  return partition.rows.find(minute)?.blocks === blocks;
}

/** May it have entries of those minutes? */
export function mayReach(home: Home, { from, to }: Reach): boolean {
  const facts = isCurrent(home) ? home.partition.rows.find(home.minute) : undefined;
  return facts === undefined || (facts.toMinute >= from && facts.fromMinute <= to);
}

/** Has it entries of those minutes only? */
export function isWithin({ partition, minute }: Home, { from, to }: Reach): boolean {
  const facts = partition.rows.find(minute);
  return facts !== undefined && facts.fromMinute >= from && facts.toMinute <= to;
}

/** The minutes that a range has all of; the last is before the first where there is none. */
export function wholeMinutes({ minMicros, maxMicros }: TimeBounds): Reach {
  const micros = minuteMs * 1000;
  return { from: Math.ceil(minMicros / micros), to: Math.floor((maxMicros + 1) / micros) - 1 };
}

export function keyOf(partition: Partition, minute: number): string {
  return `${partition.startMs}/${minute}`;
}
