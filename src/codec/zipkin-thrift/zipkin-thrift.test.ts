import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Span } from '../../model/span.ts';
import { zipkinJsonV1 } from '../zipkin-json-v1/zipkin-json-v1.ts';
import { checkZipkinThrift, zipkinThrift } from './zipkin-thrift.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

/** Writes TBinaryProtocol from what the protocol's specification says, independently of the reader. */
type Value =
  | { readonly type: 2; readonly of: boolean }
  | { readonly type: 6 | 8; readonly of: number }
  | { readonly type: 10; readonly of: bigint }
  | { readonly type: 11; readonly of: string | Buffer }
  | { readonly type: 12; readonly of: Struct }
  | { readonly type: 15; readonly of: readonly Value[]; readonly element: number }
  | {
      readonly type: 13;
      readonly of: readonly (readonly [Value, Value])[];
      readonly key: number;
      readonly value: number;
    };
type Struct = readonly (readonly [number, Value])[];

const bool = (of: boolean): Value => ({ type: 2, of });
const i16 = (of: number): Value => ({ type: 6, of });
const i32 = (of: number): Value => ({ type: 8, of });
const i64 = (of: bigint): Value => ({ type: 10, of });
const text = (of: string | Buffer): Value => ({ type: 11, of });
const struct = (of: Struct): Value => ({ type: 12, of });
const list = (of: readonly Value[], element = 12): Value => ({ type: 15, of, element });

function be(bytes: number, write: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(bytes);
  write(buffer);
  return buffer;
}

function written(value: Value): Buffer {
  switch (value.type) {
    case 2:
      return Buffer.from([value.of ? 1 : 0]);
    case 6:
      return be(2, (buffer) => buffer.writeInt16BE(value.of));
    case 8:
      return be(4, (buffer) => buffer.writeInt32BE(value.of));
    case 10:
      return be(8, (buffer) => buffer.writeBigInt64BE(value.of));
    case 11: {
      const bytes = Buffer.from(value.of as string);
      return Buffer.concat([written(i32(bytes.length)), bytes]);
    }
    case 12:
      return Buffer.concat([
        ...value.of.flatMap(([field, one]) => [Buffer.from([one.type, field >> 8, field & 255]), written(one)]),
        Buffer.from([0]),
      ]);
    case 13:
      return Buffer.concat([
        Buffer.from([value.key, value.value]),
        written(i32(value.of.length)),
        ...value.of.flatMap((pair) => pair.map(written)),
      ]);
    default:
      return Buffer.concat([Buffer.from([value.element]), written(i32(value.of.length)), ...value.of.map(written)]);
  }
}

const identity: Struct = [
  [1, i64(0xan)],
  [4, i64(0xbn)],
];

function body(...spans: readonly Struct[]): Buffer {
  return written(list(spans.map((span) => struct([...identity, ...span]))));
}

function read(span: Struct): Omit<Span, 'traceId' | 'id'> {
  const [first] = zipkinThrift.decode(body(span));
  const { traceId, id, ...rest } = first ?? { traceId: '', id: '' };
  return rest;
}

function faultOf(bytes: Uint8Array): string {
  try {
    zipkinThrift.decode(bytes);
  } catch (error) {
    if (hasCode(error, 'BRIDGE_DECODE')) {
      return error.message;
    }
    throw error;
  }
  return 'no fault';
}

const endpoint = struct([
  [1, i32(0x7f000001)],
  [2, i16(-28672)],
  [3, text('Frontend')],
]);
const spoken = { serviceName: 'frontend', ipv4: '127.0.0.1', port: 36864 };

describe('a span', () => {
  test('has both halves of its trace id, where the high one says something', () => {
    const high = (of: bigint) => zipkinThrift.decode(body([[12, i64(of)]]))[0]?.traceId;
    expect(high(0x4bf92f3577b34da6n)).toBe('4bf92f3577b34da6000000000000000a');
    expect(high(-1n)).toBe('ffffffffffffffff000000000000000a');
    expect(high(0n)).toBe('000000000000000a');
  });

  test('has its parent, name, times and debug flag', () => {
    const span = read([
      [3, text('GET')],
      [5, i64(-2n)],
      [9, bool(true)],
      [10, i64(1_795_253_868_467_503n)],
      [11, i64(7n)],
    ]);
    expect(span).toEqual({
      parentId: 'fffffffffffffffe',
      name: 'get',
      rawName: 'GET',
      debug: true,
      timestamp: 1_795_253_868_467_503,
      duration: 7,
    });
  });

  test('of times of zero or less has none', () => {
    expect(
      read([
        [10, i64(0n)],
        [11, i64(-5n)],
      ]),
    ).toEqual({});
  });

  test('has the greatest time that there is', () => {
    expect(read([[10, i64(2n ** 63n - 1n)]])).toEqual({ timestamp: 2 ** 63 });
  });

  test('is told from its fields whatever else stands between them, of any type and depth', () => {
    const map: Value = { type: 13, key: 11, value: 15, of: [[text('k'), list([i64(1n), i64(2n)], 10)]] };
    const unknown = struct([
      [1, map],
      [2, struct([[300, list([text('x')], 11)]])],
      [3, list([i16(1)], 6)],
    ]);
    expect(
      read([
        [98, unknown],
        [10, i64(5n)],
        [3, i32(7)],
        [6, text('no list')],
        [9, i64(1n)],
      ]),
    ).toEqual({ timestamp: 5 });
  });
});

