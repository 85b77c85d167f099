import type { MetricType, Series } from '../../model/metric.ts';

type Pairs = Series['labels'];

/** Which series of a frame make one data point. */
export interface PointPlan {
  /** Without those that the point says otherwise: `job`, `instance`, `le`, `quantile`. */
  readonly labels: Pairs;
  /** Of a gauge or a sum: the series; else of `_count`. */
  readonly value?: number;
  readonly sum?: number;
  readonly created?: number;
  /** Of a histogram by `le`, of a summary by `quantile`; sorted. */
  readonly parts: readonly { readonly bound: number; readonly index: number }[];
}

export interface MetricPlan {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly unit: string;
  readonly points: readonly PointPlan[];
}

/** What one sender says: the series with its `job` and `instance`. */
export interface SenderPlan {
  readonly job: string;
  readonly instance: string;
  /** Labels of its `target_info`. */
  readonly target: Pairs;
  readonly metrics: readonly MetricPlan[];
}

type Role = 'value' | 'sum' | 'created' | 'part';
type PointDraft = { labels: Pairs; parts: { bound: number; index: number }[] } & {
  -readonly [K in 'value' | 'sum' | 'created']?: number;
};
interface MetricDraft extends Omit<MetricPlan, 'points'> {
  readonly points: Map<string, PointDraft>;
}
interface SenderDraft {
  readonly job: string;
  readonly instance: string;
  target: Pairs;
  readonly metrics: Map<string, MetricDraft>;
}

/** Endings of the series that are no metric of their own, by type. */
const endings: Readonly<Partial<Record<MetricType, readonly (readonly [ending: string, role: Role])[]>>> = {
  counter: [['_created', 'created']],
  histogram: [
    ['_bucket', 'part'],
    ['_count', 'value'],
    ['_sum', 'sum'],
    ['_created', 'created'],
  ],
  summary: [
    ['_count', 'value'],
    ['_sum', 'sum'],
    ['_created', 'created'],
  ],
};
const partLabels: Readonly<Partial<Record<MetricType, string>>> = { histogram: 'le', summary: 'quantile' };
const targetInfo = 'target_info';
const total = '_total';

/** Puts the series of a shape together as OTLP has them. */
export function planOf(series: readonly Series[]): readonly SenderPlan[] {
  const senders = new Map<string, SenderDraft>();
  for (const [index, one] of series.entries()) {
    const sender = senderOf(senders, one.labels);
    const own = one.labels.filter(([name]) => name !== 'job' && name !== 'instance');
    if (one.name === targetInfo) {
      sender.target = own;
    } else {
      place(sender, { ...one, labels: own }, index);
    }
  }
  return Array.from(senders.values(), (sender) => ({
    ...sender,
    metrics: Array.from(sender.metrics.values(), finished).filter(({ points }) => points.length > 0),
  }));
}

function senderOf(senders: Map<string, SenderDraft>, labels: Pairs): SenderDraft {
  const job = labels.find(([name]) => name === 'job')?.[1] ?? '';
  const instance = labels.find(([name]) => name === 'instance')?.[1] ?? '';
  const key = JSON.stringify([job, instance]);
  const sender = senders.get(key) ?? { job, instance, target: [], metrics: new Map() };
  senders.set(key, sender);
  return sender;
}

function place(sender: SenderDraft, series: Series, index: number): void {
  const { type, name, help = '', unit = '' } = series;
  const { family, role, bound } = roleOf(series);
  const key = `${type} ${family}`;
  const metric = sender.metrics.get(key) ?? { name: family, type, help, unit, points: new Map() };
  sender.metrics.set(key, metric);
  const part = bound === undefined ? undefined : partLabels[type];
  const labels = part === undefined ? series.labels : series.labels.filter(([label]) => label !== part);
  const pointKey = JSON.stringify(labels);
  const point: PointDraft = metric.points.get(pointKey) ?? { labels, parts: [] };
  metric.points.set(pointKey, point);
  if (role === 'part') {
    point.parts.push({ bound: bound ?? Number(name), index });
  } else {
    point[role] = index;
  }
}

interface RoleOf {
  readonly family: string;
  readonly role: Role;
  readonly bound?: number;
}

/** A series that should tell its bound and does not is a metric of its own. */
function roleOf({ name, type, labels }: Series): RoleOf {
  const text = labels.find(([label]) => label === partLabels[type])?.[1];
  const bound = text === undefined ? Number.NaN : Number(text.replace(/Inf$/i, 'Infinity'));
  if (type === 'summary' && !Number.isNaN(bound)) {
    return { family: name, role: 'part', bound };
  }
  const [ending = '', role = 'value'] = endings[type]?.find(([one]) => name.endsWith(one)) ?? [];
  if (role === 'part') {
    return Number.isNaN(bound)
      ? { family: name, role: 'value' }
      : { family: name.slice(0, -ending.length), role, bound };
  }
  const family = ending === '' ? name : name.slice(0, -ending.length);
  return { family: type === 'counter' && role === 'created' ? family + total : family, role };
}

function finished({ points, ...metric }: MetricDraft): MetricPlan {
  const hasValue = (point: PointDraft): boolean => point.value !== undefined || point.parts.length > 0;
  return {
    ...metric,
    points: [...points.values()]
      .filter(hasValue)
      .map(({ parts, ...point }) => ({ ...point, parts: parts.sort((a, b) => a.bound - b.bound) })),
  };
}
