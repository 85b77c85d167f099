import { getJson } from './http.ts';
import { familiesOf, type MetricInfo } from './metric-search.ts';
import { list, number, record, text } from './read.ts';
import { type ChartData, chartDataOf } from './series.ts';
import type { Bounds } from './time-span.ts';

export async function loadFamilies({ startMs, endMs }: Bounds, signal: AbortSignal): Promise<readonly MetricInfo[]> {
  const entries = await getJson(`/api/native/metrics/catalogue?start=${startMs}&end=${endMs}`, signal);
  return familiesOf(list(entries, readInfo));
}

/** Rejects with ApiError, whose message is what the API says of the query. */
export async function loadChart(
  query: string,
  { bounds, stepMs }: { readonly bounds: Bounds; readonly stepMs: number },
  signal: AbortSignal,
): Promise<ChartData> {
  const params = new URLSearchParams({
    query,
    start: String(bounds.startMs / 1_000),
    end: String(bounds.endMs / 1_000),
    step: String(stepMs / 1_000),
  });
  return chartDataOf(await getJson(`/api/v1/query_range?${params}`, signal), bounds, stepMs);
}

/** Names of labels of the series that the selector means, without the name of the metric. */
export async function loadLabels(selector: string, bounds: Bounds, signal: AbortSignal): Promise<readonly string[]> {
  const names = await loadData(`/api/v1/labels?${selection(selector, bounds)}`, signal);
  return names.filter((name) => name !== '__name__');
}

export function loadLabelValues(
  name: string,
  { selector, bounds }: { readonly selector: string; readonly bounds: Bounds },
  signal: AbortSignal,
): Promise<readonly string[]> {
  return loadData(`/api/v1/label/${encodeURIComponent(name)}/values?${selection(selector, bounds)}`, signal);
}

async function loadData(url: string, signal: AbortSignal): Promise<readonly string[]> {
  return list(record(await getJson(url, signal))['data'], (value) => text(value) ?? '');
}

function selection(selector: string, { startMs, endMs }: Bounds): URLSearchParams {
  const time = { start: String(startMs / 1_000), end: String(endMs / 1_000) };
  return new URLSearchParams(selector === '' ? time : { 'match[]': selector, ...time });
}

function readInfo(value: unknown): MetricInfo {
  const it = record(value);
  return {
    name: text(it['name']) ?? '',
    measurement: text(it['measurement']) ?? '',
    field: text(it['field']) ?? '',
    type: text(it['type']) ?? 'unknown',
    help: text(it['help']) ?? '',
    unit: text(it['unit']) ?? '',
    series: number(it['series']) ?? 0,
  };
}
