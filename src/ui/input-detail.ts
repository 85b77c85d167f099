import { list, number, optional, record, text } from './read.ts';

/** A page that `prom` scrapes. Times are ms since 1970. */
export interface TargetView {
  readonly url: string;
  readonly pod?: string;
  readonly state: string;
  readonly lastMs?: number;
  readonly nextMs?: number;
  readonly durationMs?: number;
  readonly samples?: number;
  readonly error?: string;
  readonly hint?: string;
}

/** A file of a container's log. */
export interface LogFileView {
  readonly file: string;
  readonly source: string;
  readonly state: string;
  readonly lagBytes: number;
  readonly lines: number;
  readonly problem?: string;
}

/** What an input says of itself beyond its books, as far as the page knows how to show it. */
export interface InputDetail {
  readonly targets: readonly TargetView[];
  readonly files: readonly LogFileView[];
  /** Why it brings nothing at all. */
  readonly problem?: string;
}

export function readDetail(value: unknown): InputDetail {
  const it = record(value);
  return {
    targets: list(it['targets'], readTarget),
    files: list(it['files'], readFile),
    ...optional('problem', text(it['problem'])),
  };
}

/** Files that are still of interest: what was rotated away and read to its end is not. Worst first. */
export function openFiles(files: readonly LogFileView[]): readonly LogFileView[] {
  const rank = ({ problem, lagBytes }: LogFileView): number => (problem !== undefined ? 0 : lagBytes > 0 ? 1 : 2);
  return files
    .filter(({ state, lagBytes, problem }) => state !== 'done' || lagBytes > 0 || problem !== undefined)
    .toSorted((a, b) => rank(a) - rank(b) || (a.source < b.source ? -1 : a.source > b.source ? 1 : 0));
}

function readTarget(value: unknown): TargetView {
  const it = record(value);
  return {
    url: text(it['url']) ?? '',
    ...optional('pod', text(it['pod']) ?? text(record(it['tags'])['pod'])),
    state: text(it['state']) ?? '',
    ...optional('lastMs', number(it['lastMs'])),
    ...optional('nextMs', number(it['nextMs'])),
    ...optional('durationMs', number(it['durationMs'])),
    ...optional('samples', number(it['samples'])),
    ...optional('error', text(it['error'])),
    ...optional('hint', text(it['hint'])),
  };
}

function readFile(value: unknown): LogFileView {
  const it = record(value);
  const source = ['namespace', 'pod', 'container'].map((name) => text(it[name]) ?? '').filter((part) => part !== '');
  return {
    file: text(it['file']) ?? '',
    source: source.join(' / '),
    state: text(it['state']) ?? '',
    lagBytes: number(it['lagBytes']) ?? 0,
    lines: number(it['lines']) ?? 0,
    ...optional('problem', text(it['problem'])),
  };
}
