import type { Clock } from '../../../../contract/runtime.ts';
import type { Slice } from '../../slice.ts';
import type { Partition } from '../partition.ts';
import type { TimeBounds, TraceSource } from '../trace-reader.ts';
import {
  type Home,
  type Hour,
  homesOf,
  isCurrent,
  isWithin,
  keyOf,
  mayReach,
  type Reach,
  wholeMinutes,
} from './homes.ts';
import { HourTotals, hourMinutes, LinkSum, OperationSum } from './hour-totals.ts';
import { minuteMs, minuteOf } from './minute.ts';
import { foldMinute } from './minute-fold.ts';
import type { BeginEntry, LinkEntry, MinuteRow, OperationEntry } from './minute-row.ts';
import { RowCache } from './row-cache.ts';

/** A minute is closed so long after its end. */
const closedAfterMs = 60_000;
/** A border that a range cuts through is worked out exactly for minutes of no more spans; of larger ones it counts whole. */
const exactSpans = 50_000;
/** What took long to work out of an open minute is good for so many times as long. */
const costlyMs = 100;
const goodForTimes = 20;
/** Hours that began within this are added up before somebody asks. */
const warmMinutes = 25 * 60;

interface OpenRow {
  /** In the whole store when it was worked out. */
  readonly storedSpans: number;
  readonly row: MinuteRow;
  readonly costMs: number;
  readonly atMs: number;
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

