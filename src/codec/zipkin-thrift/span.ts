import type { Endpoint, Span } from '../../model/span.ts';
import { endpointOf } from '../zipkin-json/endpoint.ts';
import { readParentId, readSpanId, readTraceId } from '../zipkin-json/ids.ts';
import { ipv6Address } from '../zipkin-json/ip.ts';
import { within } from '../zipkin-json/json-value.ts';
import { setName } from '../zipkin-json/span.ts';
import {
  isAddressKey,
  type V1Annotation,
  type V1BinaryAnnotation,
  type V1Identity,
  type V1Span,
} from '../zipkin-json-v1/v1-span.ts';
import { type BinaryReader, types } from './binary.ts';

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** Field numbers of zipkinCore.thrift (zipkin-api). */
const spanFields = {
  traceId: 1,
  name: 3,
  id: 4,
  parentId: 5,
  annotations: 6,
  binaryAnnotations: 8,
  debug: 9,
  timestamp: 10,
  duration: 11,
  traceIdHigh: 12,
} as const;
const annotationFields = { timestamp: 1, value: 2, endpoint: 3 } as const;
const binaryFields = { key: 1, value: 2, type: 3, endpoint: 4 } as const;
const endpointFields = { ipv4: 1, port: 2, serviceName: 3, ipv6: 4 } as const;
/** AnnotationType: of the others no reader makes anything. */
const valueTypes = { bool: 0, text: 6 } as const;

export interface Parts {
  traceId: string | undefined;
  traceIdHigh: string;
  id: string | undefined;
  parentId: string | undefined;
  name: string | undefined;
  debug: boolean;
  timestamp: number;
  duration: number;
  annotations: V1Annotation[];
  binaryAnnotations: V1BinaryAnnotation[];
}

/** The struct Span that stands here. Throws SpanFault. */
export function readSpan(reader: BinaryReader): V1Span {
  return spanOf(readParts(reader));
}

/** What the struct Span that stands here holds, to its end, whatever it may be worth. Throws SpanFault. */
export function readParts(reader: BinaryReader): Parts {
  const parts: Parts = {
    traceId: undefined,
    traceIdHigh: '',
    id: undefined,
    parentId: undefined,
    name: undefined,
    debug: false,
    timestamp: 0,
    duration: 0,
    annotations: [],
    binaryAnnotations: [],
  };
  reader.struct(() => {
    if (reader.type === types.i64) {
      readNumber(reader, parts);
    } else {
      readOther(reader, parts);
    }
  });
  return parts;
}

/** Throws SpanFault where the ids are none. */
export function spanOf(parts: Parts): V1Span {
  return {
    identity: identityOf(parts),
    timestamp: parts.timestamp === 0 ? undefined : parts.timestamp,
    duration: parts.duration === 0 ? undefined : parts.duration,
    annotations: parts.annotations,
    binaryAnnotations: parts.binaryAnnotations,
  };
}

function readNumber(reader: BinaryReader, parts: Parts): void {
  switch (reader.field) {
    case spanFields.traceId:
      parts.traceId = reader.hex64();
      break;
    case spanFields.traceIdHigh:
      parts.traceIdHigh = reader.hex64();
      break;
    case spanFields.id:
      parts.id = reader.hex64();
      break;
    case spanFields.parentId:
      parts.parentId = reader.hex64();
      break;
    case spanFields.timestamp:
      parts.timestamp = reader.positive64();
      break;
    case spanFields.duration:
      parts.duration = reader.positive64();
      break;
    default:
      reader.skip(types.i64);
  }
}

function readOther(reader: BinaryReader, parts: Parts): void {
  if (reader.is(spanFields.name, types.text)) {
    parts.name = reader.text();
  } else if (reader.is(spanFields.debug, types.bool)) {
    parts.debug = reader.byte() !== 0;
  } else if (reader.is(spanFields.annotations, types.list)) {
    readList(reader, '.annotations', () => readAnnotation(reader, parts.annotations));
  } else if (reader.is(spanFields.binaryAnnotations, types.list)) {
    readList(reader, '.binaryAnnotations', () => readBinaryAnnotation(reader, parts.binaryAnnotations));
  } else {
    reader.skip(reader.type);
  }
}

