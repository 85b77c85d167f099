import { ApiError, getJson } from './http.ts';
import { list, number, optional, record, text } from './read.ts';
import { type RumSearch, rumUrl } from './rum-search.ts';
import type { Bounds } from './time-span.ts';

export const vitalNames = ['lcp', 'inp', 'cls', 'fcp', 'ttfb', 'fid'] as const;
export type VitalName = (typeof vitalNames)[number];

export interface Vital {
  readonly count: number;
  /** ms; `cls` has no unit. */
  readonly p75?: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly good: number;
  readonly fair: number;
  readonly poor: number;
}

export type Vitals = Readonly<Record<VitalName, Vital>>;

export interface Overview {
  readonly totals: Readonly<Record<string, number>>;
  readonly exact: boolean;
  readonly startMs: number;
  readonly stepMs: number;
  readonly views: readonly number[];
  readonly errors: readonly number[];
  readonly vitals: Vitals;
}

export interface ViewRow {
  readonly name: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly vitals: Vitals;
}

export interface Resource {
  readonly host: string;
  readonly path: string;
  readonly type: string;
  readonly method: string;
  readonly numbers: Readonly<Record<string, number>>;
  readonly traceId?: string;
}

export interface ErrorGroup {
  readonly message: string;
  readonly type: string;
  readonly source: string;
  readonly count: number;
  readonly sessions: number;
  readonly lastMs: number;
  readonly view: string;
  readonly sessionId?: string;
  readonly traceId?: string;
  readonly stack?: string;
}

export interface Session {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly startMs: number;
  readonly endMs: number;
  readonly numbers: Readonly<Record<string, number>>;
  readonly firstView: string;
  readonly lastView: string;
}

export interface SessionView {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly startMs: number;
  readonly timeSpentMs: number;
  readonly vitals: Readonly<Record<string, number>>;
}

export interface SessionEvent {
  readonly kind: string;
  readonly startMs: number;
  readonly durationMs?: number;
  readonly viewId: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Timeline {
  readonly tags: Readonly<Record<string, string>>;
  readonly views: readonly SessionView[];
  readonly events: readonly SessionEvent[];
  readonly more: number;
}

interface Part {
  readonly bounds: Bounds;
  readonly stepMs: number;
}

function rangeOf({ startMs, endMs }: Bounds): Readonly<Record<'start' | 'end', number>> {
  return { start: startMs, end: endMs };
}

export async function loadOverview(
  search: RumSearch,
  { bounds, stepMs }: Part,
  signal: AbortSignal,
): Promise<Overview> {
  // The end belongs to the range: one step more would begin there.
  const range = { start: bounds.startMs, end: bounds.endMs - 1, step: stepMs };
  const it = record(await getJson(rumUrl('overview', search, range), signal));
  const series = record(it['series']);
  return {
    totals: numbersOf(it['totals']),
    exact: it['exact'] !== false,
    startMs: number(it['startMs']) ?? 0,
    stepMs: number(it['stepMs']) ?? 1,
    views: list(series['views'], (value) => number(value) ?? 0),
    errors: list(series['errors'], (value) => number(value) ?? 0),
    vitals: vitalsOf(it['vitals']),
  };
}

export async function loadViews(search: RumSearch, bounds: Bounds, signal: AbortSignal): Promise<readonly ViewRow[]> {
  const it = record(await getJson(rumUrl('views', search, rangeOf(bounds)), signal));
  return list(it['views'], (value) => {
    const row = record(value);
    return { name: text(row['name']) ?? '', counts: numbersOf(row), vitals: vitalsOf(row['vitals']) };
  });
}

export async function loadResources(
  search: RumSearch,
  bounds: Bounds,
  signal: AbortSignal,
): Promise<readonly Resource[]> {
  const it = record(await getJson(rumUrl('resources', search, rangeOf(bounds)), signal));
  return list(it['resources'], (value) => {
    const row = record(value);
    const { host = '', path = '', type = '', method = '' } = textsOf(row);
    return { host, path, type, method, numbers: numbersOf(row), ...optional('traceId', text(row['traceId'])) };
  });
}

export async function loadErrors(
  search: RumSearch,
  bounds: Bounds,
  signal: AbortSignal,
): Promise<readonly ErrorGroup[]> {
  const it = record(await getJson(rumUrl('errors', search, rangeOf(bounds)), signal));
  return list(it['errors'], (value) => {
    const row = record(value);
    const { message = '', type = '', source = '', view = '' } = textsOf(row);
    const { count = 0, sessions = 0, lastMs = 0 } = numbersOf(row);
    const more = { ...optional('sessionId', text(row['sessionId'])), ...optional('traceId', text(row['traceId'])) };
    return { message, type, source, view, count, sessions, lastMs, ...more, ...optional('stack', text(row['stack'])) };
  });
}

export async function loadSessions(
  search: RumSearch,
  bounds: Bounds,
  signal: AbortSignal,
): Promise<readonly Session[]> {
  const it = record(await getJson(rumUrl('sessions', search, rangeOf(bounds)), signal));
  return list(it['sessions'], (value) => {
    const row = record(value);
    const { id = '', firstView = '', lastView = '' } = textsOf(row);
    const numbers = numbersOf(row);
    const { startMs = 0, endMs = 0 } = numbers;
    return { id, firstView, lastView, numbers, startMs, endMs, tags: textsOf(row['tags']) };
  });
}

/** Undefined when nothing of it is kept. */
export async function loadTimeline(id: string, signal: AbortSignal): Promise<Timeline | undefined> {
  try {
    const it = record(await getJson(`/api/native/rum/session/${encodeURIComponent(id)}`, signal));
    return {
      tags: textsOf(it['tags']),
      views: list(it['views'], viewOf),
      events: list(it['events'], eventOf),
      more: number(it['more']) ?? 0,
    };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return undefined;
    }
    throw error;
  }
}

export async function loadRumValues(
  name: string,
  { startMs, endMs }: Bounds,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const url = rumUrl(`values/${encodeURIComponent(name)}`, { match: [] }, { start: startMs, end: endMs });
  return list(await getJson(url, signal), (value) => text(value) ?? '');
}

function viewOf(value: unknown): SessionView {
  const it = record(value);
  const { id = '', name = '', url = '' } = textsOf(it);
  const { startMs = 0, timeSpentMs = 0 } = numbersOf(it);
  return { id, name, url, startMs, timeSpentMs, vitals: numbersOf(it['vitals']) };
}

function eventOf(value: unknown): SessionEvent {
  const it = record(value);
  const attributes = Object.entries(record(it['attributes'])).map(([key, one]) => [key, String(one)] as const);
  return {
    kind: text(it['kind']) ?? '',
    startMs: number(it['startMs']) ?? 0,
    ...optional('durationMs', number(it['durationMs'])),
    viewId: text(it['viewId']) ?? '',
    attributes: Object.fromEntries(attributes),
  };
}

function vitalsOf(value: unknown): Vitals {
  const it = record(value);
  const read = vitalNames.map((name) => {
    const { count = 0, good = 0, fair = 0, poor = 0, p50, p75, p99 } = numbersOf(it[name]);
    const at = { ...optional('p50', p50), ...optional('p75', p75), ...optional('p99', p99) };
    return [name, { count, good, fair, poor, ...at }] as const;
  });
  return Object.fromEntries(read) as Vitals;
}

function numbersOf(value: unknown): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(record(value)).flatMap(([key, one]) => (typeof one === 'number' ? [[key, one]] : [])),
  );
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record(value)).flatMap(([key, one]) => (typeof one === 'string' ? [[key, one]] : [])),
  );
}
