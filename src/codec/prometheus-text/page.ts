import { BridgeError } from '../../contract/errors.ts';
import type { Exemplar, MetricType, Series } from '../../model/metric.ts';
import type { SeriesList } from '../metric-frame/metric-frame.ts';

/** A series as a page has it, before names are split and labels added. */
export interface PageSeries {
  readonly name: string;
  /** As written, in the order of the page; empty values included. Pairs of equal text are the same object. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** Name of the family whose TYPE covers it; the name itself where there is none. */
  readonly family: string;
  readonly type: MetricType;
  readonly help?: string;
  readonly unit?: string;
}

export interface PageParserOptions {
  /**
   * Asked once for every series that was not there before: what it is called from here on, or undefined where it is not
   * wanted. Pure: it may be asked again for the same series.
   */
  readonly place: (series: PageSeries) => Series | undefined;
  /** Series that frames of this page have behind its own, such as the report of a scrape: encoded with them. */
  readonly behind?: readonly Series[];
  /** Of a page with more wanted samples nothing is kept. Default: no limit. */
  readonly maxSamples?: number;
  /** `openmetrics`: timestamps are seconds, not ms. Everything else of OpenMetrics is understood in both. */
  readonly dialect: 'text' | 'openmetrics';
  /** Whether times on the page count. */
  readonly timestamps: 'honor' | 'ignore';
}

/** A page has more wanted samples than `maxSamples`. */
export class TooManySamples extends BridgeError {
  /** Sample lines of the page, and those that are wanted. */
  readonly counted: { readonly samples: number; readonly kept: number };

  constructor(samples: number, kept: number) {
    super('BRIDGE_TOO_LARGE', `the page has ${kept} samples`);
    this.counted = { samples, kept };
  }
}

/** One page. All arrays belong to the parser and are good until its next `parse`; series are never changed. */
export interface ParsedPage {
  /** Its series, encoded: the very same object for as long as the page keeps its lines. */
  readonly list: SeriesList;
  /**
   * Distinct series in the order of their first line. Decoded when asked for; the same array for as long as somebody holds
   * it, and a series that stays on the page stays the same object for as long as somebody holds such an array.
   */
  readonly series: readonly Series[];
  /** Values by series; of a series that is on the page twice, the last. */
  readonly values: Float64Array;
  /** NaN where a sample has no time of its own; absent where none has. */
  readonly timestampsMs?: Float64Array;
  readonly exemplars?: readonly Exemplar[];
  /** Sample lines of the page. */
  readonly samples: number;
  /** Those that `place` did not want. */
  readonly unwanted: number;
  /** Those whose series had stood there before. */
  readonly duplicates: number;
}
