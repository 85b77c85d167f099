import {
  bitmapBytes,
  type EncodedShape,
  encodeFrame,
  encodeShape,
  SeriesList,
} from '../codec/metric-frame/metric-frame.ts';
import type { ParsedPage } from '../codec/prometheus-text/prometheus-text.ts';
import type { Exemplar, Series } from '../model/metric.ts';

/** When a scrape was, and how long it took. */
export interface ScrapeReport {
  readonly timestampMs: number;
  readonly durationSeconds: number;
}

/** Whether series whose samples carry times of their own are marked when they end. */
export type OwnTimes = 'tracked' | 'untracked';

/** Samples of a page, and how many of them the filters leave. */
export interface Counted {
  readonly samples: number;
  readonly kept: number;
}

/** A frame as `emit` takes it. */
export interface EncodedScrape {
  readonly payload: readonly Uint8Array[];
  readonly dictionary: EncodedShape;
  readonly items: number;
  /** To be called once it was taken: from then on these are the series that may go stale. */
  readonly taken: () => void;
}

/** Series of a page, or some of them. */
interface Listed {
  readonly count: number;
  readonly series: readonly Series[];
  /** The list of the page that they are of: its series stay the same objects while somebody holds it. */
  readonly of?: readonly Series[];
}

const none: Listed = { count: 0, series: [] };

interface FrameParts {
  readonly timestampMs: number;
  /** Series of the page with values, then those that end, then the report. */
  readonly page: Listed;
  readonly values: Float64Array;
  readonly timestampsMs?: Float64Array;
  readonly exemplars?: readonly Exemplar[];
  readonly ended: Listed;
  /** Undefined: the report series end too. */
  readonly report: readonly number[] | undefined;
}

/**
 * Turns the scrapes of one target into frames, and knows which series must be marked as stale (prometheus/prometheus,
 * scrape/scrape.go): those that are gone from the page, and all of them when a scrape failed. Series whose samples carry
 * times of their own are marked only where these are tracked (`track_timestamps_staleness` of Prometheus).
 */
export class TargetFrames {
  readonly #report: readonly Series[];
  readonly #ownTimes: OwnTimes;
  /** Series of the last page that could be read and was taken. */
  #page: Listed = none;
  /** Those of them that are marked when they end. */
  #live: Listed = this.#page;
  #reported = false;
  #shape: { readonly page: Listed; readonly encoded: EncodedShape } | undefined;

  constructor(report: readonly Series[], ownTimes: OwnTimes = 'untracked') {
    this.#report = report;
    this.#ownTimes = ownTimes;
  }

