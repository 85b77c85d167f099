import type { Origin } from '../../model/batch.ts';
import type { Metric, MetricsRequest } from './messages-in.ts';
import { type EncodedFrame, LabelBudget, MetricFrames, mostFrames } from './metric-frames.ts';
import { labelName, metricName, type OtlpMetricType, unitName } from './metric-names.ts';
import {
  type Family,
  keyOf,
  type Labels,
  labelsOf,
  PointFault,
  pairsOf,
  seriesOf,
  type Take,
  takeExponential,
  takeHistogram,
  takeNumber,
  takeSummary,
} from './metric-points.ts';
import { originOf } from './origin-attributes.ts';
import { Rejections } from './rejections.ts';

export interface OtlpMetrics {
  /** Of each resource one, and more where it has several values of a series. */
  readonly frames: readonly (EncodedFrame & { readonly origin: Origin })[];
  /** Data points that no sample can be made of, and what is wrong with the first of them. */
  readonly rejected: number;
  readonly firstFault?: string;
  /** Points of exponential histograms, which became classic ones. */
  readonly converted: number;
}

export interface OtlpMetricsOptions {
  /** When the request came: the time of points that have none. */
  readonly nowMs: number;
  /** Attributes of the resource that become labels of each series. */
  readonly promote: readonly string[];
}

/** The points of a metric, each to be taken by itself. */
interface Points {
  readonly type: OtlpMetricType;
  readonly temporality: number;
  readonly take: readonly ((family: Family, take: Take) => void)[];
}

const cumulative = 2;
const temporalities = ['no', 'delta'];
const tooMuch = `the request is of too many resources, or has too many points of one series: more than ${mostFrames}`;
const identifying = ['service.name', 'service.namespace', 'service.instance.id'];
const ourTypes: Readonly<Record<OtlpMetricType, Family['type']>> = {
  gauge: 'gauge',
  counter: 'counter',
  updown: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
};

/**
 * Metrics as Prometheus' OTLP receiver takes them by default (prometheus/prometheus, storage/remote/otlptranslator): its
 * names, units and labels, `job` and `instance` from the service, `target_info` from the rest of the resource, nothing of
 * delta temporality. Unlike there, exponential histograms become classic ones.
 */
export function otlpMetricFrames({ resourceMetrics }: MetricsRequest, options: OtlpMetricsOptions): OtlpMetrics {
  const rejections = new Rejections();
  const frames: (EncodedFrame & { readonly origin: Origin })[] = [];
  const shared = { rejections, budget: new LabelBudget() };
  let converted = 0;
  for (const { resource, scopeMetrics } of resourceMetrics) {
    const ofResource = new ResourceFrames(resource.attributes, options, shared);
    for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      if (frames.length < mostFrames) {
        ofResource.add(metric);
      } else {
        rejections.note(pointsOf(metric)?.take.length ?? 0, tooMuch);
      }
    }
    const { origin } = originOf(resource.attributes);
    frames.push(...ofResource.encoded().map((frame) => ({ ...frame, origin })));
    converted += ofResource.converted;
  }
  return { frames, converted, ...rejections.result() };
}

/** What all resources of a request have in common. */
interface Shared {
  readonly rejections: Rejections;
  readonly budget: LabelBudget;
}

/** What one resource says. */
class ResourceFrames {
  readonly #attributes: Labels;
  readonly #options: OtlpMetricsOptions;
  readonly #rejections: Rejections;
  readonly #labels: Labels;
  readonly #promoted: Labels;
  readonly #frames: MetricFrames;
  #latestMs = 0;
  #converted = 0;

  constructor(attributes: Labels, options: OtlpMetricsOptions, shared: Shared) {
    this.#attributes = attributes;
    this.#options = options;
    this.#rejections = shared.rejections;
    this.#frames = new MetricFrames(shared.budget);
    this.#labels = identityOf(attributes);
    this.#promoted = namedOf(new Map([...attributes].filter(([key]) => options.promote.includes(key))));
  }

  get converted(): number {
    return this.#converted;
  }

