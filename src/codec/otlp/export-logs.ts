import type { QueueRecord } from '../../model/batch.ts';
import { type LogBlock, type LogLevel, logFlags, logLevels } from '../../model/log.ts';
import type { FieldValue } from '../../model/rum.ts';
import { attributesOf } from '../log-block/attributes.ts';
import type { IdOf, OtlpAttribute } from './export-spans.ts';
import { attributesOfOrigin } from './origin-attributes.ts';

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

/** Attributes of a line that are members of a log record (`otlpLogBlocks` makes them). */
const members = {
  traceId: 'trace_id',
  spanId: 'span_id',
  eventName: 'event_name',
  severityNumber: 'severity_number',
  severityText: 'severity_text',
} as const;
const scopeNames = { name: 'scope_name', version: 'scope_version' } as const;
const spent: ReadonlySet<string> = new Set([...Object.values(members), ...Object.values(scopeNames)]);
const traceIdPattern = /^[0-9a-f]{32}$/;
const spanIdPattern = /^[0-9a-f]{16}$/;

type Line = Readonly<Record<string, FieldValue>>;

/** What is not said where nothing is known of it. */
export interface LineIds {
  readonly traceId?: string | Uint8Array;
  readonly spanId?: string | Uint8Array;
  readonly eventName?: string;
}
export interface LineSeverity {
  readonly severityNumber?: number;
  readonly severityText?: string;
}

/** The lines of one record as ResourceLogs, by the scope that they name; bytes that are not UTF-8 are replaced. */
export function resourceLogs(
  block: LogBlock,
  record: Pick<QueueRecord, 'origin' | 'edits' | 'receivedAtMs'>,
  idOf: IdOf,
): object {
  const bytes = Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
  const scopes = new Map<string, { readonly scope?: object; readonly logRecords: object[] }>();
  for (let index = 0; index < block.count; index++) {
    const line = attributesOf(block, index) ?? {};
    const name = String(line[scopeNames.name] ?? '');
    const version = String(line[scopeNames.version] ?? '');
    const key = `${name}\n${version}`;
    const scope = scopes.get(key) ?? { ...scopeOf(name, version), logRecords: [] };
    scopes.set(key, scope);
    const body = bytes.toString('utf8', block.offsets[index], block.offsets[index + 1]);
    scope.logRecords.push({
      timeUnixNano: `${block.seconds[index] ?? 0}${String(block.nanos[index] ?? 0).padStart(9, '0')}`,
      observedTimeUnixNano: `${record.receivedAtMs}000000`,
      ...severityOf(logLevels[block.levels[index] ?? 0] ?? 'unknown', line),
      body: { stringValue: body },
      attributes: [...marksOf(block.flags[index] ?? 0), ...ownOf(line)],
      ...idsOf(line, idOf),
    });
  }
  return { resource: { attributes: resourceAttributes(record) }, scopeLogs: [...scopes.values()] };
}

function scopeOf(name: string, version: string): object {
  return name === '' && version === ''
    ? {}
    : { scope: { ...(name !== '' && { name }), ...(version !== '' && { version }) } };
}

export function severityOf(level: LogLevel, line: Line): LineSeverity {
  const number = Number(line[members.severityNumber] ?? severities[level]);
  const said = String(line[members.severityText] ?? (level === 'unknown' ? '' : level));
  return {
    ...(number > 0 && { severityNumber: number }),
    ...(said !== '' && { severityText: said }),
  };
}

export function marksOf(flags: number): OtlpAttribute[] {
  return [
    text('log.iostream', (flags & logFlags.stderr) === 0 ? 'stdout' : 'stderr'),
    ...((flags & logFlags.truncated) === 0 ? [] : [text('log.truncated', 'true')]),
    ...((flags & logFlags.gap) === 0 ? [] : [text('log.gap', 'true')]),
  ];
}

/** The line's attributes without what is a member of the record; ids that are none stay attributes. */
export function ownOf(line: Line): OtlpAttribute[] {
  const ids = idsOf(line, (id) => id);
  return Object.entries(line).flatMap(([key, value]) => {
    const isLostId = (key === members.traceId && !('traceId' in ids)) || (key === members.spanId && !('spanId' in ids));
    return spent.has(key) && !isLostId ? [] : [attribute(key, value)];
  });
}

export function idsOf(line: Line, idOf: IdOf): LineIds {
  const { trace_id: trace, span_id: span, event_name: event } = line;
  return {
    ...(typeof trace === 'string' && traceIdPattern.test(trace) && { traceId: idOf(trace) }),
    ...(typeof span === 'string' && spanIdPattern.test(span) && { spanId: idOf(span) }),
    ...(typeof event === 'string' && event !== '' && { eventName: event }),
  };
}

/** The origin, and under it the tags that were added on the way. */
export function resourceAttributes({ origin, edits }: Pick<QueueRecord, 'origin' | 'edits'>): OtlpAttribute[] {
  const all = new Map([...Object.entries(edits?.add ?? {}), ...attributesOfOrigin(origin)]);
  for (const key of edits?.drop ?? []) {
    all.delete(key);
  }
  return [...all].filter(([, value]) => value !== '').map(([key, value]) => text(key, value));
}

function attribute(key: string, value: FieldValue): OtlpAttribute {
  if (typeof value === 'string') {
    return text(key, value);
  }
  if (typeof value === 'boolean') {
    return { key, value: { boolValue: value } };
  }
  return { key, value: Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value } };
}

function text(key: string, value: string): OtlpAttribute {
  return { key, value: { stringValue: value } };
}
