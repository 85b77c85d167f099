import { getJson } from './http.ts';
import { type Level, type LogSearch, levels, logsUrl } from './log-search.ts';
import { list, number, optional, record, text } from './read.ts';
import type { Bounds } from './time-span.ts';

export interface LogLine {
  /** Tells lines of equal content apart. */
  readonly id: string;
  /** RFC 3339 with ns. */
  readonly time: string;
  readonly timeMs: number;
  readonly message: string;
  readonly level: Level;
  readonly stream: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What is known of it beside its text, and what an access log says. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
  readonly traceId?: string;
  /** It is no line: it says that some are missing here. */
  readonly gap?: true;
}

export interface LinesView {
  readonly lines: readonly LogLine[];
  /** Where the next part goes on; undefined at the end. */
  readonly next?: string;
}

/** Lines of each level in each step of time. */
export interface CountsView {
  readonly startMs: number;
  readonly stepMs: number;
  readonly total: number;
  readonly levels: ReadonlyMap<Level, readonly number[]>;
}

export interface SearchPart extends Bounds {
  readonly limit: number;
  readonly before?: string;
}

/** Newest first. */
export async function searchLines(search: LogSearch, part: SearchPart, signal: AbortSignal): Promise<LinesView> {
  const { startMs, endMs, limit, before } = part;
  const more = { start: Math.floor(startMs), end: Math.ceil(endMs), limit, before };
  return readLines(await getJson(logsUrl('search', search, more), signal));
}

/** What arrived after, in the order of arrival; without `after` only where to go on. */
export async function tailLines(
  search: LogSearch,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
  signal: AbortSignal,
): Promise<LinesView> {
  return readLines(await getJson(logsUrl('tail', search, { limit, after }), signal));
}

export interface ContextView {
  /** Oldest first. */
  readonly before: readonly LogLine[];
  readonly after: readonly LogLine[];
}

/** What the line's container wrote around it, so many lines each way. */
export async function linesAround(line: LogLine, count: number, signal: AbortSignal): Promise<ContextView> {
  const asked = { id: line.id, time: String(line.timeMs), before: String(count), after: String(count) };
  const it = record(await getJson(`/api/native/logs/context?${new URLSearchParams(asked)}`, signal));
  return { before: list(it['before'], readLine), after: list(it['after'], readLine) };
}

export async function countLines(
  search: LogSearch,
  { bounds, stepMs }: { readonly bounds: Bounds; readonly stepMs: number },
  signal: AbortSignal,
): Promise<CountsView> {
  const url = logsUrl('counts', search, { start: bounds.startMs, end: bounds.endMs, step: stepMs });
  return readCounts(await getJson(url, signal));
}

export async function loadLogLabels({ startMs, endMs }: Bounds, signal: AbortSignal): Promise<readonly string[]> {
  return list(await getJson(`/api/native/logs/labels?start=${startMs}&end=${endMs}`, signal), nameOf);
}

export async function loadLogValues(
  name: string,
  { startMs, endMs }: Bounds,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const url = `/api/native/logs/label/${encodeURIComponent(name)}/values?start=${startMs}&end=${endMs}`;
  return list(await getJson(url, signal), nameOf);
}

function readLines(value: unknown): LinesView {
  const it = record(value);
  return { lines: list(it['lines'], readLine), ...optional('next', text(it['next'])) };
}

function readLine(value: unknown): LogLine {
  const it = record(value);
  return {
    id: text(it['id']) ?? '',
    time: text(it['time']) ?? '',
    timeMs: number(it['timeMs']) ?? 0,
    message: text(it['message']) ?? '',
    level: levelOf(text(it['level'])),
    stream: text(it['stream']) ?? '',
    labels: textsIn(it['labels']),
    attributes: textsIn(it['attributes']),
    fields: textsIn(it['fields']),
    ...optional('traceId', text(it['traceId'])),
    ...(it['gap'] === true && { gap: true }),
  };
}

function textsIn(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(value)).map(([name, each]) => [name, String(each)]));
}

function readCounts(value: unknown): CountsView {
  const it = record(value);
  const counted = Object.entries(record(it['levels'])).map(
    ([level, counts]) => [levelOf(level), list(counts, (count) => number(count) ?? 0)] as const,
  );
  return {
    startMs: number(it['startMs']) ?? 0,
    stepMs: number(it['stepMs']) ?? 1,
    total: number(it['total']) ?? 0,
    levels: new Map(counted),
  };
}

function levelOf(name: string | undefined): Level {
  return levels.find((level) => level === name) ?? 'unknown';
}

function nameOf(value: unknown): string {
  return text(value) ?? '';
}
