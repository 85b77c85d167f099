import type { ContainerLog } from './container-log.ts';
import type { LogFile } from './log-file.ts';

/**
 * `active`: a runtime writes it. `rotated`: renamed, its rest is being read. `deleted`: read from the descriptor that we hold.
 * `done`: read to its end. `dangling`: a link that leads to nothing.
 */
export type FileState = 'active' | 'rotated' | 'deleted' | 'done' | 'dangling';
export const fileStates: readonly FileState[] = ['active', 'rotated', 'deleted', 'done', 'dangling'];

/** Files that are shown one by one; the counts are of all. */
const maxShown = 200;

export function stateOf(file: LogFile): FileState {
  if (file.done) {
    return 'done';
  }
  return file.gone ? 'deleted' : file.seen.active ? 'active' : 'rotated';
}

/** The files furthest behind first. */
export function showLogs(logs: readonly ContainerLog[]): object {
  const files = logs.flatMap((log) => log.files.map((file) => ({ log, file })));
  const shown = files.sort((a, b) => b.file.lagBytes - a.file.lagBytes).slice(0, maxShown);
  return {
    logs: logs.length,
    lines: sum(logs, (log) => log.counts.lines),
    malformedLines: sum(logs, (log) => log.counts.malformed),
    cutBytes: sum(logs, (log) => log.cutBytes),
    lagBytes: sum(files, ({ file }) => file.lagBytes),
    fileCounts: Object.fromEntries(
      fileStates.slice(0, -1).map((state) => [state, files.filter(({ file }) => stateOf(file) === state).length]),
    ),
    files: shown.map(({ log, file }) => ({
      ...log.origin,
      file: file.seen.path,
      state: stateOf(file),
      offset: file.framed,
      size: file.seen.size,
      lagBytes: file.lagBytes,
      lines: log.counts.lines,
      ...(log.problem === undefined ? {} : { problem: log.problem }),
    })),
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
