import { quantile } from '../lane/child.ts';
import type { Measured, Row, Workload } from './course.ts';
import { meshbridge, vmagent } from './peers.ts';

/** meshbridge at pages of which one line comes or goes a minute. */
export const changing = `${meshbridge.name}, one line a minute changes`;

export interface Result {
  readonly workload: Workload;
  readonly rows: readonly Row[];
}

export function medianOf({ runs }: Row, key: keyof Measured): number {
  return quantile(
    runs.map((run) => run[key]),
    0.5,
  );
}

/** Lines of Markdown. */
export function report(results: readonly Result[]): readonly string[] {
  const head =
    '| peer | samples/s | CPU-s per M samples | cores | VmHWM MB | bytes a sample sent | samples served | lost | values compared, wrong |';
  return results.flatMap(({ workload, rows }) => [
    '',
    workload.title,
    '',
    head,
    '|---|---|---|---|---|---|---|---|---|',
    ...rows.map(rowText),
    '',
    ...ratios(rows),
    ...rows.flatMap(({ peer, examples }) => examples.slice(0, 3).map((example) => `${peer}: wrong value ${example}`)),
  ]);
}

function rowText(row: Row): string {
  const number = (key: keyof Measured, digits: number): string => medianOf(row, key).toFixed(digits);
  const cells = [
    row.peer,
    number('samplesPerSecond', 0),
    number('cpuPerMillion', 2),
    number('cores', 4),
    row.peakMegabytes.toFixed(0),
    (row.bytes / (row.sent - row.lost)).toFixed(0),
    row.sent,
    row.lost,
    `${row.checked}, ${row.wrong}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function ratios(rows: readonly Row[]): readonly string[] {
  const ours = rows.find(({ peer }) => peer === meshbridge.name);
  if (ours === undefined) {
    return [];
  }
  const cpu = medianOf(ours, 'cpuPerMillion');
  const theirs = rows.find(({ peer }) => peer === vmagent.name);
  const changed = rows.find(({ peer }) => peer === changing);
  return [
    ...(theirs === undefined
      ? []
      : [`CPU ${(cpu / medianOf(theirs, 'cpuPerMillion')).toFixed(3)} × ${vmagent.name}'s`]),
    ...(changed === undefined
      ? []
      : [`one line a minute changes: ${(medianOf(changed, 'cpuPerMillion') / cpu).toFixed(2)} × the still page's CPU`]),
  ];
}
