import { type WireReader, wireTypes } from '../zipkin-proto/wire.ts';
import type { OtlpEvent, OtlpSource, OtlpSpan } from './otlp-span.ts';
import { readPair, readText } from './proto-value.ts';

/** Field numbers of opentelemetry.proto.{collector.trace,trace,resource,common}.v1. */
const requestFields = { resourceSpans: 1 } as const;
const resourceSpansFields = { resource: 1, scopeSpans: 2 } as const;
const resourceFields = { attribute: 1 } as const;
const scopeSpansFields = { scope: 1, span: 2 } as const;
const scopeFields = { name: 1, version: 2 } as const;
const spanFields = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attribute: 9,
  droppedAttributes: 10,
  event: 11,
  droppedEvents: 12,
  droppedLinks: 14,
  status: 15,
} as const;
const eventFields = { time: 1, name: 2, attribute: 3 } as const;
const statusFields = { message: 2, code: 3 } as const;
const nanosPerMicro = 1000;
const twoTo32 = 2 ** 32;

type Draft<T> = { -readonly [K in keyof T]: T[K] };
type Parts = Draft<OtlpSpan> & { readonly attributes: Map<string, string>; readonly events: OtlpEvent[] };

/** Calls `take` for each span of an ExportTraceServiceRequest. Throws SpanFault. */
export function readRequest(wire: WireReader, take: (span: OtlpSpan, source: OtlpSource) => void): void {
  while (wire.next()) {
    if (wire.is(requestFields.resourceSpans, wireTypes.bytes)) {
      readResourceSpans(wire, take);
    } else {
      wire.skip();
    }
  }
}

/** The resource may stand behind its spans on the wire, so it is looked for first. */
function readResourceSpans(wire: WireReader, take: (span: OtlpSpan, source: OtlpSource) => void): void {
  const before = wire.at;
  const resource = new Map<string, string>();
  wire.message(() => {
    if (wire.is(resourceSpansFields.resource, wireTypes.bytes)) {
      readEach(wire, resourceFields.attribute, () => resource.set(...readPair(wire, 'text')));
    } else {
      wire.skip();
    }
  });
  wire.at = before;
  wire.message(() => {
    if (wire.is(resourceSpansFields.scopeSpans, wireTypes.bytes)) {
      readScopeSpans(wire, resource, take);
    } else {
      wire.skip();
    }
  });
}

function readScopeSpans(
  wire: WireReader,
  resource: ReadonlyMap<string, string>,
  take: (span: OtlpSpan, source: OtlpSource) => void,
): void {
  const before = wire.at;
  const source: Draft<OtlpSource> = { resource, scopeName: '', scopeVersion: '' };
  readEach(wire, scopeSpansFields.scope, () => readScope(wire, source));
  wire.at = before;
  readEach(wire, scopeSpansFields.span, () => take(readSpan(wire), source));
}

/** Calls `read` on each field of that number in the message that stands here; the others are stepped over. */
function readEach(wire: WireReader, field: number, read: () => void): void {
  wire.message(() => {
    if (wire.is(field, wireTypes.bytes)) {
      read();
    } else {
      wire.skip();
    }
  });
}

function readScope(wire: WireReader, source: Draft<OtlpSource>): void {
  wire.message(() => {
    if (wire.is(scopeFields.name, wireTypes.bytes)) {
      source.scopeName = readText(wire);
    } else if (wire.is(scopeFields.version, wireTypes.bytes)) {
      source.scopeVersion = readText(wire);
    } else {
      wire.skip();
    }
  });
}

function readSpan(wire: WireReader): OtlpSpan {
  const span: Parts = {
    traceId: '',
    spanId: '',
    parentSpanId: '',
    traceState: '',
    name: '',
    kind: 0,
    start: 0,
    end: 0,
    attributes: new Map(),
    events: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    statusCode: 0,
    statusMessage: '',
  };
  wire.message(() => {
    if (wire.wireType === wireTypes.bytes) {
      readBlock(wire, span);
    } else {
      readNumber(wire, span);
    }
  });
  return span;
}

function readBlock(wire: WireReader, span: Parts): void {
  switch (wire.field) {
    case spanFields.traceId:
      span.traceId = readHex(wire);
      break;
    case spanFields.spanId:
      span.spanId = readHex(wire);
      break;
    case spanFields.parentSpanId:
      span.parentSpanId = readHex(wire);
      break;
    case spanFields.traceState:
      span.traceState = readText(wire);
      break;
    case spanFields.name:
      span.name = readText(wire);
      break;
    case spanFields.attribute:
      span.attributes.set(...readPair(wire, 'text'));
      break;
    case spanFields.event:
      span.events.push(readEvent(wire));
      break;
    case spanFields.status:
      readStatus(wire, span);
      break;
    default:
      wire.skip();
  }
}

function readNumber(wire: WireReader, span: Parts): void {
  if (wire.is(spanFields.start, wireTypes.fixed64)) {
    span.start = readMicros(wire);
  } else if (wire.is(spanFields.end, wireTypes.fixed64)) {
    span.end = readMicros(wire);
  } else if (wire.is(spanFields.kind, wireTypes.varint)) {
    span.kind = wire.varint();
  } else if (wire.is(spanFields.droppedAttributes, wireTypes.varint)) {
    span.droppedAttributes = wire.varint();
  } else if (wire.is(spanFields.droppedEvents, wireTypes.varint)) {
    span.droppedEvents = wire.varint();
  } else if (wire.is(spanFields.droppedLinks, wireTypes.varint)) {
    span.droppedLinks = wire.varint();
  } else {
    wire.skip();
  }
}

function readEvent(wire: WireReader): OtlpEvent {
  let timestamp = 0;
  let name = '';
  const members: string[] = [];
  wire.message(() => {
    if (wire.is(eventFields.time, wireTypes.fixed64)) {
      timestamp = readMicros(wire);
    } else if (wire.is(eventFields.name, wireTypes.bytes)) {
      name = readText(wire);
    } else if (wire.is(eventFields.attribute, wireTypes.bytes)) {
      const [key, value] = readPair(wire, 'json');
      members.push(`${JSON.stringify(key)}:${value}`);
    } else {
      wire.skip();
    }
  });
  return { timestamp, name, attributesJson: members.length === 0 ? undefined : `{${members.join(',')}}` };
}

function readStatus(wire: WireReader, span: Parts): void {
  wire.message(() => {
    if (wire.is(statusFields.code, wireTypes.varint)) {
      span.statusCode = wire.varint();
    } else if (wire.is(statusFields.message, wireTypes.bytes)) {
      span.statusMessage = readText(wire);
    } else {
      wire.skip();
    }
  });
}

function readHex(wire: WireReader): string {
  const start = wire.block();
  return wire.bytes.toString('hex', start, wire.at);
}

/** ns as µs, without the digits that a double would lose in between. */
function readMicros(wire: WireReader): number {
  const start = wire.skipBytes(8);
  const low = wire.bytes.readUInt32LE(start);
  const high = wire.bytes.readUInt32LE(start + 4);
  const rest = (high % nanosPerMicro) * twoTo32 + low;
  return Math.floor(high / nanosPerMicro) * twoTo32 + Math.floor(rest / nanosPerMicro);
}