describe('what a span says', () => {
  test('are events, whose two sides become a kind', () => {
    const events = list([
      struct([
        [1, i64(100n)],
        [2, text('cs')],
        [3, endpoint],
      ]),
      struct([
        [1, i64(130n)],
        [2, text('cr')],
        [3, endpoint],
      ]),
    ]);
    expect(read([[6, events]])).toEqual({ kind: 'CLIENT', timestamp: 100, duration: 30, localEndpoint: spoken });
  });

  test('are tags of texts; numbers and bytes are dropped, as from JSON', () => {
    const tag = (key: string, value: Buffer | string, type: number) =>
      struct([
        [1, text(key)],
        [2, text(value)],
        [3, i32(type)],
        [4, endpoint],
      ]);
    const tags = list([tag('a', 'ü', 6), tag('b', Buffer.from([0, 5]), 2), tag('c', Buffer.from([1]), 0)]);
    expect(read([[8, tags]])).toEqual({ localEndpoint: spoken, tags: { a: 'ü' } });
  });

  test.each([
    [Buffer.from([1]), 0, true],
    [Buffer.from([0]), 0, false],
    [Buffer.from([1, 1]), 0, false],
    ['true', 6, true],
  ])('is whom it called: sa of %j as type %s', (value, type, isCalled) => {
    const called = struct([
      [1, text('sa')],
      [2, text(value)],
      [3, i32(type)],
      [4, struct([[3, text('backend')]])],
    ]);
    const event = struct([
      [1, i64(100n)],
      [2, text('cs')],
      [3, endpoint],
    ]);
    const span = read([
      [6, list([event])],
      [8, list([called])],
    ]);
    expect(span.remoteEndpoint).toEqual(isCalled ? { serviceName: 'backend' } : undefined);
  });

  test('is left out where it lacks its time, key or value', () => {
    const lacking = [
      [6, list([struct([[2, text('x')]]), struct([[1, i64(5n)]])])],
      [8, list([struct([[1, text('k')]]), struct([[2, text('v')]])])],
    ] as const;
    expect(read(lacking)).toEqual({});
  });

  test.each([
    [Buffer.from('20010db800000000000000000000c001', 'hex'), { ipv6: '2001:db8::c001' }],
    [Buffer.from('00000000000000000000ffff01020304', 'hex'), { ipv4: '1.2.3.4' }],
    [Buffer.from('0102', 'hex'), {}],
  ])('comes from an address of 16 bytes: %j', (address, expected) => {
    const at = struct([
      [1, i32(0)],
      [3, text('s')],
      [4, text(address)],
    ]);
    const events = list([
      struct([
        [1, i64(1n)],
        [2, text('x')],
        [3, at],
      ]),
    ]);
    expect(read([[6, events]]).localEndpoint).toEqual({ serviceName: 's', ...expected });
  });
});

