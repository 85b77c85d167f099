import type { Origin } from '../../model/batch.ts';
import { isStale, type MetricFrame, type Shape } from '../../model/metric.ts';
import type { IdOf, OtlpAttribute } from './export-spans.ts';
import { labelName, metricName, otlpUnit } from './metric-names.ts';
import { type MetricPlan, type PointPlan, planOf, type SenderPlan } from './metric-plan.ts';
import { attributesOfOrigin } from './origin-attributes.ts';

const cumulative = 2;
const noRecordedValue = 1;
const nanosDigits = '000000';
const traceIdPattern = /^[0-9a-f]{32}$/i;
const spanIdPattern = /^[0-9a-f]{16}$/i;

/**
 * Frames as ResourceMetrics (OpenTelemetry, "Prometheus and OpenMetrics Compatibility", Prometheus to OTLP): `job` and
 * `instance` are the service, `target_info` and the origin the rest of the resource; counters become cumulative sums,
 * buckets histograms and quantiles summaries again, each with its labels as attributes and the time of its sample. What
 * ends is a point without a recorded value.
 */
export class MetricExporter {
  readonly #plans = new WeakMap<Shape, readonly SenderPlan[]>();
  readonly #idOf: IdOf;

  constructor(idOf: IdOf) {
    this.#idOf = idOf;
  }

  /**
   * With `range` only those of its data points, counted in the order in which they stand. Throws BRIDGE_DECODE where the
   * series of the frame cannot be read.
   */
  resourceMetrics(frame: MetricFrame, origin: Origin, range?: PointRange): object[] {
    const plans = this.#planOf(frame.shape);
    const points = new FramePoints(frame, this.#idOf);
    return (range === undefined ? plans : planBetween(plans, range))
      .filter(({ metrics }) => metrics.length > 0)
      .map((sender) => ({
        resource: { attributes: resourceOf(sender, origin) },
        scopeMetrics: [{ metrics: sender.metrics.map((metric) => metricOf(metric, points)) }],
      }));
  }

  /** How many data points a frame of this shape becomes. Throws BRIDGE_DECODE as above. */
  pointsOf(shape: Shape): number {
    return this.#planOf(shape).reduce((sum, { metrics }) => sum + pointsIn(metrics), 0);
  }

  #planOf(shape: Shape): readonly SenderPlan[] {
    const plans = this.#plans.get(shape) ?? planOf(shape.series);
    this.#plans.set(shape, plans);
    return plans;
  }
}

/** Data points `[from, to)`. */
export interface PointRange {
  readonly from: number;
  readonly to: number;
}

function pointsIn(metrics: readonly MetricPlan[]): number {
  return metrics.reduce((sum, { points }) => sum + points.length, 0);
}

function planBetween(plans: readonly SenderPlan[], { from, to }: PointRange): readonly SenderPlan[] {
  let before = 0;
  return plans.map((sender) => {
    const metrics = sender.metrics.flatMap((metric) => {
      const points = metric.points.slice(Math.max(0, from - before), Math.max(0, to - before));
      before += metric.points.length;
      return points.length === 0 ? [] : [{ ...metric, points }];
    });
    return { ...sender, metrics };
  });
}

/** What the origin and the job say goes before `target_info`, of which the names are no attributes' any more. */
function resourceOf({ job, instance, target }: SenderPlan, origin: Origin): OtlpAttribute[] {
  const slash = job.indexOf('/');
  const service: (readonly [string, string])[] = [
    ['service.name', slash < 0 ? job : job.slice(slash + 1)],
    ['service.namespace', slash < 0 ? '' : job.slice(0, slash)],
    ['service.instance.id', instance],
  ];
  const known = new Map([...attributesOfOrigin(origin), ...service]);
  const said = new Set([...known.keys()].map(labelName));
  for (const [name, value] of target) {
    if (!said.has(name)) {
      known.set(name, value);
    }
  }
  return [...known].filter(([, value]) => value !== '').map(([key, value]) => text(key, value));
}

function metricOf({ name, type, help, unit, points }: MetricPlan, frame: FramePoints): object {
  const head = {
    name,
    ...(help !== '' && { description: help }),
    ...unitOf(name, unit),
  };
  switch (type) {
    case 'counter': {
      const dataPoints = points.map((point) => frame.number(point));
      return { ...head, sum: { dataPoints, aggregationTemporality: cumulative, isMonotonic: true } };
    }
    case 'histogram': {
      const dataPoints = points.map((point) => frame.histogram(point));
      return { ...head, histogram: { dataPoints, aggregationTemporality: cumulative } };
    }
    case 'summary':
      return { ...head, summary: { dataPoints: points.map((point) => frame.summary(point)) } };
    default: {
      const metadata = type === 'gauge' ? [] : [text('prometheus.type', type)];
      return { ...head, metadata, gauge: { dataPoints: points.map((point) => frame.number(point)) } };
    }
  }
}

