import type { Exemplar, Series } from '../../model/metric.ts';
import { compareBytes } from '../metric-frame/metric-frame.ts';
import { powerOfTwoBuckets } from './exponential.ts';
import type { ExponentialPoint, HistogramPoint, NumberPoint, OtlpExemplar, SummaryPoint } from './messages-in.ts';
import type { Sample } from './metric-frames.ts';
import { labelName } from './metric-names.ts';

export type Labels = ReadonlyMap<string, string>;
/** Sorted, and none of them empty. */
type Pairs = Series['labels'];
export type Take = (sample: Sample) => void;

/** What the series of a metric have in common. */
export interface Family {
  readonly name: string;
  readonly type: Series['type'];
  readonly help: string;
  readonly unit: string;
  /** Of the resource: they stand before the attributes of a point. */
  readonly labels: Labels;
  /** Of the resource too, where a point has no such attribute. */
  readonly promoted: Labels;
  /** The time of points that say none. */
  readonly nowMs: number;
}

const nanosPerMilli = 1_000_000n;
/** A point of which the sender says that there is no value any more (`FLAG_NO_RECORDED_VALUE`). */
const noRecordedValue = 1;
/** Of all labels of an exemplar (OpenMetrics 1.0, "Exemplars"). */
const mostExemplarRunes = 128;
const anyZero = /^0*$/;

/** A fault of a point; its message ends a sentence. */
export class PointFault extends Error {}

/** Gauges and sums. Throws PointFault, as all of these do, where the point itself is faulty before `take` is called. */
export function takeNumber(point: NumberPoint, family: Family, take: Take): void {
  const value = point.asDouble ?? point.asInt ?? 0;
  const ofPoint = new PointSamples(point, family);
  take({ ...ofPoint.sample('', value), exemplars: exemplarsOf(point.exemplars) });
}

/** As a classic histogram: `_bucket` by `le`, `_sum` and `_count`. Every bucket has the exemplars that fall into it. */
export function takeHistogram(point: HistogramPoint, family: Family, take: Take): void {
  const { explicitBounds: bounds, bucketCounts } = point;
  if (bucketCounts.length > 0 && bucketCounts.length !== bounds.length + 1) {
    throw new PointFault(`has ${bucketCounts.length} buckets for ${bounds.length} bounds`);
  }
  let count = 0;
  const buckets = bucketCounts.slice(0, -1).map((more, i) => {
    count += more;
    return { bound: bounds[i] ?? Number.POSITIVE_INFINITY, count };
  });
  takeBuckets(point, family, { buckets, take });
}

/** As a classic histogram with bounds at powers of two. */
export function takeExponential(point: ExponentialPoint, family: Family, take: Take): void {
  takeBuckets(point, family, { buckets: powerOfTwoBuckets(point), take });
}

/** One series for each quantile, `_sum` and `_count`. */
export function takeSummary(point: SummaryPoint, family: Family, take: Take): void {
  const ofPoint = new PointSamples(point, family, 'quantile');
  for (const { quantile, value } of point.quantileValues) {
    take(ofPoint.sample('', value, plainNumber(quantile)));
  }
  take(ofPoint.sample('_sum', point.sum));
  take(ofPoint.sample('_count', point.count));
}

function takeBuckets(
  point: HistogramPoint | ExponentialPoint,
  family: Family,
  { buckets, take }: { readonly buckets: readonly { bound: number; count: number }[]; readonly take: Take },
): void {
  const ofPoint = new PointSamples(point, family, 'le');
  const exemplars = exemplarsOf(point.exemplars).toSorted((a, b) => a.value - b.value);
  const last = { bound: Number.POSITIVE_INFINITY, count: point.count };
  let next = 0;
  for (const { bound, count } of [...buckets.filter((one) => one.bound !== last.bound), last]) {
    const first = next;
    while (next < exemplars.length && (exemplars[next]?.value ?? 0) <= bound) {
      next += 1;
    }
    take({ ...ofPoint.sample('_bucket', count, plainNumber(bound)), exemplars: exemplars.slice(first, next) });
  }
  if (point.sum !== undefined) {
    take(ofPoint.sample('_sum', point.sum));
  }
  take(ofPoint.sample('_count', point.count));
}

/** What the samples of one point have in common. */
class PointSamples {
  readonly #family: Family;
  readonly #own: string;
  readonly #labels: Pairs;
  readonly #key: string;
  readonly #isStale: boolean;
  readonly #timeMs: number;