  /** `shown`: the series of the page with those whose sample was left out because of its time; they have not ended. */
  scraped(page: ParsedPage, report: ScrapeReport, shown: Listed = page.list): EncodedScrape {
    const { list, values, timestampsMs, exemplars } = page;
    const { gone, added } = difference(this.#page, list);
    const here = this.#ownTimes === 'tracked' ? shown : list;
    const all = timestampsMs === undefined || this.#ownTimes === 'tracked';
    const live = all ? here : without(list, timestampsMs);
    const ended = this.#live === this.#page && here === list ? gone : difference(this.#live, here).gone;
    const kept = page.samples - page.unwanted;
    const parts = {
      timestampMs: report.timestampMs,
      page: list,
      values,
      ended: listed(ended),
      report: [1, report.durationSeconds, page.samples, kept, added],
      ...(timestampsMs && { timestampsMs }),
      ...(exemplars && { exemplars }),
    };
    return this.#encoded(parts, { page: list, live });
  }

  failed(report: ScrapeReport, counted: Counted = { samples: 0, kept: 0 }): EncodedScrape {
    return this.#encoded(
      {
        timestampMs: report.timestampMs,
        page: none,
        values: new Float64Array(0),
        ended: this.#live,
        report: [0, report.durationSeconds, counted.samples, counted.kept, 0],
      },
      // What comes back after a failure has not been added, as in Prometheus.
      { page: this.#page, live: none },
    );
  }

  /** The target is gone: everything ends. Undefined where nothing was ever taken. */
  ended(timestampMs: number): EncodedScrape | undefined {
    if (!this.#reported) {
      return undefined;
    }
    const parts = { timestampMs, page: none, values: new Float64Array(0), ended: this.#live, report: undefined };
    return this.#encoded(parts, { page: none, live: none });
  }

  #encoded(parts: FrameParts, next: { readonly page: Listed; readonly live: Listed }): EncodedScrape {
    const { page, ended, report } = parts;
    const dictionary = this.#shapeOf(page, ended);
    const { count } = dictionary;
    const endedFrom = page.count;
    const reportFrom = endedFrom + ended.count;
    const values = new Float64Array(count);
    values.set(parts.values);
    values.set(report ?? [], reportFrom);
    const staleTo = report === undefined ? count : reportFrom;
    const payload = encodeFrame({
      timestampMs: parts.timestampMs,
      values,
      ...(staleTo > endedFrom && { stale: staleBits(count, endedFrom, staleTo) }),
      ...(parts.timestampsMs && { timestampsMs: extended(parts.timestampsMs, count) }),
      ...(parts.exemplars && { exemplars: parts.exemplars }),
    });
    const taken = (): void => {
      this.#page = next.page;
      this.#live = next.live;
      this.#reported = report !== undefined;
    };
    return { payload, dictionary, items: count, taken };
  }

  /** A page that fails has the shape that it had when it did not, so that this one need not be written anew. */
  #shapeOf(page: Listed, ended: Listed): EncodedShape {
    if (page.count > 0 && ended.count > 0) {
      return encodeShape([...page.series, ...ended.series, ...this.#report]);
    }
    const single = page.count > 0 ? page : ended;
    if (single instanceof SeriesList && single.behind === this.#report) {
      return single.shape;
    }
    if (single.count === 0) {
      return encodeShape(this.#report);
    }
    if (this.#shape?.page !== single) {
      this.#shape = { page: single, encoded: encodeShape([...single.series, ...this.#report]) };
    }
    return this.#shape.encoded;
  }
}

function listed(series: readonly Series[]): Listed {
  return series.length === 0 ? none : { count: series.length, series };
}

/** Those whose samples have no time of their own. */
function without(list: SeriesList, timestampsMs: Float64Array): Listed {
  const of = list.series;
  const series = of.filter((_, i) => Number.isNaN(timestampsMs[i]));
  return { count: series.length, series, of };
}

function staleBits(count: number, from: number, to: number): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(count));
  for (let i = from; i < to; i++) {
    bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
  }
  return bits;
}

function extended(timestampsMs: Float64Array, count: number): Float64Array {
  const all = new Float64Array(count).fill(Number.NaN);
  all.set(timestampsMs);
  return all;
}

/** The parser gives a series that stayed as the same object; one whose type changed is another, with the same name. */
function difference(earlier: Listed, later: Listed): { readonly gone: readonly Series[]; readonly added: number } {
  if (earlier === later) {
    return { gone: [], added: 0 };
  }
  const before = earlier.series;
  const now = later.series;
  const here = new Set(now);
  const there = new Set(before);
  const gone = before.filter((series) => !here.has(series));
  const fresh = now.filter((series) => !there.has(series));
  if (gone.length === 0 || fresh.length === 0) {
    return { gone, added: fresh.length };
  }
  const freshKeys = new Set(fresh.map(keyOf));
  const goneKeys = new Set(gone.map(keyOf));
  return {
    gone: gone.filter((series) => !freshKeys.has(keyOf(series))),
    added: fresh.filter((series) => !goneKeys.has(keyOf(series))).length,
  };
}

function keyOf(series: Series): string {
  return JSON.stringify([series.name, series.labels]);
}
