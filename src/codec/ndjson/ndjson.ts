import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { isStale, type MetricFrame } from '../../model/metric.ts';
import type { RumPoint } from '../../model/rum.ts';
import type { Span } from '../../model/span.ts';
import { encodeSpan } from '../zipkin-json/zipkin-json.ts';
import type { ByteSink } from './byte-sink.ts';
import { writeLogLines } from './log-lines.ts';

/**
 * Writes a record as lines of JSON, one object a line, each with `signal` (interfaces.md, the `file` output): metrics {name,
 * labels, value, timestamp (ms), measurement, field} or `"stale":true` without a value; spans as Zipkin v2; logs {message,
 * timestamp (RFC 3339, ns), stream, level, pod fields}; rum {measurement, tags, fields, time (ns)}. Throws BRIDGE_DECODE
 * and has written nothing then.
 */
export function writeNdjson(sink: ByteSink, record: QueueRecord, decode: RecordDecoder): void {
  switch (record.signal) {
    case 'metrics':
      writeFrame(sink, decode.frame(record));
      break;
    case 'traces':
      writeSpans(sink, decode.spans(record));
      break;
    case 'logs':
      writeLogLines(sink, record, decode.lines(record));
      break;
    case 'rum':
      writePoints(sink, decode.points(record));
      break;
    default:
      record.signal satisfies never;
  }
}

function writeSpans(sink: ByteSink, spans: readonly Span[]): void {
  for (const span of spans) {
    sink.text(`{"signal":"traces",${encodeSpan(span).slice(1)}\n`);
  }
}

function writePoints(sink: ByteSink, points: readonly RumPoint[]): void {
  for (const { measurement, tags, fields, timeNanos } of points) {
    sink.text(`${JSON.stringify({ signal: 'rum', measurement, tags, fields, time: String(timeNanos) })}\n`);
  }
}

function writeFrame(sink: ByteSink, frame: MetricFrame): void {
  const { shape, values, timestampsMs, timestampMs } = frame;
  for (const [i, series] of shape.series.entries()) {
    const own = timestampsMs?.[i];
    const timestamp = own === undefined || Number.isNaN(own) ? timestampMs : own;
    const sample = isStale(frame, i) ? { stale: true } : { value: jsonNumber(values[i] ?? Number.NaN) };
    const labels = Object.fromEntries(series.labels.filter(([, value]) => value !== ''));
    const { name, measurement, field } = series;
    sink.text(`${JSON.stringify({ signal: 'metrics', name, labels, ...sample, timestamp, measurement, field })}\n`);
  }
}

/** JSON has no NaN and no infinities. */
function jsonNumber(value: number): number | string {
  if (Number.isFinite(value)) {
    return value;
  }
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
