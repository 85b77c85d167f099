import protobuf from 'protobufjs/minimal.js';
import type { Annotation, Endpoint, Span, SpanKind } from '../../model/span.ts';

type Writer = protobuf.Writer;

/** Field numbers and wire types of zipkin.proto3 (zipkin-api, zipkin.proto): the number × 8 + the type. */
const tags = {
  span: 10,
  traceId: 10,
  parentId: 18,
  id: 26,
  kind: 32,
  name: 42,
  timestamp: 49,
  duration: 56,
  local: 66,
  remote: 74,
  annotation: 82,
  tag: 90,
  debug: 96,
  shared: 104,
} as const;
const endpointTags = { serviceName: 10, ipv4: 18, ipv6: 26, port: 32 } as const;
const annotationTags = { timestamp: 9, value: 18 } as const;
const mapTags = { key: 10, value: 18 } as const;
const kinds: Readonly<Record<SpanKind, number>> = { CLIENT: 1, SERVER: 2, PRODUCER: 3, CONSUMER: 4 };

/** zipkin.proto3.ListOfSpans. Such lists, put one behind the other, are one list. */
export function encodeSpanList(spans: readonly Span[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const span of spans) {
    writer.uint32(tags.span).fork();
    writeSpan(writer, span);
    writer.ldelim();
  }
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function writeSpan(writer: Writer, span: Span): void {
  writer.uint32(tags.traceId).bytes(Buffer.from(span.traceId, 'hex'));
  if (span.parentId !== undefined) {
    writer.uint32(tags.parentId).bytes(Buffer.from(span.parentId, 'hex'));
  }
  writer.uint32(tags.id).bytes(Buffer.from(span.id, 'hex'));
  if (span.kind !== undefined) {
    writer.uint32(tags.kind).int32(kinds[span.kind]);
  }
  if (span.name !== undefined) {
    writer.uint32(tags.name).string(span.name);
  }
  if (span.timestamp !== undefined) {
    writer.uint32(tags.timestamp).fixed64(span.timestamp);
  }
  if (span.duration !== undefined) {
    writer.uint32(tags.duration).uint64(span.duration);
  }
  writeEndpoint(writer, tags.local, span.localEndpoint);
  writeEndpoint(writer, tags.remote, span.remoteEndpoint);
  writeContent(writer, span);
}

function writeContent(writer: Writer, { annotations = [], tags: texts = {}, debug, shared }: Span): void {
  for (const annotation of annotations) {
    writeAnnotation(writer, annotation);
  }
  for (const [key, value] of Object.entries(texts)) {
    writer.uint32(tags.tag).fork();
    writer.uint32(mapTags.key).string(key).uint32(mapTags.value).string(value).ldelim();
  }
  if (debug === true) {
    writer.uint32(tags.debug).bool(true);
  }
  if (shared === true) {
    writer.uint32(tags.shared).bool(true);
  }
}

function writeEndpoint(writer: Writer, tag: number, endpoint: Endpoint | undefined): void {
  if (endpoint === undefined) {
    return;
  }
  const { serviceName, ipv4, ipv6, port } = endpoint;
  writer.uint32(tag).fork();
  if (serviceName !== undefined) {
    writer.uint32(endpointTags.serviceName).string(serviceName);
  }
  if (ipv4 !== undefined) {
    writer.uint32(endpointTags.ipv4).bytes(Uint8Array.from(ipv4.split('.'), Number));
  }
  if (ipv6 !== undefined) {
    writer.uint32(endpointTags.ipv6).bytes(bytesOfIpv6(ipv6));
  }
  if (port !== undefined) {
    writer.uint32(endpointTags.port).int32(port);
  }
  writer.ldelim();
}

function writeAnnotation(writer: Writer, { timestamp, value }: Annotation): void {
  writer.uint32(tags.annotation).fork();
  writer.uint32(annotationTags.timestamp).fixed64(timestamp).uint32(annotationTags.value).string(value).ldelim();
}

/** Of RFC 5952's text, in which the longest run of zeros may be `::`. */
function bytesOfIpv6(text: string): Buffer {
  const [before = '', after] = text.split('::');
  const head = groupsOf(before);
  const tail = after === undefined ? [] : groupsOf(after);
  const zeros = new Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...head, ...zeros, ...tail].slice(0, 8).entries()) {
    bytes.writeUInt16BE(group, 2 * i);
  }
  return bytes;
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