describe('a body', () => {
  test('may begin as an old reporter wrote it, and ends with its list', () => {
    const whole = body([], []);
    const old = Buffer.concat([Buffer.from([0x0b]), whole.subarray(1), Buffer.from('more')]);
    expect(zipkinThrift.decode(old)).toHaveLength(2);
    expect(checkZipkinThrift(old)).toEqual({ ok: true, items: 2, payload: old.subarray(0, whole.length) });
  });

  test.each([
    [written(struct(identity)), '$ is not a thrift list of spans, which begins with the byte 0c'],
    [Buffer.from('[]'), '$ is not a thrift list of spans, which begins with the byte 0c'],
    [Buffer.from('0c7fffffff', 'hex'), '$ byte 5: a count of 2147483647, with 0 bytes left'],
    [Buffer.from('0cffffffff', 'hex'), '$ byte 5: a count of -1, with 0 bytes left'],
    [written(list([struct([[4, i64(1n)]])])), '$[0].traceId is missing; expected a string'],
    [
      written(
        list([
          struct([
            [1, i64(0n)],
            [4, i64(1n)],
          ]),
        ]),
      ),
      '$[0].traceId is all zeros',
    ],
    [written(list([struct([[1, i64(1n)]])])), '$[0].id is missing; expected a string'],
    [body([[3, text('x'.repeat(9))]]).subarray(0, 40), '$[0] byte 34: the body ends inside a value of 9 bytes'],
    [Buffer.from('0c00000001010001', 'hex'), '$[0] byte 8: type 1'],
  ])('is refused with its place: %#', (bytes, message) => {
    expect(faultOf(bytes)).toBe(message);
    expect(checkZipkinThrift(bytes)).toEqual({ ok: false, items: 1, reason: message });
  });

  test('of values within values without end is refused', () => {
    const deep = Buffer.concat([Buffer.from('0c00000001', 'hex'), Buffer.from('0c0063'.repeat(5000), 'hex')]);
    expect(faultOf(deep)).toMatch(/^\$\[0\] byte \d+: values within values/);
  });

  test('cut or spoiled anywhere is refused or read, and both ways of reading agree', () => {
    const whole = body(
      [
        [
          6,
          list([
            struct([
              [1, i64(100n)],
              [2, text('sr')],
              [3, endpoint],
            ]),
          ]),
        ],
        [
          8,
          list([
            struct([
              [1, text('k')],
              [2, text('v')],
              [3, i32(6)],
            ]),
          ]),
        ],
      ],
      [[3, text('GET')]],
    );
    for (let end = 0; end < whole.length; end += 1) {
      expect(checkZipkinThrift(whole.subarray(0, end)).ok).toBe(false);
    }
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const spoiled = Buffer.from(whole);
        spoiled[at] = (spoiled[at] ?? 0) ^ bits;
        const fault = faultOf(spoiled);
        const check = checkZipkinThrift(spoiled);
        expect(check.ok ? 'no fault' : check.reason).toBe(fault);
      }),
      { numRuns: 1000 },
    );
  });

  test('says what the JSON of the same spans says', () => {
    const value = fc.constantFrom('cs', 'cr', 'sr', 'ss', 'ms', 'mr', 'ws', 'wr', 'x');
    const name = fc.option(fc.constantFrom('a', 'b'), { nil: undefined });
    const event = fc.record({ value, timestamp: fc.integer({ min: 1, max: 50 }), name });
    const time = fc.integer({ min: 0, max: 50 });
    const speaker = (service: string | undefined): Struct =>
      service === undefined ? [] : [[3, struct([[3, text(service)]])]];
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), time, time, (events, timestamp, duration) => {
        const thrift = body([
          [10, i64(BigInt(timestamp))],
          [11, i64(BigInt(duration))],
          [
            6,
            list(
              events.map((one) =>
                struct([[1, i64(BigInt(one.timestamp))], [2, text(one.value)], ...speaker(one.name)]),
              ),
            ),
          ],
        ]);
        const json = [
          {
            traceId: 'a',
            id: 'b',
            timestamp,
            duration,
            annotations: events.map((one) => ({
              value: one.value,
              timestamp: one.timestamp,
              ...(one.name && { endpoint: { serviceName: one.name } }),
            })),
          },
        ];
        expect(zipkinThrift.decode(thrift)).toEqual(zipkinJsonV1.decode(Buffer.from(JSON.stringify(json))));
      }),
      { numRuns: 300 },
    );
  });
});

interface Recorded {
  readonly suite: number | string;
  readonly label: string;
  readonly full_hex?: string;
}

const recorded = readFileSync(join(samples, 'zipkin', 'oracle.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Recorded)
  .filter(({ suite, label }) => suite === 'bytes' && label.startsWith('thrift'));

test('the reference server was sent thrift', () => {
  expect(recorded.map(({ label }) => label)).toEqual(['thrift list', 'thrift list no unknown']);
});

/** The one with unknown fields is refused by the reference server, which steps over them wrongly (spec/tracing.md §1.9). */
describeCodec<readonly Span[]>({
  name: 'zipkin-thrift',
  decoder: zipkinThrift,
  goldens: recorded.map(({ label, full_hex: hex = '' }) => ({
    name: label,
    bytes: Buffer.from(hex, 'hex'),
    check: (spans) => {
      expect(spans).toEqual([
        {
          traceId: '4bf92f3577b34da60000000000003001',
          parentId: '000000000000000b',
          id: '000000000000000a',
          kind: 'CLIENT',
          name: 'get',
          rawName: 'GET',
          timestamp: 1795253868467503,
          duration: 7,
          localEndpoint: { serviceName: 'frontend', ipv4: '127.0.0.1', port: 36864 },
          remoteEndpoint: { serviceName: 'backend', ipv4: '192.168.99.101', ipv6: '2001:db8::c001', port: 9000 },
          tags: { 'http.path': '/api' },
        },
      ]);
    },
  })),
});
