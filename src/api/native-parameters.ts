import { RE2JS } from 're2js';
import { BridgeError } from '../contract/errors.ts';
import type { LabelMatcher, LogQuery, RumQuery, TimeRange } from '../contract/store.ts';
import { logLevels } from '../model/log.ts';
import { rfc3339Ms } from './instants.ts';

const hourMs = 3_600_000;
const defaultLines = 200;
const maxLines = 5_000;
const defaultBuckets = 60;
const maxBuckets = 11_000;

function bad(name: string, what: string): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `${name}: ${what}`);
}

/** A parameter that means nothing here would be taken for a filter that held: it is refused. */
export function onlyKnown(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (!known.includes(name)) {
      const asLabel = known.includes('match') ? `; a label is asked for with match=${name}=VALUE` : '';
      throw bad(name, `there is no such parameter; there are ${known.join(', ')}${asLabel}`);
    }
  }
}

function instant(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') {
    return undefined;
  }
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : rfc3339Ms(text);
  if (ms === undefined) {
    throw bad(name, `"${text}" is neither ms since 1970 nor a time such as 2026-01-31T12:00:00Z`);
  }
  return ms;
}

/** One that must be there. */
export function instantOf(query: URLSearchParams, name: string): number {
  const ms = instant(query, name);
  if (ms === undefined) {
    throw bad(name, 'it is missing');
  }
  return ms;
}

/** `start` and `end`; the last hour where they are not there. */
export function rangeOf(query: URLSearchParams, nowMs: number): TimeRange {
  const endMs = instant(query, 'end') ?? nowMs;
  const startMs = instant(query, 'start') ?? endMs - hourMs;
  if (endMs < startMs) {
    throw bad('end', 'it is before start');
  }
  return { startMs, endMs };
}

/** A whole number from `least` on; undefined where it is not there. */
export function wholeNumber(query: URLSearchParams, name: string, most: number, least = 1): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') {
    return undefined;
  }
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw bad(name, `"${text}" is not a whole number from ${least} to ${most}`);
  }
  return number;
}

/** Of rows; `usual` where it is not there. */
export function rowLimit(query: URLSearchParams, usual: number): number {
  return wholeNumber(query, 'limit', maxLines) ?? usual;
}

export function lineLimit(query: URLSearchParams): number {
  return wholeNumber(query, 'limit', maxLines) ?? defaultLines;
}

/** The width of a bucket; a sixtieth of the range where it is not there. */
export function bucketMs(query: URLSearchParams, { startMs, endMs }: TimeRange): number {
  const stepMs =
    wholeNumber(query, 'step', Number.MAX_SAFE_INTEGER) ?? Math.max(1, Math.ceil((endMs - startMs) / defaultBuckets));
  if (Math.floor((endMs - startMs) / stepMs) >= maxBuckets) {
    throw bad('step', `${stepMs} ms makes more than ${maxBuckets} buckets of this range`);
  }
  return stepMs;
}

/** An answer's `next`, given back. */
export function cursor(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  if (text === '') {
    throw bad(name, 'it is empty; leave it out, or give the "next" of an earlier answer');
  }
  return text ?? undefined;
}

/** The `id` of a line of an earlier answer. */
export function lineId(query: URLSearchParams): string {
  const id = query.get('id') ?? '';
  if (id === '') {
    throw new BridgeError('BRIDGE_DECODE', '`id` is missing');
  }
  return id;
}

export function logQuery(query: URLSearchParams, range: TimeRange): LogQuery {
  const logql = query.get('logql')?.trim() ?? '';
  return {
    ...range,
    matchers: query.getAll('match').map(matcher),
    texts: query.getAll('text').filter((text) => text !== ''),
    levels: query.getAll('level').map(level),
    ...(logql === '' ? {} : { logql }),
  };
}

export function rumQuery(query: URLSearchParams, range: TimeRange): RumQuery {
  return { ...range, matchers: query.getAll('match').map(matcher) };
}

function matcher(text: string): LabelMatcher {
  const [, name, op, value = ''] = /^([^=!~]+)(=~|!~|!=|=)(.*)$/s.exec(text) ?? [];
  if (name === undefined || (op !== '=' && op !== '!=' && op !== '=~' && op !== '!~')) {
    throw bad('match', `"${text}" is not of the form name=value, name!=value, name=~pattern or name!~pattern`);
  }
  if (op === '=~' || op === '!~') {
    checkPattern(value);
  }
  return { name, op, value };
}

function checkPattern(pattern: string): void {
  try {
    RE2JS.compile(pattern);
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', `match: "${pattern}" is not a regular expression of RE2`, { cause });
  }
}

function level(text: string): string {
  const known = logLevels.find((name) => name === text);
  if (known === undefined) {
    throw bad('level', `"${text}" is none of ${logLevels.join(', ')}`);
  }
  return known;
}
