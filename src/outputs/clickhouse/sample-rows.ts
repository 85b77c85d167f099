import type { Origin } from '../../model/batch.ts';
import { type Exemplar, isStale, type MetricFrame, type Series, type Shape } from '../../model/metric.ts';
import { floatText, type JsonRows, jsonOf } from './json.ts';
import { millisTimeText } from './time.ts';

/** Of OpenTelemetry's data points: there is no recorded value. */
const endOfSeries = '"nan","Flags":1';

/** What the rows of one shape begin with, one for each series. */
interface Heads {
  /** The origin speaks only where the labels do not. */
  readonly service: string;
  readonly heads: readonly Buffer[];
}

/** Rows of `meshbridge_samples`. What stays the same from scrape to scrape is encoded once for each shape. */
export class SampleRows {
  readonly #heads = new WeakMap<Shape, Heads>();

  add(frame: MetricFrame, origin: Origin, rows: JsonRows): void {
    const heads = this.#headsOf(frame.shape, origin.source ?? origin.app ?? '');
    const exemplars = exemplarsBySeries(frame.exemplars ?? []);
    const common = timeJson(frame.timestampMs);
    for (const [i, head] of heads.entries()) {
      const own = frame.timestampsMs?.[i] ?? Number.NaN;
      rows.bytes(head);
      rows.raw(Number.isNaN(own) ? common : timeJson(own));
      rows.raw(isStale(frame, i) ? endOfSeries : floatText(frame.values[i] ?? Number.NaN));
      rows.raw(exemplarJson(exemplars.get(i) ?? [], frame.timestampMs));
      rows.endRow();
    }
  }

  #headsOf(shape: Shape, service: string): readonly Buffer[] {
    const known = this.#heads.get(shape);
    if (known?.service === service) {
      return known.heads;
    }
    const heads = shape.series.map((series) => headOf(series, service));
    this.#heads.set(shape, { service, heads });
    return heads;
  }
}

function headOf({ name, labels, type, unit = '', measurement, field }: Series, service: string): Buffer {
  const columns = {
    MetricName: name,
    ServiceName: serviceOf(labels) ?? service,
    MetricType: type,
    MetricUnit: unit,
    Measurement: measurement,
    Field: field,
    Attributes: Object.fromEntries(labels),
  };
  return Buffer.from(`${jsonOf(columns).slice(0, -1)},`);
}

/** As the OTLP output names it: the job, without the namespace that may stand before it. */
function serviceOf(labels: Series['labels']): string | undefined {
  const job = labels.find(([name]) => name === 'job')?.[1];
  return job?.slice(job.indexOf('/') + 1);
}

function timeJson(timestampMs: number): string {
  return `"Timestamp":"${millisTimeText(timestampMs)}","Value":`;
}

function exemplarsBySeries(exemplars: readonly Exemplar[]): ReadonlyMap<number, Exemplar[]> {
  const bySeries = new Map<number, Exemplar[]>();
  for (const exemplar of exemplars) {
    const of = bySeries.get(exemplar.index) ?? [];
    bySeries.set(exemplar.index, [...of, exemplar]);
  }
  return bySeries;
}

/** The end of a row. */
function exemplarJson(exemplars: readonly Exemplar[], timestampMs: number): string {
  if (exemplars.length === 0) {
    return '}';
  }
  const labels = exemplars.map((exemplar) => Object.fromEntries(exemplar.labels));
  const columns = {
    'Exemplars.TimeUnix': exemplars.map((exemplar) => millisTimeText(exemplar.timestampMs ?? timestampMs)),
    'Exemplars.TraceId': labels.map(({ trace_id: id = '' }) => id),
    'Exemplars.SpanId': labels.map(({ span_id: id = '' }) => id),
    'Exemplars.FilteredAttributes': labels.map(({ trace_id: _trace, span_id: _span, ...others }) => others),
  };
  const values = exemplars.map(({ value }) => floatText(value)).join(',');
  return `,"Exemplars.Value":[${values}],${jsonOf(columns).slice(1)}`;
}
