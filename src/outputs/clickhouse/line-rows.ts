import { type Attributes, attributesOf } from '../../codec/log-block/attributes.ts';
import { idsOf, marksOf, ownOf, resourceAttributes, severityOf } from '../../codec/otlp/export-logs.ts';
import { attributeText, type OtlpAttribute } from '../../codec/otlp/export-spans.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { type LogBlock, type LogLevel, logLevels } from '../../model/log.ts';
import { type JsonRows, jsonOf } from './json.ts';
import { timeText } from './time.ts';

type Facts = Pick<QueueRecord, 'origin' | 'edits'>;

/** Rows of `otel_logs`. */
export function lineRows(block: LogBlock, record: Facts, rows: JsonRows): void {
  const lines = new LineJson(record);
  for (let i = 0; i < block.count; i++) {
    rows.raw(lines.headOf(block, i));
    rows.raw(`"Timestamp":"${timeText(block.seconds[i] ?? 0, block.nanos[i] ?? 0)}","Body":`);
    rows.quoted(block.bytes.subarray(block.offsets[i], block.offsets[i + 1]));
    rows.raw('}');
    rows.endRow();
  }
}

/** What is said of the lines of one record beside their text and time: the same for all with equal flags and level and no attributes. */
class LineJson {
  readonly #resource: string;
  readonly #byMark: (string | undefined)[] = [];

  constructor(record: Facts) {
    const resource = record.origin;
    const service = resource.source ?? resource.app ?? resource.workload ?? resource.container ?? '';
    this.#resource = `"ServiceName":${jsonOf(service)},"ResourceAttributes":${mapJson(resourceAttributes(record))},`;
  }

  headOf(block: LogBlock, index: number): string {
    const flags = block.flags[index] ?? 0;
    const level = block.levels[index] ?? 0;
    const attributes = block.attributes === undefined ? undefined : attributesOf(block, index);
    if (attributes !== undefined) {
      return this.#make(flags, level, attributes);
    }
    const mark = flags * logLevels.length + level;
    const head = this.#byMark[mark] ?? this.#make(flags, level, {});
    this.#byMark[mark] = head;
    return head;
  }

  #make(flags: number, level: number, line: Attributes): string {
    const name: LogLevel = logLevels[level] ?? 'unknown';
    const { severityNumber = 0, severityText = '' } = severityOf(name, line);
    const { traceId = '', spanId = '' } = idsOf(line, (id) => id);
    const { scope_name: scopeName = '', scope_version: scopeVersion = '', event_name: eventName } = line;
    const own = [...marksOf(flags), ...ownOf(line)];
    const more = typeof eventName === 'string' && eventName !== '' ? { 'event.name': eventName } : {};
    const columns = {
      TraceId: traceId,
      SpanId: spanId,
      SeverityText: severityText,
      SeverityNumber: Math.min(255, Math.max(0, Math.trunc(severityNumber))) || 0,
      ScopeName: String(scopeName),
      ScopeVersion: String(scopeVersion),
    };
    return `{${jsonOf(columns).slice(1, -1)},${this.#resource}"LogAttributes":${mapJson(own, more)},`;
  }
}

function mapJson(attributes: readonly OtlpAttribute[], more: Readonly<Record<string, string>> = {}): string {
  return jsonOf({ ...Object.fromEntries(attributes.map((one) => [one.key, attributeText(one)])), ...more });
}
