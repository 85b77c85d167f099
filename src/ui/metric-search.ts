import { labelMatchOf, selectorOf } from './label-match.ts';
import { type TimeSpan, timeSpanOf, usualRange } from './time-span.ts';

/** How a metric is shown. `auto` follows its type. */
export const shapes = ['auto', 'rate', 'increase', 'value', 'average', 'p50', 'p90', 'p99'] as const;
export type Shape = (typeof shapes)[number];
export const sums = ['none', 'sum', 'avg', 'max', 'min'] as const;
export type Sum = (typeof sums)[number];

export interface MetricSearch extends TimeSpan {
  /** What the list of metrics is narrowed by. */
  readonly find: string;
  readonly metric: string;
  readonly match: readonly string[];
  readonly as: Shape;
  readonly sum: Sum;
  /** Labels that stay apart when series are summed. */
  readonly by: readonly string[];
  /** A query that somebody wrote; then all of the above rests. */
  readonly query: string;
}

export const anyMetric: MetricSearch = {
  find: '',
  metric: '',
  match: [],
  as: 'auto',
  sum: 'none',
  by: [],
  query: '',
  range: usualRange,
};

export function metricSearchOf(params: URLSearchParams): MetricSearch {
  return {
    find: params.get('find') ?? '',
    metric: params.get('metric') ?? '',
    match: params.getAll('match').filter((written) => labelMatchOf(written) !== undefined),
    as: shapes.find((shape) => shape === params.get('as')) ?? 'auto',
    sum: sums.find((sum) => sum === params.get('sum')) ?? 'none',
    by: params.getAll('by').filter((label) => label !== ''),
    query: params.get('query') ?? '',
    ...timeSpanOf(params),
  };
}

/** A metric family of the store's catalogue: a histogram or summary is one, though its parts have names of their own. */
export interface MetricInfo {
  readonly name: string;
  readonly measurement: string;
  readonly field: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string;
  readonly series: number;
}

const parts = /_(?:bucket|count|sum)$/;

/** Families of the entries of `/api/native/metrics/catalogue`, by name. */
export function familiesOf(entries: readonly MetricInfo[]): readonly MetricInfo[] {
  const families = new Map<string, MetricInfo>();
  for (const entry of entries) {
    const name = isParted(entry) ? entry.name.replace(parts, '') : entry.name;
    const field = isParted(entry) ? entry.field.replace(parts, '') : entry.field;
    const known = families.get(name);
    families.set(name, { ...entry, name, field, series: entry.series + (known?.series ?? 0) });
  }
  return [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Those whose name, measurement or help holds every word. */
export function foundIn(families: readonly MetricInfo[], typed: string): readonly MetricInfo[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return families.filter((info) => {
    const text = `${info.name} ${info.measurement} ${info.field} ${info.help}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** What can be asked of a metric of this kind; the first is what `auto` means. */
export function shapesOf(info: MetricInfo | undefined): readonly Exclude<Shape, 'auto'>[] {
  switch (info?.type) {
    case 'histogram':
      return ['rate', 'average', 'p50', 'p90', 'p99', 'increase', 'value'];
    case 'summary':
      return ['rate', 'average', 'increase', 'value'];
    case 'counter':
      return ['rate', 'increase', 'value'];
    default:
      return /_total$/.test(info?.name ?? '') ? ['rate', 'increase', 'value'] : ['value', 'rate', 'increase'];
  }
}

export function shapeOf(search: MetricSearch, info: MetricInfo | undefined): Exclude<Shape, 'auto'> {
  const offered = shapesOf(info);
  return offered.find((shape) => shape === search.as) ?? offered[0] ?? 'value';
}

/** The series whose labels stand for the whole family. */
export function labelledName(metric: string, info: MetricInfo | undefined): string {
  return info !== undefined && isParted(info) ? `${metric}_count` : metric;
}

/** The PromQL that stands behind the form, or what somebody wrote instead. */
export function queryOf(search: MetricSearch, info: MetricInfo | undefined, windowText: string): string {
  const { metric } = search;
  if (search.query !== '' || metric === '') {
    return search.query;
  }
  const selector = selectorOf(search.match);
  const window = `${selector}[${windowText}]`;
  const shape = shapeOf(search, info);
  switch (shape) {
    case 'value':
      return summed(search, `${info?.type === 'histogram' ? `${metric}_bucket` : metric}${selector}`);
    case 'rate':
    case 'increase':
      return summed(search, `${shape}(${labelledName(metric, info)}${window})`);
    case 'average':
      return `${summed(search, `rate(${metric}_sum${window})`)} / ${summed(search, `rate(${metric}_count${window})`)}`;
    case 'p50':
    case 'p90':
    case 'p99': {
      const by = byText(['le', ...search.by]);
      return `histogram_quantile(0.${shape.slice(1)}, sum${by} (rate(${metric}_bucket${window})))`;
    }
    default:
      return shape satisfies never;
  }
}

/** What the numbers of the form are in, by the name of the metric as Prometheus names them; '' where that says nothing. */
export function unitOf(search: MetricSearch, info: MetricInfo | undefined): string {
  if (search.query !== '' || info === undefined) {
    return '';
  }
  const shape = shapeOf(search, info);
  const [, word = ''] = /_(milliseconds|seconds|bytes)(?:_total)?$/.exec(info.name) ?? [];
  const unit = { milliseconds: 'ms', seconds: 's', bytes: 'B' }[word] ?? '';
  const counts = isParted(info) && ['rate', 'increase', 'value'].includes(shape) ? '' : unit;
  return shape === 'rate' ? `${counts}/s` : counts;
}

/** A window that holds some scrapes of any usual interval, and no less than a step. */
export function rateWindow(stepMs: number): string {
  const seconds = Math.max(120, stepMs / 1_000);
  return seconds % 3_600 === 0 ? `${seconds / 3_600}h` : seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

function isParted({ type }: MetricInfo): boolean {
  return type === 'histogram' || type === 'summary' || type === 'gaugehistogram';
}

function summed(search: MetricSearch, inner: string): string {
  return search.sum === 'none' ? inner : `${search.sum}${byText(search.by)} (${inner})`;
}

function byText(labels: readonly string[]): string {
  return labels.length === 0 ? '' : ` by (${labels.join(', ')})`;
}
