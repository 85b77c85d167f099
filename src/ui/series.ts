import { list, record, text } from './read.ts';
import type { Bounds } from './time-span.ts';

/** One line of a chart. `NaN` in the answer stays NaN; a time without a sample is null. */
export interface SeriesView {
  readonly labels: Readonly<Record<string, string>>;
  /** One for each time of the chart. */
  readonly values: readonly (number | null)[];
  readonly last: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly mean: number | undefined;
}

export interface ChartData {
  /** s since 1970, one step apart. */
  readonly times: readonly number[];
  readonly series: readonly SeriesView[];
}

/** Reads what Prometheus answers to `query_range`: a matrix, or a scalar that is drawn as a line. */
export function chartDataOf(answer: unknown, bounds: Bounds, stepMs: number): ChartData {
  const times: number[] = [];
  for (let ms = bounds.startMs; ms <= bounds.endMs; ms += stepMs) {
    times.push(ms / 1_000);
  }
  const place = new Map(times.map((time, i) => [Math.round(time * 1_000), i]));
  const result = record(record(answer)['data'])['result'];
  const series = list(result, (entry) => {
    const it = record(entry);
    const values = new Array<number | null>(times.length).fill(null);
    for (const [seconds, value] of list(it['values'], pairOf)) {
      const at = place.get(Math.round(seconds * 1_000));
      if (at !== undefined) {
        values[at] = value;
      }
    }
    return seriesOf(labelsOf(it['metric']), values);
  });
  return { times, series: series.toSorted(byLast) };
}

/** `1.5`, `+Inf`, `NaN` as Prometheus writes numbers. */
export function sampleOf(written: string): number {
  const special: Readonly<Record<string, number>> = {
    '+Inf': Number.POSITIVE_INFINITY,
    Inf: Number.POSITIVE_INFINITY,
    '-Inf': Number.NEGATIVE_INFINITY,
  };
  return special[written] ?? Number(written);
}

/** Labels that people know their mesh by, where several would tell series apart as well. */
const known: readonly string[] = [
  'le',
  'quantile',
  'reporter',
  'source_workload',
  'destination_workload',
  'destination_service_name',
  'response_code',
  'app',
  'container',
  'pod',
  'instance',
];

/** As few labels as tell all series apart, those first that tell most; all that differ where even that is not enough. */
export function tellingLabels(series: readonly SeriesView[]): readonly string[] {
  const rest = differingLabels(series).toSorted((a, b) => rankOf(a) - rankOf(b));
  const chosen: string[] = [];
  let groups = 1;
  while (groups < series.length) {
    const [best, count] = rest
      .filter((name) => !chosen.includes(name))
      .map((name) => [name, groupsBy(series, [...chosen, name])] as const)
      .reduce((a, b) => (b[1] > a[1] ? b : a), ['', groups] as const);
    if (best === '') {
      return differingLabels(series);
    }
    chosen.push(best);
    groups = count;
  }
  return chosen.sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
}

/** What is the same in all of them, for a caption. */
export function sharedLabels(series: readonly SeriesView[]): readonly (readonly [string, string])[] {
  const differing = new Set(differingLabels(series));
  return Object.entries(series[0]?.labels ?? {}).filter(([name]) => !differing.has(name) && name !== '__name__');
}

/** Every label of a series, one a line. */
export function allLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

function differingLabels(series: readonly SeriesView[]): readonly string[] {
  const names = new Set(series.flatMap(({ labels }) => Object.keys(labels)));
  return [...names].filter((name) => groupsBy(series, [name]) > 1).sort();
}

function groupsBy(series: readonly SeriesView[], names: readonly string[]): number {
  return new Set(series.map(({ labels }) => JSON.stringify(names.map((name) => labels[name] ?? '')))).size;
}

function rankOf(name: string): number {
  const at = known.indexOf(name);
  return at < 0 ? known.length : at;
}

/** A series by its telling labels alone. */
export function seriesName(labels: Readonly<Record<string, string>>, telling: readonly string[]): string {
  const parts = telling.filter((name) => labels[name] !== undefined).map((name) => labels[name]);
  return parts.join(' · ') || (labels['__name__'] ?? '{}');
}

function seriesOf(labels: Readonly<Record<string, string>>, values: readonly (number | null)[]): SeriesView {
  const real = values.filter((value) => value !== null && Number.isFinite(value)) as number[];
  const last = values.findLast((value) => value !== null) ?? undefined;
  return {
    labels,
    values,
    last,
    min: real.length === 0 ? undefined : real.reduce((a, b) => Math.min(a, b)),
    max: real.length === 0 ? undefined : real.reduce((a, b) => Math.max(a, b)),
    mean: real.length === 0 ? undefined : real.reduce((a, b) => a + b) / real.length,
  };
}

function byLast(a: SeriesView, b: SeriesView): number {
  const order = (value: number | undefined): number =>
    value === undefined || Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  const [left, right] = [order(a.last), order(b.last)];
  return left === right ? 0 : right > left ? 1 : -1;
}

function labelsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(value)).map(([name, label]) => [name, text(label) ?? '']));
}

function pairOf(value: unknown): readonly [number, number] {
  const [seconds, written] = Array.isArray(value) ? value : [];
  return [Number(seconds), sampleOf(text(written) ?? 'NaN')];
}
