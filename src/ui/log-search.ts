import { labelMatchOf } from './label-match.ts';
import { type TimeSpan, timeSpanOf, usualRange } from './time-span.ts';

/** Severities as the API names them, worst first. */
export const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const;
export type Level = (typeof levels)[number];

export interface LogSearch extends TimeSpan {
  /** `namespace=prod`; all must hold. */
  readonly match: readonly string[];
  readonly text: string;
  /** None: all. */
  readonly level: readonly Level[];
}

export const anyLines: LogSearch = { match: [], text: '', level: [], range: usualRange };

export function logSearchOf(params: URLSearchParams): LogSearch {
  return {
    match: params.getAll('match').filter((written) => labelMatchOf(written) !== undefined),
    text: params.get('text') ?? '',
    level: levels.filter((level) => params.getAll('level').includes(level)),
    ...timeSpanOf(params),
  };
}

/** What narrows the lines, without the time: the same for search, counts and tail. */
export function logFilter(search: LogSearch): URLSearchParams {
  const params = new URLSearchParams();
  for (const match of search.match) {
    params.append('match', match);
  }
  if (isLogql(search.text)) {
    params.set('logql', search.text.trim());
  } else {
    for (const text of textsOf(search.text)) {
      params.append('text', text);
    }
  }
  for (const level of search.level) {
    params.append('level', level);
  }
  return params;
}

export function logsUrl(
  what: 'search' | 'counts' | 'tail',
  search: LogSearch,
  more: Readonly<Record<string, string | number | undefined>>,
): string {
  const params = logFilter(search);
  for (const [name, value] of Object.entries(more)) {
    if (value !== undefined) {
      params.set(name, String(value));
    }
  }
  return `/api/native/logs/${what}?${params}`;
}

/** A selector of LogQL begins so, and no search for words needs to. */
export function isLogql(typed: string): boolean {
  return typed.trimStart().startsWith('{');
}

/** Words are looked for one by one, `"what is quoted"` as a whole; of LogQL, the texts that lines must hold. */
export function textsOf(typed: string): readonly string[] {
  if (isLogql(typed)) {
    return [...typed.matchAll(/\|=\s*(?:"([^"\\]*)"|`([^`]*)`)/g)]
      .map((found) => found[1] ?? found[2] ?? '')
      .filter((text) => text !== '');
  }
  return [...typed.matchAll(/"([^"]*)"?|(\S+)/g)]
    .map((found) => found[1] ?? found[2] ?? '')
    .filter((text) => text !== '');
}
