import { SeriesList } from '../codec/metric-frame/metric-frame.ts';
import type { ParsedPage } from '../codec/prometheus-text/prometheus-text.ts';
import type { Series } from '../model/metric.ts';

/** Why a sample was left out. */
export type RefusedTime = 'future' | 'out-of-order' | 'duplicate';

export interface OrderedPage {
  readonly page: ParsedPage;
  /** Samples left out, by reason. Absent: none. */
  readonly refused?: ReadonlyMap<RefusedTime, number>;
}

/** As far ahead as Prometheus takes a sample (scrape/scrape.go). */
const furthestAheadMs = 600_000;

interface Taken {
  readonly timeMs: number;
  readonly value: number;
}

interface TakenSamples {
  readonly by: ReadonlyMap<Series, Taken>;
  /** The list that these series are of: they stay the same objects while it is held. */
  readonly of: readonly Series[];
}

/**
 * Leaves out samples that receivers refuse because of the times that the page gives them: far ahead, before the last one of
 * their series, or a second value for one time. One such sample in a remote-write request may cost all the others in it
 * (Prometheus answers 400 to the whole).
 */
export class TimeOrder {
  /** The last page, where none of its samples had a time of its own: all have that of the scrape. */
  #plain: { readonly list?: SeriesList; readonly timeMs: number } = { timeMs: 0 };
  /** Else the last sample of each series. */
  #taken: TakenSamples = { by: new Map(), of: [] };

  ordered(page: ParsedPage, scrapeMs: number): OrderedPage {
    if (page.timestampsMs === undefined && this.#taken.by.size === 0) {
      this.#plain = { list: page.list, timeMs: scrapeMs };
      return { page };
    }
    const { kept, refused } = this.#sorted(page, scrapeMs);
    if (refused.size > 0) {
      return { page: only(page, kept), refused };
    }
    if (page.timestampsMs === undefined) {
      this.#plain = { list: page.list, timeMs: scrapeMs };
      this.#taken = { by: new Map(), of: [] };
    }
    return { page };
  }

  #sorted({ series, values, timestampsMs }: ParsedPage, scrapeMs: number): Sorted {
    const lastOf = this.#lastSamples();
    const taken = new Map<Series, Taken>();
    const refused = new Map<RefusedTime, number>();
    const kept: number[] = [];
    for (const [i, one] of series.entries()) {
      const ownMs = timestampsMs?.[i] ?? Number.NaN;
      const now = { timeMs: Number.isNaN(ownMs) ? scrapeMs : ownMs, value: values[i] ?? Number.NaN };
      const last = lastOf(one);
      const reason = reasonAgainst(now, last, scrapeMs);
      if (reason === undefined) {
        kept.push(i);
      } else {
        refused.set(reason, (refused.get(reason) ?? 0) + 1);
      }
      const newest = reason === undefined ? now : last;
      if (newest !== undefined) {
        taken.set(one, newest);
      }
    }
    this.#plain = { timeMs: 0 };
    this.#taken = { by: taken, of: series };
    return { kept, refused };
  }

  #lastSamples(): (series: Series) => Taken | undefined {
    const { by: taken } = this.#taken;
    const plain = new Set(this.#plain.list?.series);
    // No own time is equal to that of a scrape by more than chance, so the value does not matter.
    const scraped = { timeMs: this.#plain.timeMs, value: Number.NaN };
    return (series) => taken.get(series) ?? (plain.has(series) ? scraped : undefined);
  }
}

interface Sorted {
  readonly kept: readonly number[];
  readonly refused: ReadonlyMap<RefusedTime, number>;
}

function reasonAgainst(now: Taken, last: Taken | undefined, scrapeMs: number): RefusedTime | undefined {
  if (now.timeMs > scrapeMs + furthestAheadMs) {
    return 'future';
  }
  if (last === undefined || now.timeMs > last.timeMs) {
    return undefined;
  }
  if (now.timeMs < last.timeMs) {
    return 'out-of-order';
  }
  return Object.is(now.value, last.value) ? undefined : 'duplicate';
}

function only(page: ParsedPage, kept: readonly number[]): ParsedPage {
  const places = new Map(kept.map((from, to) => [from, to]));
  const exemplars = page.exemplars?.flatMap((exemplar) => {
    const index = places.get(exemplar.index);
    return index === undefined ? [] : [{ ...exemplar, index }];
  });
  const { list } = page;
  const series = kept.flatMap((i) => list.series[i] ?? []);
  return {
    ...page,
    list: new SeriesList(series, list.behind),
    series,
    values: Float64Array.from(kept, (i) => page.values[i] ?? Number.NaN),
    ...(page.timestampsMs && { timestampsMs: Float64Array.from(kept, (i) => page.timestampsMs?.[i] ?? Number.NaN) }),
    ...(exemplars && { exemplars }),
  };
}
