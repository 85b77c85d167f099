import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Span } from '../../model/span.ts';
import { zipkinJson } from '../zipkin-json/zipkin-json.ts';
import { checkZipkinProto, zipkinProto } from './zipkin-proto.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const dir = join(samples, 'envoy', 'zipkin-v2-proto');
const envoy = readdirSync(dir)
  .filter((name) => name.endsWith('.body'))
  .map((name) => ({ name, bytes: readFileSync(join(dir, name)) }));

/** Written from the field list of the Zipkin API, for the independent encoder and decoder. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ListOfSpans { repeated Span spans = 1; uint32 later = 15; }
  message Span {
    bytes trace_id = 1; bytes parent_id = 2; bytes id = 3; uint32 kind = 4; string name = 5;
    fixed64 timestamp = 6; uint64 duration = 7; Endpoint local_endpoint = 8; Endpoint remote_endpoint = 9;
    repeated Annotation annotations = 10; map<string, string> tags = 11; bool debug = 12; bool shared = 13;
    string later_text = 99; fixed32 later_fixed = 100; double later_double = 101; uint64 later_number = 102;
  }
  message Endpoint { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
  message Annotation { fixed64 timestamp = 1; string value = 2; }
`);
const list = root.lookupType('ListOfSpans');

type Fields = Readonly<Record<string, unknown>>;
const ids = { traceId: Buffer.from('0a0b', 'hex'), id: Buffer.from('01', 'hex') };

function encode(...spans: readonly Fields[]): Uint8Array {
  return list.encode(list.create({ spans: spans.map((span) => ({ ...ids, ...span })) })).finish();
}

function read(span: Fields): Omit<Span, 'traceId' | 'id'> {
  const [first] = zipkinProto.decode(encode(span));
  const { traceId, id, ...rest } = first ?? { traceId: '', id: '' };
  return rest;
}

function faultOf(bytes: Uint8Array): string {
  try {
    zipkinProto.decode(bytes);
  } catch (error) {
    if (hasCode(error, 'BRIDGE_DECODE')) {
      return error.message;
    }
    throw error;
  }
  return 'no fault';
}

/** The Zipkin JSON that the independent decoder's objects stand for. */
function jsonOf(bytes: Uint8Array): string {
  const text = (value: unknown): string => String(value);
  const hex = (value: unknown): string => Buffer.from(value as Uint8Array).toString('hex');
  const endpoint = (value: Fields | undefined) =>
    value && {
      serviceName: value['serviceName'],
      port: value['port'],
      ipv4: value['ipv4'] && [...(value['ipv4'] as Uint8Array)].join('.'),
    };
  const decoded = list.toObject(list.decode(bytes), { longs: String }) as { spans?: Fields[] };
  const spans = (decoded.spans ?? []).map((span) => ({
    traceId: hex(span['traceId']),
    id: hex(span['id']),
    parentId: span['parentId'] && hex(span['parentId']),
    kind: [null, 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'][Number(span['kind'] ?? 0)],
    name: span['name'],
    timestamp: span['timestamp'] && text(span['timestamp']),
    duration: span['duration'] && text(span['duration']),
    localEndpoint: endpoint(span['localEndpoint'] as Fields | undefined),
    remoteEndpoint: endpoint(span['remoteEndpoint'] as Fields | undefined),
    annotations: span['annotations'],
    tags: span['tags'],
    debug: span['debug'],
    shared: span['shared'],
  }));
  return JSON.stringify(spans);
}

describe('real Envoy bodies', () => {
  test.each(envoy)('$name say the same to an independent decoder', ({ bytes }) => {
    const spans = zipkinProto.decode(bytes);
    expect(spans).toEqual(zipkinJson.decode(Buffer.from(jsonOf(bytes))));
    expect(spans.length).toBeGreaterThan(0);
    expect(checkZipkinProto(bytes)).toEqual({ ok: true, items: spans.length, payload: bytes });
  });

  test('carry the same members as the JSON bodies of the same mesh', () => {
    const json = join(samples, 'envoy', 'zipkin-v2-json');
    const shapes = (spans: readonly Span[]): string[] =>
      [...new Set(spans.flatMap((span) => [...Object.keys(span), ...Object.keys(span.tags ?? {})]))].sort();
    const fromJson = readdirSync(json)
      .filter((name) => name.endsWith('.body'))
      .flatMap((name) => zipkinJson.decode(readFileSync(join(json, name))));
    expect(shapes(envoy.flatMap(({ bytes }) => zipkinProto.decode(bytes)))).toEqual(shapes(fromJson));
  });
});

describe('fields', () => {
  test('of a whole span', () => {
    const bytes = encode({
      traceId: Buffer.from('4bf92f3577b34da60000000000004001', 'hex'),
      parentId: Buffer.from('000000000000000b', 'hex'),
      kind: 2,
      name: 'GET /Foo',
      timestamp: 1_795_253_825_322_169,
      duration: 250,
      localEndpoint: { serviceName: 'Frontend', ipv4: Buffer.from([127, 0, 0, 1]) },
      remoteEndpoint: { ipv6: Buffer.from('20010db800000000000000000000c001', 'hex'), port: 9_000 },
      annotations: [
        { timestamp: 2, value: 'b' },
        { timestamp: 1, value: 'a' },
      ],
      tags: { 'http.path': '/api', empty: '' },
      debug: true,
      shared: true,
    });
    expect(zipkinProto.decode(bytes)).toEqual([
      {
        traceId: '4bf92f3577b34da60000000000004001',
        parentId: '000000000000000b',
        id: '0000000000000001',
        kind: 'SERVER',
        name: 'get /foo',
        rawName: 'GET /Foo',
        timestamp: 1_795_253_825_322_169,
        duration: 250,
        localEndpoint: { serviceName: 'frontend', ipv4: '127.0.0.1' },
        remoteEndpoint: { ipv6: '2001:db8::c001', port: 9_000 },
        annotations: [
          { timestamp: 1, value: 'a' },
          { timestamp: 2, value: 'b' },
        ],
        tags: { 'http.path': '/api', empty: '' },
        debug: true,
        shared: true,
      },
    ]);
  });

  test('that are unknown are skipped, whatever their kind', () => {
    const span = {
      name: 'a',
      laterText: 'x'.repeat(300),
      laterFixed: 1,
      laterDouble: 1.5,
      laterNumber: '18446744073709551615',
    };
    expect(read(span)).toEqual({ name: 'a' });
    const bytes = list.encode(list.create({ spans: [ids], later: 5 })).finish();
    expect(zipkinProto.decode(bytes)).toHaveLength(1);
  });

  test.each([
    ['a kind of the future', { kind: 9 }, {}],
    ['a client that is shared', { kind: 1, shared: true }, { kind: 'CLIENT' }],
    ['a parent of zeros', { parentId: Buffer.alloc(8) }, {}],
    ['its own parent', { parentId: Buffer.from('01', 'hex') }, {}],
    ['a negative duration', { duration: '18446744073709551615' }, {}],
    ['a negative time', { timestamp: '18446744073709551615' }, {}],
    ['an annotation without time', { annotations: [{ value: 'a' }] }, {}],
    ['an annotation without value', { annotations: [{ timestamp: 1 }] }, {}],
    ['an address of a wrong length', { localEndpoint: { ipv4: Buffer.from([1, 2, 3]), ipv6: Buffer.alloc(4) } }, {}],
    [
      'a mapped address',
      { localEndpoint: { ipv6: Buffer.from('00000000000000000000ffff01020304', 'hex') } },
      { localEndpoint: { ipv4: '1.2.3.4' } },
    ],
    ['a negative port', { localEndpoint: { serviceName: 'a', port: -1 } }, { localEndpoint: { serviceName: 'a' } }],
    [
      'a tag named __proto__',
      { tags: JSON.parse('{"__proto__":"x"}') as Fields },
      { tags: JSON.parse('{"__proto__":"x"}') as Fields },
    ],
  ])('with %s', (_what, span, expected) => {
    expect(read(span)).toEqual(expected);
  });

  test.each([
    ['no trace id', { traceId: Buffer.alloc(0) }, '$[1].traceId is missing; expected a string'],
    ['a trace id of zeros', { traceId: Buffer.alloc(16) }, '$[1].traceId is all zeros'],
    [
      'a trace id of 20 bytes',
      { traceId: Buffer.alloc(20, 1) },
      `$[1].traceId is "${'01'.repeat(20)}"; expected 1 to 32 lower-case hex digits`,
    ],
    ['no id', { id: Buffer.alloc(0) }, '$[1].id is missing; expected a string'],
    ['an id of zeros', { id: Buffer.alloc(8) }, '$[1].id is all zeros'],
    [
      'an id of 9 bytes',
      { id: Buffer.alloc(9, 1) },
      `$[1].id is "${'01'.repeat(9)}"; expected 1 to 16 lower-case hex digits`,
    ],
    [
      'a port past the last one',
      { remoteEndpoint: { port: 65_536 } },
      '$[1].remoteEndpoint.port is 65536; expected a port up to 65535',
    ],
  ])('with %s are refused by their path', (_what, span, message) => {
    const bytes = encode({}, span, {});
    expect(faultOf(bytes)).toBe(message);
    expect(checkZipkinProto(bytes)).toEqual({ ok: false, items: 2, reason: message });
  });
});

describe('bytes', () => {
  test.each([
    ['68656c6c6f', '$ is not a zipkin.proto3.ListOfSpans, which begins with the byte 0a'],
    ['0a00', '$ is not a zipkin.proto3.ListOfSpans, which begins with the byte 0a'],
    ['0a', '$[0] byte 1: the body ends inside a number'],
    ['0a05', '$[0] byte 2: the body ends inside a value of 5 bytes'],
    ['0a010a', '$[0] byte 3: the body ends inside a number'],
    ['0a020001', '$[0] byte 3: field number 0'],
    ['0a020b01', '$[0] byte 3: wire type 3'],
    ['0affffffffffffffffffff01', '$[0] byte 11: a number of more than ten bytes'],
    ['0affffffffffffffffff01', '$[0] byte 11: the body ends inside a value of 18446744073709552000 bytes'],
  ])('%s are refused', (bytes, message) => {
    expect(faultOf(Buffer.from(bytes, 'hex'))).toBe(message);
  });

  test('that are none are an empty list', () => {
    expect(zipkinProto.decode(Buffer.alloc(0))).toEqual([]);
  });

  test('of any kind are spans or BRIDGE_DECODE, the same for the check as for the decoder', () => {
    const golden = envoy[0]?.bytes ?? Buffer.alloc(0);
    const change = fc.tuple(fc.nat(golden.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(golden);
        for (const [at, value] of changes) {
          bytes[at] = value;
        }
        const fault = faultOf(bytes);
        const checked = checkZipkinProto(bytes);
        expect(checked.ok ? 'no fault' : checked.reason).toBe(fault);
      }),
      { numRuns: 1_000 },
    );
  });
});

describeCodec<readonly Span[]>({
  name: 'zipkin-proto3',
  decoder: zipkinProto,
  goldens: envoy.map(({ name, bytes }) => ({
    name,
    bytes,
    check: (spans) => {
      expect(spans).toEqual(zipkinJson.decode(Buffer.from(jsonOf(bytes))));
    },
  })),
  prefix: {
    why: 'a list cut between two spans is a shorter list',
    holds: (part, whole) => part.every((span, index) => JSON.stringify(span) === JSON.stringify(whole[index])),
  },
});