  readonly #hoursOfLinks = new HourTotals<LinkEntry>();
  readonly #hoursOfOperations = new HourTotals<OperationEntry>();

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
      if (home.minute <= lastClosed && !isCurrent(home) && !(await this.#closeMinute(home.minute, slice))) {
        break;
      }
    }
    this.#forgetOpen(lastClosed);
    await this.#warm(slice);
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
      await pause(slice);
    }
    return found;
  }

  /** The same, added up: an entry stands for several minutes, all of the range. */
  async linkTotals(range: TimeBounds, slice: Slice): Promise<readonly LinkEntry[]> {
    const sum = new LinkSum();
    const reach = { from: minuteOf(range.minMicros), to: minuteOf(range.maxMicros) };
    await this.#eachHour(wholeMinutes(range), slice, async (hour) => {
      if (hour.isWhole) {
        sum.add(await this.#linksOfHour(hour, slice));
        return;
      }
      for (const home of hour.homes.filter((one) => mayReach(one, reach))) {
        const links = await this.#linksWithin(home, range, slice);
        sum.add(links.filter(({ minute }) => minute >= reach.from && minute <= reach.to));
        await pause(slice);
      }
    });
    return sum.total();
  }

  /** RED of the minutes of `reach`, added up. */
  async operationTotals(reach: Reach, slice: Slice): Promise<readonly OperationEntry[]> {
    const sum = new OperationSum();
    await this.#eachHour(reach, slice, async (hour) => {
      if (hour.isWhole) {
        sum.add(await this.#operationsOfHour(hour, slice));
        return;
      }
      for (const home of hour.homes.filter((one) => mayReach(one, reach))) {
        const { operations } = await this.#operationsOf(home, slice);
        sum.add(operations.filter(({ minute }) => minute >= reach.from && minute <= reach.to));
        await pause(slice);
      }
    });
    return sum.total();
  }

  /** Gives what was counted of each minute of arrival; its entries may be of other minutes than those from `from` to `to`. */
  async eachMinute(reach: Reach, slice: Slice, take: (row: Operations) => void): Promise<void> {
    for (const home of homesOf(this.#source)) {
      if (mayReach(home, reach)) {
        take(await this.#operationsOf(home, slice));
      }
      await pause(slice);
    }
  }

  async #operationsOf(home: Home, slice: Slice): Promise<Operations> {
    const kept = this.#kept(this.#operations, home, ({ rows }) => rows.operations(home.minute));
    return kept ?? (await this.#openRow(home, slice));
  }

  async #eachHour(reach: Reach, slice: Slice, take: (hour: Hour) => Promise<void>): Promise<void> {
    const hours = Map.groupBy(homesOf(this.#source), ({ minute }) => Math.floor(minute / hourMinutes));
    for (const [hour, homes] of hours) {
      await take({ hour, homes, isWhole: homes.every((home) => isCurrent(home) && isWithin(home, reach)) });
      await pause(slice);
    }
  }

  async #linksOfHour({ hour, homes }: Hour, slice: Slice): Promise<readonly LinkEntry[]> {
    const known = this.#hoursOfLinks.get(hour, homes.length);
    if (known !== undefined) {
      return known;
    }
    const sum = new LinkSum();
    for (const home of homes) {
      const { links } = home.partition.rows.links(home.minute) ?? (await this.#openRow(home, slice));
      sum.add(links);
      await pause(slice);
    }
    this.#hoursOfLinks.set(hour, { minutes: homes.length, total: sum.total() });
    return sum.total();
  }

  async #operationsOfHour({ hour, homes }: Hour, slice: Slice): Promise<readonly OperationEntry[]> {
    const known = this.#hoursOfOperations.get(hour, homes.length);
    if (known !== undefined) {
      return known;
    }
    const sum = new OperationSum();
    for (const home of homes) {
      const { operations } = home.partition.rows.operations(home.minute) ?? (await this.#openRow(home, slice));
      sum.add(operations);
      await pause(slice);
    }
    this.#hoursOfOperations.set(hour, { minutes: homes.length, total: sum.total() });
    return sum.total();
  }

  /** So that a question about the last day finds its hours added up. */
  async #warm(slice: Slice): Promise<void> {
    const to = Math.floor(this.nowMs / minuteMs);
    const lastDay = { from: to - warmMinutes, to: Number.POSITIVE_INFINITY };
    await this.#eachHour(lastDay, slice, async (hour) => {
      if (hour.isWhole) {
        await this.#linksOfHour(hour, slice);
        await this.#operationsOfHour(hour, slice);
      }
    });
  }

  /** False where the disk takes nothing now: questions do without rows. */
  async #closeMinute(minute: number, slice: Slice): Promise<boolean> {
    const { row, earlier } = await foldMinute(this.#source, { minute, slice });
    for (const dirty of earlier.toSorted((a, b) => a - b)) {
      const home = homesOf(this.#source).find((one) => one.minute === dirty);
      const again =
        home !== undefined && isCurrent(home) ? await foldMinute(this.#source, { minute: dirty, slice }) : undefined;
      if (again !== undefined && !this.#write(again.row)) {
        return false;
      }
    }
    // The last, so that a life that ends before finds the others dirty again.
    return this.#write(row);
  }

  #write(row: MinuteRow): boolean {
    const partition = homesOf(this.#source).find(({ minute }) => minute === row.minute)?.partition;
    if (partition === undefined || partition.gone) {
      return true;
    }
    this.#links.delete(keyOf(partition, row.minute));
    this.#operations.delete(keyOf(partition, row.minute));
    this.#hoursOfLinks.forget(row.minute);
    this.#hoursOfOperations.forget(row.minute);
    return partition.rows.write(row);
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

/** Does the range cut through a minute with traces that it leaves out? */
function isCut({ minute, minMicros, maxMicros }: BeginEntry, range: TimeBounds): boolean {
  const isOf = minute >= minuteOf(range.minMicros) && minute <= minuteOf(range.maxMicros);
  return isOf && (minMicros < range.minMicros || maxMicros > range.maxMicros);
}

function isGood({ costMs, atMs }: OpenRow, nowMs: number): boolean {
  return costMs > costlyMs && nowMs - atMs < costMs * goodForTimes;
}

async function pause(slice: Slice): Promise<void> {
  if (slice.over) {
    await slice.yield();
  }
}
