import { logBlockParts } from '../codec/log-block/log-block.ts';
import { LogBlockBuilder } from '../codec/log-block/log-block-builder.ts';
import { SeriesList } from '../codec/metric-frame/metric-frame.ts';
import type { ParsedPage } from '../codec/prometheus-text/prometheus-text.ts';
import { logLevels } from '../model/log.ts';
import type { Series } from '../model/metric.ts';

/** Samples of a page as lines of a log: the payload of a log-block. */
export interface SampleLines {
  readonly payload: readonly Uint8Array[];
  readonly items: number;
}

const level = logLevels.indexOf('info');

/**
 * A JSON object for each sample, as DataKit's `as_logging` makes a record of logging of it: its labels, `service` (its
 * measurement where none is given), `status`, `measurement`, and the value under the name of its field. A NaN or infinite
 * value is a text. The time is that of the sample.
 */
export function sampleLines(page: ParsedPage, scrapeMs: number, service: string | undefined): SampleLines | undefined {
  const { series, values, timestampsMs } = page;
  if (series.length === 0) {
    return undefined;
  }
  const builder = new LogBlockBuilder(series.length, series.length * 256);
  for (const [i, one] of series.entries()) {
    const ownMs = timestampsMs?.[i] ?? Number.NaN;
    const timeMs = Math.max(0, Number.isNaN(ownMs) ? scrapeMs : ownMs);
    const line = Buffer.from(lineOf(one, values[i] ?? Number.NaN, service ?? one.measurement));
    const marks = { seconds: Math.floor(timeMs / 1000), nanos: (timeMs % 1000) * 1_000_000, flags: 0, level };
    builder.append(marks, line, 0, line.length);
  }
  return { payload: logBlockParts(builder.block()), items: series.length };
}

/** The page with its counts and no series: what the report of its scrape needs. */
export function withoutSeries({ list, samples, unwanted, duplicates }: ParsedPage): ParsedPage {
  return {
    list: new SeriesList([], list.behind),
    series: [],
    values: new Float64Array(0),
    samples,
    unwanted,
    duplicates,
  };
}

function lineOf({ labels, measurement, field }: Series, value: number, service: string): string {
  const fields = { ...Object.fromEntries(labels), service, status: 'INFO', measurement, [field]: shown(value) };
  return JSON.stringify(fields);
}

function shown(value: number): number | string {
  if (Number.isFinite(value)) {
    return value;
  }
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