function readList(reader: BinaryReader, path: string, read: () => void): void {
  reader.structs((index) => {
    try {
      read();
    } catch (error) {
      throw within(`${path}[${index}]`, error);
    }
  });
}

/** One that lacks its time or its value is dropped. */
function readAnnotation(reader: BinaryReader, into: V1Annotation[]): void {
  let timestamp = 0;
  let value: string | undefined;
  let endpoint: Endpoint | undefined;
  reader.struct(() => {
    if (reader.is(annotationFields.timestamp, types.i64)) {
      timestamp = reader.positive64();
    } else if (reader.is(annotationFields.value, types.text)) {
      value = reader.text();
    } else if (reader.is(annotationFields.endpoint, types.struct)) {
      endpoint = readEndpoint(reader);
    } else {
      reader.skip(reader.type);
    }
  });
  if (timestamp !== 0 && value !== undefined) {
    into.push({ timestamp, value, endpoint });
  }
}

/** Texts, and the addresses of others, which are the boolean true; numbers and bytes are dropped, as from JSON. */
function readBinaryAnnotation(reader: BinaryReader, into: V1BinaryAnnotation[]): void {
  let key: string | undefined;
  let value: Buffer | undefined;
  let type = -1;
  let endpoint: Endpoint | undefined;
  reader.struct(() => {
    if (reader.is(binaryFields.key, types.text)) {
      key = reader.text();
    } else if (reader.is(binaryFields.value, types.text)) {
      const start = reader.block();
      value = reader.bytes.subarray(start, reader.at);
    } else if (reader.is(binaryFields.type, types.i32)) {
      type = reader.i32();
    } else if (reader.is(binaryFields.endpoint, types.struct)) {
      endpoint = readEndpoint(reader);
    } else {
      reader.skip(reader.type);
    }
  });
  if (key === undefined || value === undefined) {
    return;
  }
  if (type === valueTypes.text) {
    into.push({ key, value: value.toString('utf8'), endpoint });
  } else if (type === valueTypes.bool && isAddressKey(key) && endpoint !== undefined && isTrue(value)) {
    into.push({ key, value: 'true', endpoint });
  }
}

function isTrue(value: Buffer): boolean {
  return value.length === 1 && value[0] === 1;
}

function readEndpoint(reader: BinaryReader): Endpoint | undefined {
  let serviceName: string | undefined;
  let ipv4: string | undefined;
  let ipv6: string | undefined;
  let port = 0;
  reader.struct(() => {
    if (reader.is(endpointFields.ipv4, types.i32)) {
      const start = reader.step(4);
      ipv4 = reader.bytes.readInt32BE(start) === 0 ? ipv4 : reader.bytes.subarray(start, reader.at).join('.');
    } else if (reader.is(endpointFields.port, types.i16)) {
      port = reader.unsigned16();
    } else if (reader.is(endpointFields.serviceName, types.text)) {
      serviceName = reader.text();
    } else if (reader.is(endpointFields.ipv6, types.text)) {
      const address = ipv6At(reader);
      ipv4 = address.ipv4 ?? ipv4;
      ipv6 = address.ipv6 ?? ipv6;
    } else {
      reader.skip(reader.type);
    }
  });
  return endpointOf({ serviceName, ipv4, ipv6, port: port === 0 ? undefined : port });
}

/** An address of another length is no address. */
function ipv6At(reader: BinaryReader): { readonly ipv4?: string; readonly ipv6?: string } {
  const start = reader.block();
  return reader.at - start === 16
    ? ipv6Address([0, 2, 4, 6, 8, 10, 12, 14].map((offset) => reader.bytes.readUInt16BE(start + offset)))
    : {};
}

function identityOf(parts: Parts): V1Identity {
  const low = parts.traceId;
  const traceId = readTraceId(low === undefined ? undefined : parts.traceIdHigh + low, '.traceId');
  const identity: Draft<Span> = { traceId, id: readSpanId(parts.id, '.id') };
  const parentId = readParentId(parts.parentId, '.parentId', identity.id);
  if (parentId !== undefined) {
    identity.parentId = parentId;
  }
  if (parts.name !== undefined) {
    setName(identity, parts.name);
  }
  if (parts.debug) {
    identity.debug = true;
  }
  return identity;
}