  add(metric: Metric): void {
    const points = pointsOf(metric);
    if (points === undefined || points.take.length === 0) {
      return;
    }
    const said = `metric ${JSON.stringify(metric.name)}`;
    if (points.temporality !== cumulative) {
      const kind = temporalities[points.temporality] ?? 'unknown';
      const fault = `${said} has ${kind} temporality; send it cumulative`;
      this.#rejections.note(points.take.length, fault);
      return;
    }
    const name = metricName(metric.name, metric.unit, points.type);
    if (name === undefined) {
      this.#rejections.note(points.take.length, `${said} has no letter or digit in its name`);
      return;
    }
    const family: Family = {
      name,
      type: ourTypes[points.type],
      help: metric.description,
      unit: unitName(metric.unit),
      labels: this.#labels,
      promoted: this.#promoted,
      nowMs: this.#options.nowMs,
    };
    for (const take of points.take) {
      const isTaken = this.#take(take, family, said);
      this.#converted += Number(isTaken && metric.exponentialHistogram !== undefined);
    }
  }

  encoded(): readonly EncodedFrame[] {
    const target = this.#frames.count === 0 ? undefined : targetInfo(this.#attributes, this.#labels);
    if (target !== undefined) {
      const key = keyOf(target.name, JSON.stringify(target.labels));
      this.#frames.add({ key, series: target, value: 1, isStale: false, timeMs: this.#latestMs });
    }
    return this.#frames.encoded();
  }

  #take(take: Points['take'][number], family: Family, said: string): boolean {
    try {
      take(family, (sample) => {
        if (!this.#frames.add(sample)) {
          throw new PointFault(`is more than a request may hold: ${mostFrames} points of a series; send it in several`);
        }
        this.#latestMs = Math.max(this.#latestMs, sample.timeMs);
      });
      return true;
    } catch (error) {
      if (!(error instanceof PointFault)) {
        throw error;
      }
      this.#rejections.note(1, `${said} ${error.message}`);
      return false;
    }
  }
}

function pointsOf({ gauge, sum, histogram, exponentialHistogram, summary }: Metric): Points | undefined {
  if (gauge !== undefined) {
    const take = gauge.dataPoints.map((point) => (family: Family, to: Take) => takeNumber(point, family, to));
    return { type: 'gauge', temporality: cumulative, take };
  }
  if (sum !== undefined) {
    const take = sum.dataPoints.map((point) => (family: Family, to: Take) => takeNumber(point, family, to));
    return { type: sum.isMonotonic ? 'counter' : 'updown', temporality: sum.aggregationTemporality, take };
  }
  if (histogram !== undefined) {
    const take = histogram.dataPoints.map((point) => (family: Family, to: Take) => takeHistogram(point, family, to));
    return { type: 'histogram', temporality: histogram.aggregationTemporality, take };
  }
  if (exponentialHistogram !== undefined) {
    const { dataPoints, aggregationTemporality } = exponentialHistogram;
    const take = dataPoints.map((point) => (family: Family, to: Take) => takeExponential(point, family, to));
    return { type: 'histogram', temporality: aggregationTemporality, take };
  }
  if (summary !== undefined) {
    const take = summary.dataPoints.map((point) => (family: Family, to: Take) => takeSummary(point, family, to));
    return { type: 'summary', temporality: cumulative, take };
  }
  return undefined;
}

/** `job` and `instance`. */
function identityOf(attributes: Labels): Labels {
  const labels = new Map<string, string>();
  const name = attributes.get('service.name');
  const namespace = attributes.get('service.namespace');
  const instance = attributes.get('service.instance.id');
  if (name !== undefined) {
    labels.set('job', namespace === undefined ? name : `${namespace}/${name}`);
  }
  if (instance !== undefined) {
    labels.set('instance', instance);
  }
  return labels;
}

/** Those that no label can be made of are left out. */
function namedOf(attributes: Labels): Labels {
  return labelsOf(new Map([...attributes].filter(([key]) => labelName(key) !== undefined)));
}

/** What a resource says beside who it is; undefined where that is nothing, or where nobody could join it. */
function targetInfo(attributes: Labels, identity: Labels): ReturnType<typeof seriesOf> | undefined {
  const rest = new Map([...attributes].filter(([key]) => !identifying.includes(key)));
  const labels = namedOf(rest);
  return labels.size === 0 || identity.size === 0
    ? undefined
    : seriesOf(
        { type: 'gauge', help: 'Target metadata', unit: '' },
        'target_info',
        pairsOf(new Map([...labels, ...identity])),
      );
}
