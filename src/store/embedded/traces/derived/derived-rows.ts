import type { Clock } from '../../../../contract/runtime.ts';
import type { Slice } from '../../slice.ts';
import type { Partition } from '../partition.ts';
import type { TimeBounds, TraceSource } from '../trace-reader.ts';
import { minuteMs, minuteOf } from './minute.ts';
import { foldMinute } from './minute-fold.ts';
import type { BeginEntry, LinkEntry, MinuteRow } from './minute-row.ts';
import { RowCache } from './row-cache.ts';

/** A minute is closed so long after its end. */
const closedAfterMs = 60_000;
/** A border that a range cuts through is worked out exactly for minutes of no more spans; of larger ones it counts whole. */
const exactSpans = 50_000;
/** What took long to work out of an open minute is good for so many times as long. */
const costlyMs = 100;
const goodForTimes = 20;

interface OpenRow {
  /** In the whole store when it was worked out. */
  readonly storedSpans: number;
  readonly row: MinuteRow;
  readonly costMs: number;
  readonly atMs: number;
}

/** A minute of arrival. */
interface Home {
  readonly minute: number;
  /** In whose book its row stands: the first that has blocks of it. */
  readonly partition: Partition;
  blocks: number;
}

/** Minutes, both ends included. */
export interface Reach {
  readonly from: number;
  readonly to: number;
}

export type Operations = Pick<MinuteRow, 'operations' | 'workloads' | 'tags'>;
type Links = Pick<MinuteRow, 'links' | 'begins'>;

/**
 * RED, links and what else follows from the spans of each minute of arrival (design.md §6). Rows of closed minutes are kept on
 * disk; those of open ones are worked out when somebody asks. A closed minute is worked out again when spans came for one of
 * its traces, once the minute in which they came is closed.
 */
export class DerivedRows {
  readonly #source: TraceSource;
  readonly #clock: Clock;
  readonly #open = new Map<number, OpenRow>();
  readonly #links = new RowCache<Links>(({ links }) => links.length);
  readonly #operations = new RowCache<Operations>(({ operations, tags }) =>
    tags.reduce((sum, { values }) => sum + values.length, operations.length),
  );

  constructor(source: TraceSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** ms since 1970 */
  get nowMs(): number {
    return this.#clock.now();
  }

  /** Writes the rows of minutes that were closed since the last time. */
  async close(slice: Slice): Promise<void> {
    const lastClosed = Math.floor((this.#clock.now() - closedAfterMs) / minuteMs) - 1;
    for (const home of homesOf(this.#source)) {
      if (home.minute <= lastClosed && !isCurrent(home)) {
        await this.#closeMinute(home.minute, slice);
      }
    }
    this.#forgetOpen(lastClosed);
  }

  /** Who called whom in traces that began in the range, both ends included. */
  async links(range: TimeBounds, slice: Slice): Promise<LinkEntry[]> {
    const found: LinkEntry[] = [];
    const reach = { from: minuteOf(range.minMicros), to: minuteOf(range.maxMicros) };
    for (const home of homesOf(this.#source)) {
      if (mayReach(home, reach)) {
        for (const link of await this.#linksWithin(home, range, slice)) {
          if (link.minute >= reach.from && link.minute <= reach.to) {
            found.push(link);
          }
        }
      }
      if (slice.over) {
        await slice.yield();
      }
    }
    return found;
  }

  /** Gives what was counted of each minute of arrival; its entries may be of other minutes than those from `from` to `to`. */
  async eachMinute(reach: Reach, slice: Slice, take: (row: Operations) => void): Promise<void> {
    for (const home of homesOf(this.#source)) {
      if (mayReach(home, reach)) {
        take(
          this.#kept(this.#operations, home, ({ rows }) => rows.operations(home.minute)) ??
            (await this.#openRow(home, slice)),
        );
      }
      if (slice.over) {
        await slice.yield();
      }
    }
  }

  async #closeMinute(minute: number, slice: Slice): Promise<void> {
    const { row, earlier } = await foldMinute(this.#source, { minute, slice });
    for (const dirty of earlier.toSorted((a, b) => a - b)) {
      const home = homesOf(this.#source).find((one) => one.minute === dirty);
      if (home !== undefined && isCurrent(home)) {
        this.#write((await foldMinute(this.#source, { minute: dirty, slice })).row);
      }
    }
    // The last, so that a life that ends before finds the others dirty again.
    this.#write(row);
  }

  #write(row: MinuteRow): void {
    const partition = homesOf(this.#source).find(({ minute }) => minute === row.minute)?.partition;
    if (partition !== undefined && !partition.gone) {
      partition.rows.write(row);
      this.#links.delete(keyOf(partition, row.minute));
      this.#operations.delete(keyOf(partition, row.minute));
    }
  }

  /** Links of other minutes than those of the range may be among them. */
  async #linksWithin(home: Home, range: TimeBounds, slice: Slice): Promise<readonly LinkEntry[]> {
    const { minute } = home;
    const kept = this.#kept(this.#links, home, ({ rows }) => rows.links(minute));
    const { links, begins } = kept ?? (await this.#openRow(home, slice));
    const spans = home.partition.rows.find(minute)?.spans ?? 0;
    return spans > exactSpans || !begins.some((one) => isCut(one, range))
      ? links
      : (await foldMinute(this.#source, { minute, slice, range })).row.links;
  }

  #kept<T>(cache: RowCache<T>, home: Home, read: (partition: Partition) => T | undefined): T | undefined {
    return isCurrent(home) ? cache.get(keyOf(home.partition, home.minute), () => read(home.partition)) : undefined;
  }

  async #openRow({ minute }: Home, slice: Slice): Promise<MinuteRow> {
    const known = this.#open.get(minute);
    const storedSpans = this.#source.partitions.reduce((sum, { items }) => sum + items, 0);
    const beganMs = performance.now();
    if (known !== undefined && (known.storedSpans === storedSpans || isGood(known, beganMs))) {
      return known.row;
    }
    const { row } = await foldMinute(this.#source, { minute, slice });
    const atMs = performance.now();
    this.#open.set(minute, { storedSpans, row, costMs: atMs - beganMs, atMs });
    return row;
  }

  #forgetOpen(lastClosed: number): void {
    for (const minute of this.#open.keys()) {
      if (minute <= lastClosed) {
        this.#open.delete(minute);
      }
    }
  }
}

/** Every minute of arrival that anything is kept of, ascending. */
function homesOf({ partitions }: TraceSource): Home[] {
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
function isCurrent({ partition, minute, blocks }: Home): boolean {
  return partition.rows.find(minute)?.blocks === blocks;
}

/** May it have entries of those minutes? */
function mayReach(home: Home, { from, to }: Reach): boolean {
  const facts = isCurrent(home) ? home.partition.rows.find(home.minute) : undefined;
  return facts === undefined || (facts.toMinute >= from && facts.fromMinute <= to);
}

/** Does the range cut through a minute with traces that it leaves out? */
function isCut({ minute, minMicros, maxMicros }: BeginEntry, range: TimeBounds): boolean {
  const isOf = minute >= minuteOf(range.minMicros) && minute <= minuteOf(range.maxMicros);
  return isOf && (minMicros < range.minMicros || maxMicros > range.maxMicros);
}

function isGood({ costMs, atMs }: OpenRow, nowMs: number): boolean {
  return costMs > costlyMs && nowMs - atMs < costMs * goodForTimes;
}

function keyOf(partition: Partition, minute: number): string {
  return `${partition.startMs}/${minute}`;
}
