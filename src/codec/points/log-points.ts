import type { QueueRecord } from '../../model/batch.ts';
import { type LogBlock, type LogLevel, logFlags, logLevels } from '../../model/log.ts';
import { attributesOf } from '../log-block/attributes.ts';
import { originLabels } from '../log-block/origin-labels.ts';
import type { Point } from './point.ts';

/** DataKit's words; a line that says nothing is `info` there. */
const statusOf: Readonly<Record<LogLevel, string>> = {
  unknown: 'info',
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
  fatal: 'critical',
};
/** DataKit's names of what an origin says. */
const tagNames: Readonly<Record<string, string>> = {
  container: 'container_name',
  pod: 'pod_name',
  node: 'host',
  workload: 'deployment',
};
const workloadKinds = new Set(['deployment', 'statefulset', 'daemonset', 'replicaset', 'cronjob', 'job']);
/** Keys that a logging point may not have. */
const reserved = new Set(['source', 'date']);
const nameless = 'default';

/**
 * Lines as DataKit's logging points: the measurement is the source (by default the container's name), the line is the field
 * `message`, what is known of the pod are tags, and the line's attributes further fields. The time is the runtime's.
 */
export function logPoints(record: Pick<QueueRecord, 'origin' | 'edits'>, block: LogBlock): Point[] {
  const { source, container } = record.origin;
  const measurement = source ?? container ?? nameless;
  const common = tagsOf(record, measurement);
  const tagsByMark: (Readonly<Record<string, string>> | undefined)[] = [];
  const bytes = Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
  return Array.from({ length: block.count }, (_, i) => {
    const [flags, level] = [block.flags[i] ?? 0, block.levels[i] ?? 0];
    const mark = flags * logLevels.length + level;
    const tags = tagsByMark[mark] ?? { ...common, ...marksOf(flags, level) };
    tagsByMark[mark] = tags;
    const message = bytes.toString('utf8', block.offsets[i], block.offsets[i + 1]);
    const attributes = Object.entries(attributesOf(block, i) ?? {}).filter(
      ([key]) => !(reserved.has(key) || key in tags),
    );
    const timeNanos = BigInt(block.seconds[i] ?? 0) * 1_000_000_000n + BigInt(block.nanos[i] ?? 0);
    return { measurement, tags, fields: { ...Object.fromEntries(attributes), message }, timeNanos };
  });
}

function tagsOf(record: Pick<QueueRecord, 'origin' | 'edits'>, service: string): Readonly<Record<string, string>> {
  const labels = Object.entries(originLabels(record)).filter(([name]) => !reserved.has(name));
  // Where the kind of the workload is known, it stands under that.
  const isKindKnown = labels.some(([name]) => workloadKinds.has(name));
  const told = labels.filter(([name]) => !(isKindKnown && name === 'workload'));
  return { service, ...Object.fromEntries(told.map(([name, value]) => [tagNames[name] ?? name, value])) };
}

function marksOf(flags: number, level: number): Readonly<Record<string, string>> {
  return {
    status: statusOf[logLevels[level] ?? 'unknown'],
    stream: (flags & logFlags.stderr) === 0 ? 'stdout' : 'stderr',
    ...((flags & logFlags.truncated) !== 0 && { truncated: 'true' }),
    ...((flags & logFlags.gap) !== 0 && { gap: 'true' }),
  };
}
