import type { Span } from '../../model/span.ts';
import { encodeSpan } from '../zipkin-json/zipkin-json.ts';
import type { Point, PointValue } from './point.ts';

const unknownService = 'zipkin_v2_unknow_service';
/** UTF-16 units. */
const maxTagValueLength = 1024;

/**
 * Spans as DataKit's tracing points (measurement `zipkin`): ids as strings, `start` and `duration` in µs, the span's tags with
 * `_` for dots. `span_type` tells where a span stands among those that came with it: `entry` where the parent is of another
 * service or not here, `local` where it has children here, else `exit`. The field `message` is the span as Zipkin's v2 JSON,
 * unless it is among `without`.
 */
export function spanPoints(spans: readonly Span[], without: readonly string[] = []): Point[] {
  const hasMessage = !without.includes('message');
  const byId = new Map(spans.map((span) => [span.id, span]));
  const parents = new Set(spans.map(({ parentId }) => parentId));
  return spans.map((span) => {
    const parent = span.parentId === undefined ? undefined : byId.get(span.parentId);
    const isEntry = parent === undefined || serviceOf(parent) !== serviceOf(span);
    const spanType = isEntry ? 'entry' : parents.has(span.id) ? 'local' : 'exit';
    return pointOf(span, spanType, hasMessage ? { message: encodeSpan(span) } : {});
  });
}

function pointOf(span: Span, spanType: string, message: { readonly message?: string }): Point {
  const own = {
    service: serviceOf(span),
    source: 'zipkin',
    source_type: 'custom',
    span_type: spanType,
    status: span.tags?.['error'] === undefined ? 'ok' : 'error',
  };
  const fields: Record<string, PointValue> = {
    trace_id: span.traceId,
    parent_id: span.parentId ?? '0',
    span_id: span.id,
    resource: span.name ?? '',
    start: BigInt(Math.trunc(span.timestamp ?? 0)),
    duration: BigInt(Math.trunc(span.duration ?? 0)),
    ...message,
  };
  const timeNanos = BigInt(Math.trunc(span.timestamp ?? 0)) * 1000n;
  return { measurement: 'zipkin', tags: { ...tagsOf(span, fields), ...own }, fields, timeNanos };
}

function serviceOf({ localEndpoint }: Span): string {
  return localEndpoint?.serviceName ?? unknownService;
}

function tagsOf({ tags = {} }: Span, fields: Readonly<Record<string, PointValue>>): Record<string, string> {
  const renamed = Object.entries(tags).map(([key, value]): [string, string] => [
    key.replaceAll('.', '_'),
    value.slice(0, maxTagValueLength),
  ]);
  return Object.fromEntries(renamed.filter(([key, value]) => value !== '' && !(key in fields)));
}