  /** `own` is the label that tells the samples of a point apart; an attribute of that name is left out. */
  constructor(
    point: { readonly attributes: Labels; readonly timeUnixNano: bigint; readonly flags: number },
    family: Family,
    own = '',
  ) {
    const labels = new Map([...family.promoted, ...labelsOf(point.attributes), ...family.labels]);
    labels.delete(own);
    this.#family = family;
    this.#own = own;
    this.#labels = pairsOf(labels);
    this.#key = JSON.stringify(this.#labels);
    this.#isStale = point.flags % 2 === noRecordedValue;
    this.#timeMs = point.timeUnixNano === 0n ? family.nowMs : Number(point.timeUnixNano / nanosPerMilli);
  }

  /** `ending` of the name, and what the label that tells samples apart says. */
  sample(ending: string, value: number, own?: string): Sample {
    const name = this.#family.name + ending;
    const labels = own === undefined ? this.#labels : withLabel(this.#labels, this.#own, own);
    return {
      key: keyOf(name, this.#key, own),
      series: seriesOf(this.#family, name, labels),
      value,
      isStale: this.#isStale,
      timeMs: this.#timeMs,
    };
  }
}

/** Of a series: its name, its labels as JSON, and what the label that tells the samples of a point apart says. */
export function keyOf(name: string, labels: string, own = ''): string {
  return `${name} ${own} ${labels}`;
}

/** Attributes under names that labels may have; where two have one name their values stand together, in the order of their keys. */
export function labelsOf(attributes: Labels): Labels {
  const labels = new Map<string, string>();
  for (const [key, value] of [...attributes].sort(([a], [b]) => compareBytes(a, b))) {
    const name = labelName(key);
    if (name === undefined) {
      throw new PointFault(`has an attribute ${JSON.stringify(key)}, of which no label can be made`);
    }
    if (name !== '__name__') {
      const other = labels.get(name) ?? '';
      labels.set(name, other === '' ? value : `${other};${value}`);
    }
  }
  return labels;
}

export function pairsOf(labels: Labels): Pairs {
  return [...labels].filter(([, value]) => value !== '').sort(([a], [b]) => compareBytes(a, b));
}

/** There is none of that name yet. */
function withLabel(labels: Pairs, name: string, value: string): Pairs {
  const at = labels.findIndex(([other]) => compareBytes(other, name) > 0);
  return at < 0 ? [...labels, [name, value]] : labels.toSpliced(at, 0, [name, value]);
}

export function seriesOf(
  { type, help, unit }: Pick<Family, 'type' | 'help' | 'unit'>,
  name: string,
  labels: Pairs,
): Series {
  const at = name.indexOf('_', 1);
  return {
    name,
    labels,
    type,
    ...(help !== '' && { help }),
    ...(unit !== '' && { unit }),
    measurement: at < 0 ? name : name.slice(0, at),
    field: at < 0 || at === name.length - 1 ? name : name.slice(at + 1),
  };
}

function exemplarsOf(exemplars: readonly OtlpExemplar[]): readonly Omit<Exemplar, 'index'>[] {
  return exemplars.map(({ asDouble, asInt, timeUnixNano, traceId, spanId, filteredAttributes }) => {
    const ids = [
      ['trace_id', traceId],
      ['span_id', spanId],
    ].flatMap(([name = '', value = '']): [string, string][] => (anyZero.test(value) ? [] : [[name, value]]));
    const all = [...ids, ...filteredAttributes];
    const runes = all.reduce((sum, [name, value]) => sum + [...name].length + [...value].length, 0);
    return {
      value: asDouble ?? asInt ?? 0,
      labels: (runes <= mostExemplarRunes ? all : ids).toSorted(([a], [b]) => compareBytes(a, b)),
      ...(timeUnixNano > 0n && { timestampMs: Number(timeUnixNano / nanosPerMilli) }),
    };
  });
}

/** Without an exponent, in as few digits as tell it apart (Go's `FormatFloat` with 'f' and -1). */
export function plainNumber(value: number): string {
  const text = String(value);
  if (!Number.isFinite(value)) {
    return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
  }
  const [, sign = '', whole = '', fraction = '', exponent = ''] = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === '') {
    return text;
  }
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  return point <= 0
    ? `${sign}0.${'0'.repeat(-point)}${digits}`
    : `${sign}${digits.padEnd(point, '0').slice(0, point)}${digits.length > point ? `.${digits.slice(point)}` : ''}`;
}
