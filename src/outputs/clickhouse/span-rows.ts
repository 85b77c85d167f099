import { attributeText, type OtlpAttribute, scopeOf, spanAttributes, statusOf } from '../../codec/otlp/export-spans.ts';
import type { QueueRecord } from '../../model/batch.ts';
import { paddedTraceId, type Span, type SpanKind } from '../../model/span.ts';
import { type JsonRows, jsonOf } from './json.ts';
import { microsTimeText, millisTimeText } from './time.ts';

/** The words of the OpenTelemetry Collector's ClickHouse exporter. */
const kinds: Readonly<Record<SpanKind, string>> = {
  SERVER: 'Server',
  CLIENT: 'Client',
  PRODUCER: 'Producer',
  CONSUMER: 'Consumer',
};
const unspecified = 'Unspecified';
const statuses = ['Unset', 'Ok', 'Error'] as const;
/** Of UInt64 ns. */
const mostMicros = Math.floor(Number.MAX_SAFE_INTEGER / 1_000);

/** Rows of `otel_traces`. A span that does not say when it began has the time of its arrival. */
export function spanRows(
  spans: readonly Span[],
  { receivedAtMs }: Pick<QueueRecord, 'receivedAtMs'>,
  rows: JsonRows,
): void {
  for (const span of spans) {
    rows.raw(jsonOf(rowOf(span, receivedAtMs)));
    rows.endRow();
  }
}

function rowOf(span: Span, receivedAtMs: number): object {
  const { timestamp, duration = 0, tags = {}, annotations = [] } = span;
  const service = span.localEndpoint?.serviceName ?? '';
  const scope = scopeOf(span);
  const { status } = statusOf(tags);
  return {
    Timestamp: timestamp === undefined ? millisTimeText(receivedAtMs) : microsTimeText(timestamp),
    TraceId: paddedTraceId(span.traceId),
    SpanId: span.id,
    ParentSpanId: span.parentId ?? '',
    TraceState: tags['w3c.tracestate'] ?? '',
    SpanName: span.rawName ?? span.name ?? '',
    SpanKind: span.kind === undefined ? unspecified : kinds[span.kind],
    ServiceName: service,
    ResourceAttributes: service === '' ? {} : { 'service.name': service },
    ScopeName: scope.name,
    ScopeVersion: scope.version,
    SpanAttributes: attributes(spanAttributes(span), span),
    Duration: Math.min(Math.max(0, Math.trunc(duration)), mostMicros) * 1_000,
    StatusCode: statuses[status?.code ?? 0],
    StatusMessage: status?.message ?? '',
    ...(annotations.length > 0 && {
      'Events.Timestamp': annotations.map((event) => microsTimeText(event.timestamp)),
      'Events.Name': annotations.map((event) => event.value),
      'Events.Attributes': annotations.map(() => ({})),
    }),
  };
}

/** What Zipkin has and OpenTelemetry does not is an attribute too. */
function attributes(all: readonly OtlpAttribute[], { traceId, shared, debug }: Span): object {
  return {
    ...Object.fromEntries(all.map((attribute) => [attribute.key, attributeText(attribute)])),
    ...(shared === true && { 'zipkin.shared': 'true' }),
    ...(debug === true && { 'zipkin.debug': 'true' }),
    ...(traceId.length < 32 && { 'zipkin.trace_id': traceId }),
  };
}
