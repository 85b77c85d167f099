import type { RecordDecoder } from '../../contract/output.ts';
import type { Origin, QueueRecord } from '../../model/batch.ts';
import { type LogBlock, logFlags } from '../../model/log.ts';
import { isStale, type MetricFrame } from '../../model/metric.ts';
import { encodeSpan } from '../zipkin-json/zipkin-json.ts';

/**
 * A record as lines of JSON, one object a line, each with `signal` (interfaces.md, the `file` output): metrics {name,
 * labels, value, timestamp (ms), measurement, field} or `"stale":true` without a value; spans as Zipkin v2; logs {message,
 * timestamp (RFC 3339, ns), stream, pod fields}; rum {measurement, tags, fields, time (ns)}. Throws BRIDGE_DECODE.
 */
export function ndjsonOf(record: QueueRecord, decode: RecordDecoder): string {
  switch (record.signal) {
    case 'metrics':
      return metricLines(decode.frame(record));
    case 'traces':
      return decode
        .spans(record)
        .map((span) => `{"signal":"traces",${encodeSpan(span).slice(1)}\n`)
        .join('');
    case 'logs':
      return logLines(decode.lines(record), record.origin);
    case 'rum':
      return decode
        .points(record)
        .map(({ timeNanos, ...point }) => `${JSON.stringify({ signal: 'rum', ...point, time: String(timeNanos) })}\n`)
        .join('');
    default:
      return record.signal satisfies never;
  }
}

function metricLines(frame: MetricFrame): string {
  const { shape, values, timestampsMs, timestampMs } = frame;
  let text = '';
  for (const [i, series] of shape.series.entries()) {
    const own = timestampsMs?.[i];
    const timestamp = own === undefined || Number.isNaN(own) ? timestampMs : own;
    const sample = isStale(frame, i) ? { stale: true } : { value: jsonNumber(values[i] ?? Number.NaN) };
    const labels = Object.fromEntries(series.labels.filter(([, value]) => value !== ''));
    const { name, measurement, field } = series;
    text += `${JSON.stringify({ signal: 'metrics', name, labels, ...sample, timestamp, measurement, field })}\n`;
  }
  return text;
}

/** JSON has no NaN and no infinities. */
function jsonNumber(value: number): number | string {
  if (Number.isFinite(value)) {
    return value;
  }
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function logLines(block: LogBlock, origin: Origin): string {
  const { podUid: _uid, source: _source, ...pod } = origin;
  const tail = JSON.stringify(pod).slice(1);
  const rest = tail === '}' ? '}\n' : `,${tail}\n`;
  const bytes = Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.length);
  let text = '';
  for (let i = 0; i < block.count; i += 1) {
    // Bytes that are no UTF-8 become U+FFFD.
    const message = JSON.stringify(bytes.toString('utf8', block.offsets[i], block.offsets[i + 1]));
    const flags = block.flags[i] ?? 0;
    const stream = (flags & logFlags.stderr) === 0 ? 'stdout' : 'stderr';
    const truncated = (flags & logFlags.truncated) === 0 ? '' : ',"truncated":true';
    const time = rfc3339(block.seconds[i] ?? 0, block.nanos[i] ?? 0);
    text += `{"signal":"logs","message":${message},"timestamp":"${time}","stream":"${stream}"${truncated}${rest}`;
  }
  return text;
}

function rfc3339(seconds: number, nanos: number): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(nanos).padStart(9, '0')}Z`;
}
