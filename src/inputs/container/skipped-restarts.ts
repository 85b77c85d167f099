import { dirname } from 'node:path';

/** Restarts of a container whose logs came and went while nobody looked. */
export interface SkippedRestarts {
  /** Path of the log before them. */
  readonly before: string;
  /** Path of the log behind them. */
  readonly behind: string;
  /** What they were called: `4.log`, or `4.log to 6.log`. */
  readonly names: string;
}

/** Compares the logs that are there with those that were known. A kubelet numbers a container's restarts without a hole. */
export function skippedRestarts(known: Iterable<string>, found: Iterable<string>): readonly SkippedRestarts[] {
  const newest = new Map<string, number>();
  const knownPaths = new Set(known);
  for (const path of knownPaths) {
    const directory = dirname(path);
    newest.set(directory, Math.max(newest.get(directory) ?? -1, restartOf(path)));
  }
  const next = new Map<string, number>();
  for (const path of found) {
    const directory = dirname(path);
    const restart = restartOf(path);
    if (!knownPaths.has(path) && restart > (newest.get(directory) ?? Number.POSITIVE_INFINITY)) {
      next.set(directory, Math.min(next.get(directory) ?? restart, restart));
    }
  }
  return [...next].flatMap(([directory, restart]) => {
    const last = newest.get(directory) ?? restart;
    const [from, to] = [last + 1, restart - 1];
    return to < from ? [] : [skipped(directory, { last, restart, from, to })];
  });
}

function skipped(
  directory: string,
  {
    last,
    restart,
    from,
    to,
  }: { readonly last: number; readonly restart: number; readonly from: number; readonly to: number },
): SkippedRestarts {
  const names = from === to ? `${from}.log` : `${from}.log to ${to}.log`;
  return { before: `${directory}/${last}.log`, behind: `${directory}/${restart}.log`, names };
}

/** -1 when it is no number. */
function restartOf(path: string): number {
  const number = /\/(\d+)[.]log$/.exec(path)?.[1];
  return number === undefined ? -1 : Number(number);
}
