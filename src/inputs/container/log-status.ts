import type { ContainerLog } from './container-log.ts';
import type { LogCollector } from './log-collector.ts';
import type { LogFile } from './log-file.ts';
import { containerOfLog, originOfLog } from './log-path.ts';

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
export function showLogs(logs: readonly ContainerLog[], nowMs: number): object {
  const files = logs.flatMap((log) => log.files.map((file) => ({ log, file })));
  const shown = files.sort((a, b) => b.file.lagBytes - a.file.lagBytes).slice(0, maxShown);
  return {
    logs: logs.length,
    lines: sum(logs, (log) => log.counts.lines),
    malformedLines: sum(logs, (log) => log.counts.malformed),
    cutBytes: sum(logs, (log) => log.cutBytes),
    leftOutLines: sum(logs, (log) => log.counts.leftOut),
    pausedLogs: logs.filter((log) => log.pausedBy(nowMs) !== undefined).length,
    awaitedFiles: sum(logs, (log) => log.awaitedFiles),
    openRecords: logs.filter((log) => log.hasOpenRecord).length,
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
      ...limitOf(log, nowMs),
      ...(log.description.rule === undefined ? {} : { rule: log.description.rule }),
      ...(log.problem === undefined ? {} : { problem: log.problem }),
    })),
  };
}

function limitOf(log: ContainerLog, nowMs: number): object {
  const paused = log.pausedBy(nowMs);
  return {
    ...(log.counts.leftOut > 0 && { leftOutLines: log.counts.leftOut }),
    ...(paused !== undefined && { waitsForLimitOf: paused }),
  };
}

/** What annotations say that can't be followed, and what is there and not read. Each container once. */
export function showDescriptions({ logs, leftOut }: Pick<LogCollector, 'logs' | 'leftOut'>): object {
  const problems = logs.flatMap(({ description: { origin, problems: lines } }) =>
    lines.map((line) => `${origin.namespace}/${origin.pod}, container ${origin.container}: ${line}`),
  );
  const containers = new Map([...leftOut].map(([path, reason]) => [containerOfLog(path), reason]));
  const shown = [...containers].slice(0, maxShown).map(([path, reason]) => {
    const { namespace, pod, container } = originOfLog(`${path}/`);
    return { namespace, pod, container, reason };
  });
  return {
    leftOutContainers: containers.size,
    ...(shown.length > 0 && { leftOut: shown }),
    ...(problems.length > 0 && { annotationProblems: [...new Set(problems)].slice(0, maxShown) }),
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