/** Left out where a receiver that puts units into names, as Prometheus does, would change this one. */
function unitOf(name: string, word: string): object {
  const unit = otlpUnit(word);
  return unit !== '' && metricName(name, unit, 'updown') === metricName(name, '', 'updown') ? { unit } : {};
}

/** Makes the data points of one frame, as OTLP's JSON has them. */
class FramePoints {
  readonly #frame: MetricFrame;
  readonly #idOf: IdOf;
  readonly #exemplars = new Map<number, object[]>();

  constructor(frame: MetricFrame, idOf: IdOf) {
    this.#frame = frame;
    this.#idOf = idOf;
    for (const { index, labels, value, timestampMs } of frame.exemplars ?? []) {
      const of = this.#exemplars.get(index) ?? [];
      of.push(this.#exemplar(labels, value, timestampMs));
      this.#exemplars.set(index, of);
    }
  }

  number(point: PointPlan): object {
    const index = point.value ?? 0;
    const head = this.#head(point, [index]);
    return 'flags' in head ? head : { ...head, asDouble: double(this.#value(index)) };
  }

  histogram(point: PointPlan): object {
    const { parts, value, sum } = point;
    const indexes = [...(value === undefined ? [] : [value]), ...parts.map(({ index }) => index)];
    const head = this.#head(point, indexes);
    if ('flags' in head) {
      return { ...head, count: '0' };
    }
    const bounded = parts.filter(({ bound }) => bound !== Number.POSITIVE_INFINITY);
    const counts = bounded.map(({ index }) => this.#value(index));
    const count = this.#value(value ?? parts.at(-1)?.index ?? 0);
    const bucketCounts = [...counts, count].map((upTo, i, all) => whole(upTo - (all[i - 1] ?? 0)));
    return {
      ...head,
      count: whole(count),
      ...(sum !== undefined && { sum: double(this.#value(sum)) }),
      ...(parts.length > 0 && { bucketCounts, explicitBounds: bounded.map(({ bound }) => bound) }),
    };
  }

  summary(point: PointPlan): object {
    const { parts, value, sum } = point;
    const indexes = [...(value === undefined ? [] : [value]), ...parts.map(({ index }) => index)];
    const head = this.#head(point, indexes);
    if ('flags' in head) {
      return head;
    }
    return {
      ...head,
      count: value === undefined ? '0' : whole(this.#value(value)),
      sum: sum === undefined ? 0 : double(this.#value(sum)),
      quantileValues: parts.map(({ bound, index }) => ({ quantile: bound, value: double(this.#value(index)) })),
    };
  }

  /** With `flags` where all of these series end. */
  #head({ labels, created, value, sum }: PointPlan, indexes: readonly number[]): object {
    const [first = 0] = indexes;
    const { timestampsMs, timestampMs } = this.#frame;
    const own = timestampsMs?.[first] ?? Number.NaN;
    const start = created === undefined ? Number.NaN : this.#value(created);
    const exemplars = [...indexes, ...(sum === undefined ? [] : [sum]), ...(value === undefined ? [] : [value])];
    const shown = [...new Set(exemplars)].flatMap((index) => this.#exemplars.get(index) ?? []);
    return {
      attributes: labels.map(([name, said]) => text(name, said)),
      timeUnixNano: nanos(Number.isNaN(own) ? timestampMs : own),
      ...(start > 0 && { startTimeUnixNano: nanos(start * 1000) }),
      ...(shown.length > 0 && { exemplars: shown }),
      ...(indexes.every((index) => isStale(this.#frame, index)) && { flags: noRecordedValue }),
    };
  }

  #value(index: number): number {
    return this.#frame.values[index] ?? 0;
  }

  #exemplar(labels: readonly (readonly [string, string])[], value: number, timestampMs: number | undefined): object {
    const traceId = labels.find(([name, id]) => name === 'trace_id' && traceIdPattern.test(id))?.[1];
    const spanId = labels.find(([name, id]) => name === 'span_id' && spanIdPattern.test(id))?.[1];
    const rest = labels.filter(
      ([name]) => !(name === 'trace_id' && traceId !== undefined) && !(name === 'span_id' && spanId !== undefined),
    );
    return {
      asDouble: double(value),
      ...(timestampMs !== undefined && { timeUnixNano: nanos(timestampMs) }),
      ...(traceId !== undefined && { traceId: this.#idOf(traceId.toLowerCase()) }),
      ...(spanId !== undefined && { spanId: this.#idOf(spanId.toLowerCase()) }),
      filteredAttributes: rest.map(([name, said]) => text(name, said)),
    };
  }
}

/** JSON has no name for those that are not finite but their text (proto3's JSON mapping). */
function double(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** Counts are whole and not negative, whatever a page says. */
function whole(count: number): string {
  return Number.isFinite(count) && count > 0 ? String(BigInt(Math.round(count))) : '0';
}

function nanos(ms: number): string {
  return Number.isFinite(ms) && ms > 0 ? `${BigInt(Math.round(ms))}${nanosDigits}` : '0';
}

function text(key: string, value: string): OtlpAttribute {
  return { key, value: { stringValue: value } };
}
