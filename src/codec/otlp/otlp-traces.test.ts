import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Span } from '../../model/span.ts';
import { checkOtlpTraces, checkOtlpTracesJson, otlpTraces, otlpTracesJson } from './otlp-traces.ts';

/** Written from the field list of the OpenTelemetry protocol, for the independent encoder. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5;
    int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
    uint32 dropped_attributes_count = 10; repeated Event events = 11; uint32 dropped_events_count = 12;
    repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15; fixed32 flags = 16;
  }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; uint32 dropped = 4; }
  message Link { bytes trace_id = 1; bytes span_id = 2; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value {
    string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
`,
);
const requestType = root.lookupType('Request');

type Fields = Readonly<Record<string, unknown>>;
const traceHex = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanHex = '00f067aa0ba902b7';
const startNanos = '1795253868467503999';
const startMicros = 1_795_253_868_467_503;

/** The request as OTLP's JSON has it: ids as hex, 64-bit numbers as texts, enums as numbers. */
function request(span: Fields, source: { resource?: Fields; scope?: Fields } = {}): object {
  const spans = [{ traceId: traceHex, spanId: spanHex, startTimeUnixNano: startNanos, ...span }];
  return {
    resourceSpans: [
      {
        ...(source.resource && { resource: source.resource }),
        scopeSpans: [{ spans, ...(source.scope && { scope: source.scope }) }],
      },
    ],
  };
}

function jsonBytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The same in protobuf, by the independent encoder: hex becomes bytes. */
function protoBytes(value: object): Buffer {
  const withBytes = JSON.parse(JSON.stringify(value), (key, one) =>
    /^(traceId|spanId|parentSpanId)$/.test(key) ? Buffer.from(one, 'hex').toString('base64') : one,
  );
  return Buffer.from(requestType.encode(requestType.fromObject(withBytes)).finish());
}

function faultOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (hasCode(error, 'BRIDGE_DECODE')) {
      return error.message;
    }
    throw error;
  }
  return 'no fault';
}

const text = (stringValue: string) => ({ stringValue });
const attribute = (key: string, value: Fields) => ({ key, value });

