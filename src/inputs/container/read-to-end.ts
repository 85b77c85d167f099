import type { InputRuntime } from '../../contract/input.ts';
import type { ContainerInputOptions } from './container-input.ts';
import { FileTree } from './file-tree.ts';
import { LogCollector } from './log-collector.ts';
import { LogDescriber } from './log-description.ts';
import { accepts } from './log-filters.ts';
import { LogTree } from './log-tree.ts';

export interface ReadLogs {
  /** What is wrong with the patterns of the table and with annotations: whole lines. */
  readonly problems: readonly string[];
  /** Logs that were read, by their paths below the root. */
  readonly read: ReadonlySet<string>;
  /** Logs that are there and are not wanted: path and why. */
  readonly leftOut: ReadonlyMap<string, string>;
}

/** Past all times that something is waited for: the rest of a record, room under a limit. */
const stepMs = 600_000;
/** A log with a limit takes one for each second of it. */
const mostSteps = 100_000;

/**
 * Reads the logs that are there to their ends, as the input does, on a clock of its own that is set forward wherever the input
 * would wait. Resolves when all has been emitted.
 */
export async function readToEnd(options: ContainerInputOptions, runtime: InputRuntime): Promise<ReadLogs> {
  let nowMs = runtime.clock.now();
  const clock = { ...runtime.clock, now: () => nowMs };
  const { root, kubeletRoot } = options;
  const { pods } = options.description;
  const describer = new LogDescriber(options.description);
  const tree = new LogTree({ root, accepts: (origin) => accepts(options, origin) });
  const files = pods && new FileTree({ pods, kubeletRoot });
  const collector = new LogCollector({ ...options, keyPrefix: '', describer }, { ...runtime, clock });
  const look = async (): Promise<void> => {
    const [found, inside] = await Promise.all([tree.look(), files?.look()]);
    if (found !== undefined) {
      await collector.see({ ...found, logs: [...found.logs, ...(inside?.logs ?? [])] });
      await collector.settled();
      for (const { key } of collector.logs) {
        read.add(key);
      }
    }
  };
  const hasMore = (): boolean => collector.logs.some((log) => log.isBusy(nowMs) || log.pausedBy(nowMs) !== undefined);
  const read = new Set<string>();
  await look();
  for (let steps = 0; steps === 0 || (steps < mostSteps && hasMore()); steps++) {
    nowMs += stepMs;
    await look();
  }
  const problems = collector.logs.flatMap(({ description }) => description.problems);
  const { leftOut } = collector;
  await collector.stop();
  return { problems: [...describer.wrongForAll, ...new Set(problems)], read, leftOut };
}
