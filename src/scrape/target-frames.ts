import { bitmapBytes, type EncodedShape, encodeFrame, encodeShape } from '../codec/metric-frame/metric-frame.ts';
import type { ParsedPage } from '../codec/prometheus-text/prometheus-text.ts';
import type { Exemplar, Series } from '../model/metric.ts';

/** When a scrape was, and how long it took. */
export interface ScrapeReport {
  readonly timestampMs: number;
  readonly durationSeconds: number;
}

/** Whether series whose samples carry times of their own are marked when they end. */
export type OwnTimes = 'tracked' | 'untracked';

/** A frame as `emit` takes it. */
export interface EncodedScrape {
  readonly payload: readonly Uint8Array[];
  readonly dictionary: EncodedShape;
  readonly items: number;
  /** To be called once it was taken: from then on these are the series that may go stale. */
  readonly taken: () => void;
}

interface FrameParts {
  readonly timestampMs: number;
  /** Series of the page with values, then those that end, then the report. */
  readonly page: readonly Series[];
  readonly values: Float64Array;
  readonly timestampsMs?: Float64Array;
  readonly exemplars?: readonly Exemplar[];
  readonly ended: readonly Series[];
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
  #page: readonly Series[] = [];
  /** Those of them that are marked when they end. */
  #live: readonly Series[] = this.#page;
  #reported = false;
  #shape: { readonly page: readonly Series[]; readonly encoded: EncodedShape } | undefined;

  constructor(report: readonly Series[], ownTimes: OwnTimes = 'untracked') {
    this.#report = report;
    this.#ownTimes = ownTimes;
  }

  scraped(page: ParsedPage, report: ScrapeReport): EncodedScrape {
    const { series, values, timestampsMs, exemplars } = page;
    const { gone, added } = difference(this.#page, series);
    const all = timestampsMs === undefined || this.#ownTimes === 'tracked';
    const live = all ? series : series.filter((_, i) => Number.isNaN(timestampsMs[i]));
    const ended = this.#live === this.#page ? gone : difference(this.#live, series).gone;
    const kept = page.samples - page.unwanted;
    const parts = {
      timestampMs: report.timestampMs,
      page: series,
      values,
      ended,
      report: [1, report.durationSeconds, page.samples, kept, added],
      ...(timestampsMs && { timestampsMs }),
      ...(exemplars && { exemplars }),
    };
    return this.#encoded(parts, { page: series, live });
  }

  failed(report: ScrapeReport): EncodedScrape {
    return this.#encoded(
      {
        timestampMs: report.timestampMs,
        page: [],
        values: new Float64Array(0),
        ended: this.#live,
        report: [0, report.durationSeconds, 0, 0, 0],
      },
      // What comes back after a failure has not been added, as in Prometheus.
      { page: this.#page, live: [] },
    );
  }

  /** The target is gone: everything ends. Undefined where nothing was ever taken. */
  ended(timestampMs: number): EncodedScrape | undefined {
    if (!this.#reported) {
      return undefined;
    }
    const parts = { timestampMs, page: [], values: new Float64Array(0), ended: this.#live, report: undefined };
    return this.#encoded(parts, { page: [], live: [] });
  }

  #encoded(
    parts: FrameParts,
    next: { readonly page: readonly Series[]; readonly live: readonly Series[] },
  ): EncodedScrape {
    const { page, ended, report } = parts;
    const dictionary = this.#shapeOf(page, ended);
    const { count } = dictionary;
    const endedFrom = page.length;
    const reportFrom = endedFrom + ended.length;
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
  #shapeOf(page: readonly Series[], ended: readonly Series[]): EncodedShape {
    const single = ended.length === 0 ? page : page.length === 0 ? ended : undefined;
    if (single === undefined) {
      return encodeShape([...page, ...ended, ...this.#report]);
    }
    if (this.#shape?.page !== single) {
      const encoded = encodeShape([...single, ...this.#report]);
      if (single.length === 0) {
        return encoded;
      }
      this.#shape = { page: single, encoded };
    }
    return this.#shape.encoded;
  }
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
function difference(
  before: readonly Series[],
  now: readonly Series[],
): { readonly gone: readonly Series[]; readonly added: number } {
  if (before === now) {
    return { gone: [], added: 0 };
  }
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