describe.each([
  ['protobuf', (value: object) => otlpTraces.decode(protoBytes(value))],
  ['JSON', (value: object) => otlpTracesJson.decode(jsonBytes(value))],
])('a span in %s', (_, decode) => {
  const read = (span: Fields, source = {}): Omit<Span, 'traceId' | 'id'> => {
    const [first] = decode(request(span, source));
    const { traceId, id, ...rest } = first ?? { traceId: '', id: '' };
    return rest;
  };

  test('keeps its ids, its name as written beside the lower-case one, and its times in whole µs', () => {
    const span = {
      name: 'GET /Cart',
      kind: 2,
      parentSpanId: '00000000000000ff',
      endTimeUnixNano: '1795253868469504000',
    };
    expect(decode(request(span))).toEqual([
      {
        traceId: traceHex,
        id: spanHex,
        parentId: '00000000000000ff',
        kind: 'SERVER',
        name: 'get /cart',
        rawName: 'GET /Cart',
        timestamp: startMicros,
        duration: 2001,
      },
    ]);
  });

  test.each([
    [0, undefined],
    [1, undefined],
    [2, 'SERVER'],
    [3, 'CLIENT'],
    [4, 'PRODUCER'],
    [5, 'CONSUMER'],
    [9, undefined],
  ])('of kind %d is %s', (kind, expected) => {
    expect(read({ kind }).kind).toBe(expected);
  });

  test('that is shorter than a µs has one, and that ends before it starts has no duration', () => {
    const lasting = (end: string) => read({ startTimeUnixNano: '5000', endTimeUnixNano: end }).duration;
    expect([lasting('5001'), lasting('6999'), lasting('4000'), lasting('0')]).toEqual([1, 1, undefined, undefined]);
  });

  test('belongs to the service of its resource, whose other attributes and scope it has as tags, unless it has its own', () => {
    const resource = {
      attributes: [attribute('service.name', text('Cart')), attribute('host', text('a')), attribute('zone', text('z'))],
    };
    const scope = { name: 'lib', version: '1.2' };
    const span = { attributes: [attribute('host', text('b'))], traceState: 'k=v' };
    expect(read(span, { resource, scope })).toEqual({
      timestamp: startMicros,
      localEndpoint: { serviceName: 'cart' },
      tags: { host: 'b', zone: 'z', 'otel.scope.name': 'lib', 'otel.scope.version': '1.2', 'w3c.tracestate': 'k=v' },
    });
  });

  test('has its attributes as texts, of whatever type they are', () => {
    const values: readonly (readonly [string, Fields, string])[] = [
      ['text', text('ü'), 'ü'],
      ['yes', { boolValue: true }, 'true'],
      ['no', { boolValue: false }, 'false'],
      ['int', { intValue: '42' }, '42'],
      ['least', { intValue: '-9223372036854775808' }, '-9223372036854775808'],
      ['most', { intValue: '9223372036854775807' }, '9223372036854775807'],
      ['double', { doubleValue: 1.5 }, '1.5'],
      ['bytes', { bytesValue: 'AQID' }, 'AQID'],
      ['list', { arrayValue: { values: [text('a"b'), { intValue: '7' }, { boolValue: true }] } }, '["a\\"b",7,true]'],
      [
        'map',
        { kvlistValue: { values: [attribute('k', { arrayValue: { values: [] } }), attribute('n', {})] } },
        '{"k":[],"n":null}',
      ],
      ['nothing', {}, ''],
    ];
    const span = { attributes: values.map(([key, value]) => attribute(key, value)) };
    expect(read(span).tags).toEqual(Object.fromEntries(values.map(([key, , tag]) => [key, tag])));
  });

  test.each([
    [{ code: 1 }, { 'otel.status_code': 'OK' }],
    [
      { code: 2, message: 'boom' },
      { 'otel.status_code': 'ERROR', error: 'boom' },
    ],
    [{ code: 2 }, { 'otel.status_code': 'ERROR', error: '' }],
    [{ code: 0, message: 'ignored' }, undefined],
    [undefined, undefined],
  ])('with the status %j has the tags %j', (status, tags) => {
    expect(read({ ...(status && { status }) }).tags).toEqual(tags);
  });

  test('has no error tag that says that there was none', () => {
    expect(read({ attributes: [attribute('error', text('false')), attribute('a', text('b'))] }).tags).toEqual({
      a: 'b',
    });
  });

  test('has its events as annotations, with their attributes behind the name', () => {
    const events = [
      { timeUnixNano: '2000', name: 'plain' },
      {
        timeUnixNano: '1000',
        name: 'ex"c',
        attributes: [attribute('n', { intValue: '3' }), attribute('t', text('x'))],
      },
    ];
    expect(read({ events }).annotations).toEqual([
      { timestamp: 1, value: '"ex\\"c": {"n":3,"t":"x"}' },
      { timestamp: 2, value: 'plain' },
    ]);
  });

  test('says how much was dropped before it came', () => {
    const counts = { droppedAttributesCount: 1, droppedEventsCount: 2, droppedLinksCount: 3 };
    expect(read(counts).tags).toEqual({
      'otel.dropped_attributes_count': '1',
      'otel.dropped_events_count': '2',
      'otel.dropped_links_count': '3',
    });
  });

  test('knows whom it called by the best attribute for that, a name or an address', () => {
    const remote = (kind: number, ...pairs: readonly (readonly [string, Fields])[]) =>
      read({ kind, attributes: pairs.map(([key, value]) => attribute(key, value)) }).remoteEndpoint;
    const address = ['net.sock.peer.addr', text('10.0.0.9')] as const;
    const port = ['net.sock.peer.port', { intValue: '5432' }] as const;
    expect(remote(3, address, port)).toEqual({ ipv4: '10.0.0.9', port: 5432 });
    expect(remote(3, address, ['peer.service', text('DB')])).toEqual({ serviceName: 'db' });
    expect(remote(2, address)).toBeUndefined();
    expect(remote(3)).toBeUndefined();
  });

  test.each([[{ traceId: '00000000000000000000000000000000' }], [{ spanId: '0000000000000000' }], [{ spanId: '' }]])(
    'without valid ids is left out, and the others are kept: %j',
    (broken) => {
      const good = { traceId: traceHex, spanId: spanHex };
      const value = { resourceSpans: [{ scopeSpans: [{ spans: [{ ...good, ...broken }, good] }] }] };
      expect(decode(value).map(({ id }) => id)).toEqual([spanHex]);
      const expected = {
        ok: true,
        items: 1,
        rejected: 1,
        firstFault: expect.stringMatching(/^span 1: (traceId|spanId) is /),
      };
      expect(checkOtlpTraces(protoBytes(value))).toEqual(expected);
      expect(checkOtlpTracesJson(jsonBytes(value))).toEqual(expected);
    },
  );
});

