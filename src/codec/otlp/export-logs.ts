import type { Origin } from '../../model/batch.ts';
import { type LogBlock, type LogLevel, logFlags, logLevels } from '../../model/log.ts';
import type { OtlpAttribute } from './export-spans.ts';

/** Severity numbers of OpenTelemetry's log data model, the first of each range. */
const severities: Readonly<Record<LogLevel, number>> = {
  unknown: 0,
  trace: 1,
  debug: 5,
  info: 9,
  warn: 13,
  error: 17,
  fatal: 21,
};

/** OpenTelemetry's names of what an origin says. */
const resourceKeys: Readonly<Record<keyof Origin, string>> = {
  node: 'k8s.node.name',
  namespace: 'k8s.namespace.name',
  pod: 'k8s.pod.name',
  podUid: 'k8s.pod.uid',
  container: 'k8s.container.name',
  workload: 'k8s.workload.name',
  app: 'app',
  version: 'service.version',
  source: 'service.name',
};

/** The lines of one block as ResourceLogs; bytes that are not UTF-8 are replaced. */
export function resourceLogs(block: LogBlock, origin: Origin, receivedAtMs: number): object {
  const bytes = Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
  const observed = `${receivedAtMs}000000`;
  const logRecords = Array.from({ length: block.count }, (_, index) => {
    const flags = block.flags[index] ?? 0;
    const level = logLevels[block.levels[index] ?? 0] ?? 'unknown';
    const body = bytes.toString('utf8', block.offsets[index], block.offsets[index + 1]);
    return {
      timeUnixNano: `${block.seconds[index] ?? 0}${String(block.nanos[index] ?? 0).padStart(9, '0')}`,
      observedTimeUnixNano: observed,
      ...(level !== 'unknown' && { severityNumber: severities[level], severityText: level }),
      body: { stringValue: body },
      attributes: [
        text('log.iostream', (flags & logFlags.stderr) === 0 ? 'stdout' : 'stderr'),
        ...((flags & logFlags.truncated) === 0 ? [] : [text('log.truncated', 'true')]),
        ...((flags & logFlags.gap) === 0 ? [] : [text('log.gap', 'true')]),
      ],
    };
  });
  return { resource: { attributes: resourceAttributes(origin) }, scopeLogs: [{ logRecords }] };
}

function resourceAttributes(origin: Origin): OtlpAttribute[] {
  return Object.entries(resourceKeys).flatMap(([field, key]) => {
    const value = origin[field as keyof Origin];
    return value === undefined ? [] : [text(key, value)];
  });
}

function text(key: string, value: string): OtlpAttribute {
  return { key, value: { stringValue: value } };
}
