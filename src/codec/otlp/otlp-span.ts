import type { Annotation, Endpoint, Span, SpanKind } from '../../model/span.ts';
import { endpointOf } from '../zipkin-json/endpoint.ts';
import { readParentId, readSpanId, readTraceId } from '../zipkin-json/ids.ts';
import { parseIp } from '../zipkin-json/ip.ts';
import { setName, sortedAnnotations } from '../zipkin-json/span.ts';

/** Values as texts: numbers in digits, lists and maps as JSON, bytes as base64. */
export type Attributes = ReadonlyMap<string, string>;

export interface OtlpEvent {
  /** µs since 1970. */
  readonly timestamp: number;
  readonly name: string;
  /** A JSON object; undefined where there is nothing in it. */
  readonly attributesJson: string | undefined;
}

/** What all spans of a ResourceSpans and a ScopeSpans have in common. */
export interface OtlpSource {
  readonly resource: Attributes;
  readonly scopeName: string;
  readonly scopeVersion: string;
}

/** opentelemetry.proto.trace.v1.Span. Ids are lower-case hex, empty where there was none. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  /** µs since 1970. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly events: readonly OtlpEvent[];
  readonly droppedAttributes: number;
  readonly droppedEvents: number;
  readonly droppedLinks: number;
  readonly statusCode: number;
  readonly statusMessage: string;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

const kinds: readonly (SpanKind | undefined)[] = [undefined, undefined, 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const statusOk = 1;
const statusError = 2;
const nowhere = { ipv4: undefined, ipv6: undefined, port: undefined };
const serviceNameKey = 'service.name';
/** The attributes that name the other side, the best first (OpenTelemetry to Zipkin, "Remote endpoint"). */
const peerNames: readonly string[] = [
  'peer.service',
  'service.peer.name',
  'server.address',
  'net.peer.name',
  'network.peer.address',
  'server.socket.domain',
  'server.socket.address',
  'net.sock.peer.name',
  'net.sock.peer.addr',
  'peer.hostname',
  'peer.address',
  'db.name',
];
const peerPorts: readonly string[] = [
  'server.port',
  'network.peer.port',
  'server.socket.port',
  'net.peer.port',
  'net.sock.peer.port',
];

/** The Zipkin span that stands for it (OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation"). Throws SpanFault. */
export function zipkinSpan(span: OtlpSpan, source: OtlpSource): Span {
  const kind = kinds[span.kind];
  const made: Draft<Span> = { traceId: readTraceId(span.traceId, '.traceId'), id: readSpanId(span.spanId, '.spanId') };
  const parentId = span.parentSpanId === '' ? undefined : readParentId(span.parentSpanId, '.parentSpanId', made.id);
  if (parentId !== undefined) {
    made.parentId = parentId;
  }
  if (kind !== undefined) {
    made.kind = kind;
  }
  setName(made, span.name);
  setTimes(made, span);
  const service = source.resource.get(serviceNameKey);
  setEndpoint(made, 'localEndpoint', endpointOf({ ...nowhere, serviceName: service }));
  if (kind !== undefined && kind !== 'SERVER') {
    setEndpoint(made, 'remoteEndpoint', remoteOf(span.attributes));
  }
  if (span.events.length > 0) {
    made.annotations = sortedAnnotations(span.events.map(annotationOf));
  }
  const tags = tagsOf(span, source);
  if (Object.keys(tags).length > 0) {
    made.tags = tags;
  }
  return made;
}

/** A span that began has a duration, of 1 µs at least where its end is later than its start. */
function setTimes(made: Draft<Span>, { start, end }: OtlpSpan): void {
  if (start <= 0) {
    return;
  }
  made.timestamp = start;
  if (end >= start) {
    made.duration = Math.max(1, end - start);
  }
}

function setEndpoint(made: Draft<Span>, key: 'localEndpoint' | 'remoteEndpoint', value: Endpoint | undefined): void {
  if (value !== undefined) {
    made[key] = value;
  }
}

function remoteOf(attributes: Attributes): Endpoint | undefined {
  const name = first(attributes, peerNames);
  if (name === undefined) {
    return undefined;
  }
  const address = parseIp(name);
  const isAddress = address.ipv4 !== undefined || address.ipv6 !== undefined;
  const port = Number(first(attributes, peerPorts));
  return endpointOf({
    serviceName: isAddress ? undefined : name,
    ipv4: address.ipv4,
    ipv6: address.ipv6,
    port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined,
  });
}

function first(attributes: Attributes, keys: readonly string[]): string | undefined {
  const key = keys.find((one) => (attributes.get(one) ?? '') !== '');
  return key === undefined ? undefined : attributes.get(key);
}

function annotationOf({ timestamp, name, attributesJson }: OtlpEvent): Annotation {
  return { timestamp, value: attributesJson === undefined ? name : `${JSON.stringify(name)}: ${attributesJson}` };
}

/** The span's own attributes win over those of its resource. */
function tagsOf(span: OtlpSpan, { resource, scopeName, scopeVersion }: OtlpSource): Record<string, string> {
  const tags = new Map(resource);
  tags.delete(serviceNameKey);
  const noted: readonly (readonly [string, string])[] = [
    ['otel.scope.name', scopeName],
    ['otel.scope.version', scopeVersion],
    ['w3c.tracestate', span.traceState],
    ['otel.dropped_attributes_count', countText(span.droppedAttributes)],
    ['otel.dropped_events_count', countText(span.droppedEvents)],
    ['otel.dropped_links_count', countText(span.droppedLinks)],
  ];
  for (const [key, value] of noted) {
    if (value !== '') {
      tags.set(key, value);
    }
  }
  for (const [key, value] of span.attributes) {
    tags.set(key, value);
  }
  setStatus(tags, span);
  return Object.fromEntries(tags);
}

function setStatus(tags: Map<string, string>, { statusCode, statusMessage }: OtlpSpan): void {
  if (statusCode === statusError) {
    tags.set('otel.status_code', 'ERROR');
    tags.set('error', statusMessage);
    return;
  }
  if (statusCode === statusOk) {
    tags.set('otel.status_code', 'OK');
  }
  if (tags.get('error') === 'false') {
    tags.delete('error');
  }
}

function countText(count: number): string {
  return count === 0 ? '' : String(count);
}