describe('protobuf', () => {
  test('may have the resource and the scope behind the spans', () => {
    const whole = request(
      {},
      { resource: { attributes: [attribute('service.name', text('late'))] }, scope: { name: 'after' } },
    );
    const bytes = protoBytes(whole);
    const resourceAt = bytes.indexOf(Buffer.from('service.name')) - 6;
    const resourceEnd = resourceAt + 2 + (bytes[resourceAt + 1] ?? 0);
    const swapped = Buffer.concat([
      bytes.subarray(0, 2),
      bytes.subarray(resourceEnd),
      bytes.subarray(resourceAt, resourceEnd),
    ]);
    expect([bytes[0], bytes[2], resourceAt]).toEqual([0x0a, 0x0a, 2]);
    expect(otlpTraces.decode(swapped)).toEqual(otlpTraces.decode(bytes));
  });

  test('is refused with the byte where it breaks, wherever it is cut inside of a value', () => {
    const bytes = protoBytes(request({ name: 'abc', attributes: [attribute('k', text('v'))] }));
    for (let end = 1; end < bytes.length; end += 1) {
      expect(faultOf(() => otlpTraces.decode(bytes.subarray(0, end)))).toMatch(/^\$ byte \d+: /);
      expect(checkOtlpTraces(bytes.subarray(0, end)).ok).toBe(false);
    }
  });

  test('of values within values without end is refused', () => {
    let value: Uint8Array = Buffer.alloc(0);
    const wrap = (field: number, inner: Uint8Array): Uint8Array => {
      const head = protobuf.Writer.create()
        .uint32((field << 3) | 2)
        .uint32(inner.length)
        .finish();
      return Buffer.concat([head, inner]);
    };
    for (let depth = 0; depth < 200; depth += 1) {
      value = wrap(5, wrap(1, value));
    }
    const body = wrap(1, wrap(2, wrap(2, wrap(9, wrap(2, value)))));
    expect(faultOf(() => otlpTraces.decode(body))).toMatch(/values within values/);
  });

  test('spoiled anywhere is refused or read, and the check says which', () => {
    const bytes = protoBytes(
      request({ name: 'abc', attributes: [attribute('k', { intValue: '5' })], status: { code: 2 } }),
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const spoiled = Buffer.from(bytes);
        spoiled[at] = (spoiled[at] ?? 0) ^ bits;
        const checked = checkOtlpTraces(spoiled);
        const decoded = checked.ok ? otlpTraces.decode(spoiled).length : faultOf(() => otlpTraces.decode(spoiled));
        expect(decoded).toBe(checked.ok ? checked.items : checked.reason);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('JSON', () => {
  test('may have numbers for texts, names for enums and upper-case ids, as some senders do', () => {
    const span = {
      traceId: traceHex.toUpperCase(),
      kind: 'SPAN_KIND_CLIENT',
      status: { code: 'STATUS_CODE_ERROR' },
      startTimeUnixNano: 5000,
      attributes: [attribute('n', { intValue: 9 }), attribute('b', { intValue: 0 })],
    };
    expect(otlpTracesJson.decode(jsonBytes(request(span)))).toEqual([
      {
        traceId: traceHex,
        id: spanHex,
        kind: 'CLIENT',
        timestamp: 5,
        tags: { n: '9', b: '0', 'otel.status_code': 'ERROR', error: '' },
      },
    ]);
  });

  test('keeps all digits of an integer that stands as a number', () => {
    const body = JSON.stringify(request({ attributes: [attribute('n', { intValue: 0 })] })).replace(
      '"intValue":0',
      '"intValue":9007199254740993',
    );
    expect(otlpTracesJson.decode(Buffer.from(body))[0]?.tags).toEqual({ n: '9007199254740993' });
  });

  test.each([
    ['', '$ is not JSON'],
    ['{', '$ is not JSON'],
    ['[]', '$ is a list; expected an object with resourceSpans'],
    ['{"resourceSpans":5}', '$.resourceSpans is a number; expected a list'],
    ['{"resourceSpans":[{"scopeSpans":[{"spans":[5]}]}]}', '$.resourceSpans[0].scopeSpans[0].spans[0] is a number'],
    [
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"x"}]}]}]}',
      '$.resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano is "x"; expected ns since 1970',
    ],
    [
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"OTHER"}]}]}]}',
      '$.resourceSpans[0].scopeSpans[0].spans[0].kind is "OTHER"; expected a number or one of SPAN_KIND_UNSPECIFIED',
    ],
  ])('%s is refused by its path', (body, message) => {
    expect(faultOf(() => otlpTracesJson.decode(Buffer.from(body)))).toContain(message);
    expect(checkOtlpTracesJson(Buffer.from(body))).toEqual({ ok: false, reason: expect.stringContaining(message) });
  });
});

test('a request without spans is taken, in both encodings', () => {
  expect(checkOtlpTraces(Buffer.alloc(0))).toEqual({ ok: true, items: 0, rejected: 0 });
  expect(checkOtlpTracesJson(Buffer.from('{}'))).toEqual({ ok: true, items: 0, rejected: 0 });
});

const golden = request({ name: 'get', kind: 3 }, { resource: { attributes: [attribute('service.name', text('a'))] } });
const ofOneSpan = {
  name: 'of one span',
  check: (spans: readonly Span[]): void => {
    expect(spans).toEqual([
      {
        traceId: traceHex,
        id: spanHex,
        kind: 'CLIENT',
        name: 'get',
        timestamp: startMicros,
        localEndpoint: { serviceName: 'a' },
      },
    ]);
  },
};

describeCodec<readonly Span[]>({
  name: 'otlp-traces',
  decoder: otlpTraces,
  goldens: [{ ...ofOneSpan, bytes: protoBytes(golden) }],
  prefix: { why: 'no bytes are a request without spans', holds: (part) => part.length === 0 },
});

describeCodec<readonly Span[]>({
  name: 'otlp-traces-json',
  decoder: otlpTracesJson,
  goldens: [{ ...ofOneSpan, bytes: jsonBytes(golden) }],
});
