import { labelMatchOf } from './label-match.ts';
import { type TimeSpan, timeSpanOf, usualRange } from './time-span.ts';

export const rumTables = ['views', 'resources', 'errors', 'sessions'] as const;
export type RumTable = (typeof rumTables)[number];

export interface RumSearch extends TimeSpan {
  /** `browser=Chrome`; all must hold. */
  readonly match: readonly string[];
  readonly table: RumTable;
  /** Id of the session that is open; '' for none. */
  readonly session: string;
}

export const anyVisit: RumSearch = { match: [], table: 'views', session: '', range: usualRange };

/** Steps of time that are drawn at most. */
export const mostBars = 90;

/** What visits can be narrowed by, as the API names it. */
export const rumNames = ['app_id', 'view', 'service', 'env', 'version', 'browser', 'os', 'device', 'country', 'userid'];

export function rumSearchOf(params: URLSearchParams): RumSearch {
  return {
    match: params.getAll('match').filter((written) => labelMatchOf(written) !== undefined),
    table: rumTables.find((table) => table === params.get('table')) ?? 'views',
    session: params.get('session') ?? '',
    ...timeSpanOf(params),
  };
}

export function rumUrl(
  what: string,
  { match }: Pick<RumSearch, 'match'>,
  more: Readonly<Record<string, number>>,
): string {
  const params = new URLSearchParams(match.map((one) => ['match', one]));
  for (const [name, value] of Object.entries(more)) {
    params.set(name, String(Math.round(value)));
  }
  return `/api/native/rum/${what}?${params}`;
}
