import protobuf from 'protobufjs';
import { type ThriftField, type ThriftStruct, thriftList } from './thrift-writer.ts';

/** A span as Zipkin v2 JSON has it. */
export interface V2Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER';
  readonly name?: string;
  readonly timestamp?: number;
  readonly duration?: number;
  readonly localEndpoint?: WireEndpoint;
  readonly remoteEndpoint?: WireEndpoint;
  readonly annotations?: readonly { readonly timestamp: number; readonly value: string }[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly debug?: boolean;
  readonly shared?: boolean;
}

export interface WireEndpoint {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly port?: number;
}

/** A span as Zipkin v1 JSON has it. */
export interface V1Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name?: string;
  readonly timestamp?: number;
  readonly duration?: number;
  readonly debug?: boolean;
  readonly annotations: readonly {
    readonly timestamp: number;
    readonly value: string;
    readonly endpoint?: WireEndpoint;
  }[];
  readonly binaryAnnotations: readonly {
    readonly key: string;
    readonly value: string | boolean;
    readonly endpoint?: WireEndpoint;
  }[];
}

/** zipkin.proto of openzipkin/zipkin-api. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Endpoint { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
  message Annotation { fixed64 timestamp = 1; string value = 2; }
  message Span {
    bytes trace_id = 1; bytes parent_id = 2; bytes id = 3; int32 kind = 4; string name = 5;
    fixed64 timestamp = 6; uint64 duration = 7; Endpoint local_endpoint = 8; Endpoint remote_endpoint = 9;
    repeated Annotation annotations = 10; map<string, string> tags = 11; bool debug = 12; bool shared = 13;
  }
  message ListOfSpans { repeated Span spans = 1; }
`);
const ListOfSpans = root.lookupType('ListOfSpans');
const kinds = ['', 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'];

const hexBytes = (hex: string | undefined): Buffer | undefined =>
  hex === undefined ? undefined : Buffer.from(hex, 'hex');

function ipv4Bytes(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text.split('.').map(Number));
}

/** Whole groups only, or one `::` in them. */
function ipv6Bytes(text: string | undefined): Buffer | undefined {
  if (text === undefined) {
    return undefined;
  }
  const [before = [], after = []] = text.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const groups = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function protoEndpoint(endpoint: WireEndpoint | undefined): object | undefined {
  return endpoint && { ...endpoint, ipv4: ipv4Bytes(endpoint.ipv4), ipv6: ipv6Bytes(endpoint.ipv6) };
}

/** A body of `application/x-protobuf`. */
export function protoBody(spans: readonly V2Span[]): Buffer {
  const messages = spans.map((span) => ({
    ...span,
    traceId: hexBytes(span.traceId),
    id: hexBytes(span.id),
    parentId: hexBytes(span.parentId),
    kind: kinds.indexOf(span.kind ?? ''),
    localEndpoint: protoEndpoint(span.localEndpoint),
    remoteEndpoint: protoEndpoint(span.remoteEndpoint),
  }));
  return Buffer.from(ListOfSpans.encode(ListOfSpans.create({ spans: messages })).finish());
}

const text = (value: string): ThriftField => ({ kind: 'bytes', value });
const whole = (value: number): ThriftField => ({ kind: 'i64', value: BigInt(value) });
const id = (hex: string): ThriftField => ({ kind: 'i64', value: BigInt(`0x${hex}`) });

function thriftEndpoint({ serviceName, ipv4, ipv6, port }: WireEndpoint): ThriftField {
  const bytes = ipv6Bytes(ipv6);
  const value: ThriftStruct = [
    [1, { kind: 'i32', value: ipv4Bytes(ipv4)?.readUInt32BE() ?? 0 }],
    [2, { kind: 'i16', value: port ?? 0 }],
    [3, text(serviceName ?? '')],
    ...(bytes === undefined ? [] : [[4, { kind: 'bytes', value: bytes }] as const]),
  ];
  return { kind: 'struct', value };
}

type Fields = ThriftStruct;
const endpointField = (at: number, endpoint: WireEndpoint | undefined): Fields =>
  endpoint === undefined ? [] : [[at, thriftEndpoint(endpoint)]];

export function thriftSpan(span: V1Span): ThriftStruct {
  const optional = <T>(value: T | undefined, field: (value: T) => Fields[number]): Fields =>
    value === undefined ? [] : [field(value)];
  return [
    [1, id(span.traceId.slice(-16))],
    ...optional(span.name, (name) => [3, text(name)]),
    [4, id(span.id)],
    ...optional(span.parentId, (parent) => [5, id(parent)]),
    [
      6,
      {
        kind: 'list',
        value: span.annotations.map(({ timestamp, value, endpoint }) => [
          [1, whole(timestamp)],
          [2, text(value)],
          ...endpointField(3, endpoint),
        ]),
      },
    ],
    [
      8,
      {
        kind: 'list',
        value: span.binaryAnnotations.map(({ key, value, endpoint }) => [
          [1, text(key)],
          [2, typeof value === 'string' ? text(value) : { kind: 'bytes', value: Buffer.from([value ? 1 : 0]) }],
          [3, { kind: 'i32', value: typeof value === 'string' ? 6 : 0 }],
          ...endpointField(4, endpoint),
        ]),
      },
    ],
    ...optional(span.debug, (value) => [9, { kind: 'bool', value }]),
    ...optional(span.timestamp, (timestamp) => [10, whole(timestamp)]),
    ...optional(span.duration, (duration) => [11, whole(duration)]),
    ...(span.traceId.length === 32 ? [[12, id(span.traceId.slice(0, 16))] as const] : []),
  ];
}

/** A body of `application/x-thrift`. */
export function thriftBody(spans: readonly V1Span[]): Buffer {
  return thriftList(spans.map(thriftSpan));
}
