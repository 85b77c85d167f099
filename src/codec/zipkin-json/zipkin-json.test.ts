import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Span } from '../../model/span.ts';
import { parseIp } from './ip.ts';
import { checkZipkinJson, encodeSpan, zipkinJson } from './zipkin-json.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

function bodies(folder: string): { readonly name: string; readonly bytes: Buffer }[] {
  const dir = join(samples, 'envoy', folder);
  const names = readdirSync(dir).filter((name) => name.endsWith('.body'));
  return names.map((name) => ({ name: `${folder}/${name}`, bytes: readFileSync(join(dir, name)) }));
}

const envoy = [...bodies('zipkin-v2-json'), ...bodies('zipkin-v2-json-gateway')];

function decode(text: string): readonly Span[] {
  return zipkinJson.decode(Buffer.from(text));
}

/** What the span of these members becomes, beside its ids. */
function read(members: string): Omit<Span, 'traceId' | 'id'> | undefined {
  const [span] = decode(`[{"traceId":"000000000000000a","id":"000000000000000b"${members}}]`);
  if (span === undefined) {
    return undefined;
  }
  const { traceId, id, ...rest } = span;
  expect([traceId, id]).toEqual(['000000000000000a', '000000000000000b']);
  return rest;
}

function faultOf(bytes: string | Uint8Array): string {
  try {
    zipkinJson.decode(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  } catch (error) {
    if (hasCode(error, 'BRIDGE_DECODE')) {
      return error.message;
    }
    throw error;
  }
  return 'no fault';
}

function faultIn(members: string): string {
  return faultOf(`[{"traceId":"a","id":"b"},{"traceId":"a","id":"b"${members}}]`);
}

describe('real Envoy bodies', () => {
  test.each(envoy)('$name keeps every member of every span', ({ bytes }) => {
    const sent = JSON.parse(bytes.toString()) as Record<string, unknown>[];
    const spans = zipkinJson.decode(bytes);
    expect(spans).toHaveLength(sent.length);
    for (const [index, span] of spans.entries()) {
      const raw = sent[index] ?? {};
      const { port, ...endpoint } = raw['localEndpoint'] as Record<string, unknown>;
      expect(port).toBe(0);
      expect(span).toEqual({ ...raw, localEndpoint: endpoint });
      expect(Object.keys(span.tags ?? {}).length).toBeGreaterThan(10);
    }
  });

  test.each(envoy)('$name is printed in order and reads back the same', ({ bytes }) => {
    const spans = zipkinJson.decode(bytes);
    const printed = Buffer.from(zipkinJson.encode(spans)).toString();
    expect(zipkinJson.decode(Buffer.from(printed))).toEqual(spans);
    const [first] = JSON.parse(printed) as Record<string, Record<string, unknown>>[];
    const order =
      'traceId parentId id kind name timestamp duration localEndpoint remoteEndpoint annotations tags debug shared';
    expect(Object.keys(first ?? {})).toEqual(order.split(' ').filter((key) => first?.[key] !== undefined));
    expect(Object.keys(first?.['tags'] ?? {})).toEqual(Object.keys(first?.['tags'] ?? {}).sort());
  });
});

describe('ids', () => {
  test.each([
    ['a', '000000000000000a'],
    ['123456789012345', '0123456789012345'],
    ['12345678901234567', '00000000000000012345678901234567'],
    ['48485a3953bb61246b221d5bc9e6496c', '48485a3953bb61246b221d5bc9e6496c'],
    ['00000000000000006b221d5bc9e6496c', '6b221d5bc9e6496c'],
  ])('of a trace: "%s" is %s', (sent, expected) => {
    expect(decode(`[{"traceId":"${sent}","id":"b"}]`)[0]?.traceId).toBe(expected);
  });

  test('that are numbers are taken as their digits', () => {
    expect(decode('[{"traceId":123,"id":42,"parentId":7}]')).toEqual([
      { traceId: '0000000000000123', id: '0000000000000042', parentId: '0000000000000007' },
    ]);
    expect(faultOf('[{"traceId":1.5,"id":"b"}]')).toBe('$[0].traceId is "1.5"; expected 1 to 32 lower-case hex digits');
  });

  test.each([
    ['"48485A3953BB6124"', 'is "48485A3953BB6124"; expected 1 to 32 lower-case hex digits'],
    ['"0x1"', 'is "0x1"; expected 1 to 32 lower-case hex digits'],
    ['""', 'is empty; expected 1 to 32 lower-case hex digits'],
    ['"0"', 'is all zeros'],
    ['"00000000000000000000000000000000"', 'is all zeros'],
    ['null', 'is null; expected a string'],
    ['true', 'is a boolean; expected a string'],
    [`"${'1'.repeat(33)}"`, `is "${'1'.repeat(33)}"; expected 1 to 32 lower-case hex digits`],
  ])('of a trace: %s is refused by its path', (sent, message) => {
    expect(faultOf(`[{"traceId":${sent},"id":"b"}]`)).toBe(`$[0].traceId ${message}`);
  });

  test.each([
    ['[{"id":"a"}]', '$[0].traceId is missing; expected a string'],
    ['[{"traceId":"a"}]', '$[0].id is missing; expected a string'],
    ['[{"traceId":"a","id":"0"}]', '$[0].id is all zeros'],
    ['[{"traceId":"a","id":"0000000000000000"}]', '$[0].id is all zeros'],
    [
      '[{"traceId":"a","id":"12345678901234567"}]',
      '$[0].id is "12345678901234567"; expected 1 to 16 lower-case hex digits',
    ],
    ['[{"traceId":"a","id":"b","parentId":""}]', '$[0].parentId is empty; expected 1 to 16 lower-case hex digits'],
  ])('%s is refused', (text, message) => {
    expect(faultOf(text)).toBe(message);
  });

  test.each(['null', '"0"', '"0000000000000000"', '"b"', '"000000000000000b"'])(
    'of a parent: %s means that there is none',
    (sent) => {
      expect(read(`,"parentId":${sent}`)).toEqual({});
    },
  );
});

describe('values', () => {
  test.each([
    ['5', 5],
    ['"123"', 123],
    ['2.0', 2],
    ['1.58266276796031e+15', 1_582_662_767_960_310],
    ['"1e3"', 1_000],
    ['0', undefined],
    ['-5', undefined],
    ['null', undefined],
    ['9223372036854775808', 2 ** 63],
    ['9223372036854775808', 2 ** 63],
    ['" 17 "', 17],
  ])('of a time: %s is %s', (sent, expected) => {
    expect(read(`,"timestamp":${sent},"duration":${sent}`)).toEqual(
      expected === undefined ? {} : { timestamp: expected, duration: expected },
    );
  });

  test.each([
    [',"duration":1.5', '.duration is 1.5; expected an integer of 64 bits'],
    [',"duration":1e30', '.duration is 1e+30; expected an integer of 64 bits'],
    [',"timestamp":-1e30', '.timestamp is -1e+30; expected an integer of 64 bits'],
    [',"duration":"abc"', '.duration is "abc"; expected an integer'],
    [',"duration":""', '.duration is ""; expected an integer'],
    [',"duration":true', '.duration is a boolean; expected an integer'],
    [',"timestamp":[1]', '.timestamp is a list; expected an integer'],
    [',"kind":"client"', '.kind is "client"; expected CLIENT, SERVER, PRODUCER or CONSUMER'],
    [',"kind":"INTERNAL"', '.kind is "INTERNAL"; expected CLIENT, SERVER, PRODUCER or CONSUMER'],
    [',"kind":5', '.kind is a number; expected a string'],
    [',"name":{}', '.name is an object; expected a string'],
    [',"shared":"true"', '.shared is a string; expected true or false'],
    [',"debug":1', '.debug is a number; expected true or false'],
    [',"tags":[]', '.tags is a list; expected an object'],
    [',"tags":{"a":true}', '.tags.a is a boolean; expected a string'],
    [',"tags":{"a":"b","c":null}', '.tags.c is null; expected a string'],
    [',"annotations":{}', '.annotations is an object; expected a list'],
    [',"annotations":[{"timestamp":1,"value":"x"},5]', '.annotations[1] is a number; expected an object'],
    [',"annotations":[{"value":"x"}]', '.annotations[0].timestamp is missing; expected an integer'],
    [',"annotations":[{"timestamp":5}]', '.annotations[0].value is missing; expected a string'],
    [',"localEndpoint":"a"', '.localEndpoint is a string; expected an object'],
    [',"localEndpoint":{"port":65536}', '.localEndpoint.port is 65536; expected a port up to 65535'],
    [',"remoteEndpoint":{"serviceName":true}', '.remoteEndpoint.serviceName is a boolean; expected a string'],
  ])('%s is refused by its path', (members, message) => {
    expect(faultIn(members)).toBe(`$[1]${message}`);
  });

  test('of a name are lower case, with what was sent beside them', () => {
    expect(read(',"name":"GET /Ü"')).toEqual({ name: 'get /ü', rawName: 'GET /Ü' });
    expect(read(',"name":"get"')).toEqual({ name: 'get' });
    expect(read(',"name":""')).toEqual({});
    expect(read(',"name":1.50')).toEqual({ name: '1.50' });
  });

  test('of tags may be empty and numbers, with the last of equal keys', () => {
    expect(read(',"tags":{"a":"","":"v","n":1.0,"big":12345678901234567890,"k":"1","k":"2"}')).toEqual({
      tags: { a: '', '': 'v', n: '1.0', big: '12345678901234567890', k: '2' },
    });
    expect(read(',"tags":{}')).toEqual({});
    expect(read(',"tags":null')).toEqual({});
  });

  test('of annotations are sorted, each once, whatever else they carry', () => {
    const sent =
      '[{"timestamp":3,"value":"b"},{"timestamp":"1","value":"a","endpoint":{"x":1}},{"timestamp":3,"value":"b"},{"timestamp":3,"value":"a"}]';
    expect(read(`,"annotations":${sent}`)).toEqual({
      annotations: [
        { timestamp: 1, value: 'a' },
        { timestamp: 3, value: 'a' },
        { timestamp: 3, value: 'b' },
      ],
    });
  });

  test('that are null, false or unknown say nothing', () => {
    const nulls = 'parentId kind name timestamp duration localEndpoint remoteEndpoint annotations tags debug shared';
    const members = nulls.split(' ').map((key) => `,"${key}":null`);
    expect(read(members.join(''))).toEqual({});
    expect(read(',"debug":false,"shared":false,"foo":{"a":[1,{"b":null}]}')).toEqual({});
  });

  test('of shared do not belong to a client', () => {
    expect(read(',"kind":"CLIENT","shared":true')).toEqual({ kind: 'CLIENT' });
    expect(read(',"kind":"SERVER","shared":true')).toEqual({ kind: 'SERVER', shared: true });
    expect(read(',"shared":true,"debug":true')).toEqual({ shared: true, debug: true });
  });

  test.each([
    ['{"serviceName":"Svc","ipv4":"1.2.3.4","port":80}', { serviceName: 'svc', ipv4: '1.2.3.4', port: 80 }],
    ['{"serviceName":5,"port":"80"}', { serviceName: '5', port: 80 }],
    ['{"serviceName":"a","port":0}', { serviceName: 'a' }],
    ['{"serviceName":"a","port":-1}', { serviceName: 'a' }],
    ['{"serviceName":"a","ipv4":"999.1.1.1"}', { serviceName: 'a' }],
    ['{"ipv4":"2001:DB8::C001"}', { ipv6: '2001:db8::c001' }],
    ['{"ipv6":"::ffff:1.2.3.4"}', { ipv4: '1.2.3.4' }],
    ['{"ipv4":"1.2.3.4","ipv6":"2001:db8::1"}', { ipv4: '1.2.3.4', ipv6: '2001:db8::1' }],
    ['{"serviceName":"","ipv4":null}', undefined],
    ['{}', undefined],
    ['null', undefined],
    ['{"foo":"bar"}', undefined],
  ])('of an endpoint: %s is %j', (sent, expected) => {
    expect(read(`,"localEndpoint":${sent}`)).toEqual(expected === undefined ? {} : { localEndpoint: expected });
  });
});

describe('addresses', () => {
  test.each([
    ['2001:0db8:0000:0000:0000:0000:0000:c001', { ipv6: '2001:db8::c001' }],
    ['2001:db8:0:1:0:0:1:0', { ipv6: '2001:db8:0:1::1:0' }],
    ['1:0:0:2:0:0:3:4', { ipv6: '1::2:0:0:3:4' }],
    ['1:2:3:4:5:6:7:0', { ipv6: '1:2:3:4:5:6:7:0' }],
    ['::', { ipv6: '::' }],
    ['::1', { ipv6: '::1' }],
    ['1::', { ipv6: '1::' }],
    ['::1.2.3.4', { ipv4: '1.2.3.4' }],
    ['64:ff9b::1.2.3.4', { ipv6: '64:ff9b::102:304' }],
    ['1.2.3.4::', {}],
    ['1:2:3:4:5:6:7', {}],
    ['1:2:3:4:5:6:7:8:9', {}],
    ['1::2::3', {}],
    ['1:2:3:4::5:6:7:8', {}],
    ['g::1', {}],
    ['12345::', {}],
    ['1.2.3', {}],
    ['1.2.3.4.', {}],
    ['01.2.3.4', {}],
    ['', {}],
    ['localhost', {}],
  ])('%s is %j', (text, expected) => {
    expect(parseIp(text)).toEqual(expected);
  });

  test('of any eight groups read back as themselves', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(groups, (values) => {
        fc.pre(values.slice(0, 5).some((value) => value !== 0));
        const { ipv6 } = parseIp(values.map((value) => value.toString(16)).join(':'));
        expect(parseIp(ipv6 ?? '')).toEqual({ ipv6 });
        expect(new URL(`http://[${ipv6}]`).hostname).toBe(`[${ipv6}]`);
      }),
    );
  });
});

describe('lists', () => {
  const one = '[{"traceId":"a","id":"b"}]';

  test('may have white space before them and anything behind them', () => {
    for (const text of [one, ` \n\t${one}`, `${one}garbage`, `${one}\n`, `${one}]`, `${one}[{`]) {
      expect(decode(text)).toHaveLength(1);
      const checked = checkZipkinJson(Buffer.from(text));
      expect(checked).toMatchObject({ ok: true, items: 1 });
      expect(checked.ok && Buffer.from(checked.payload).toString().trim()).toBe(one);
    }
    const tricky = '[{"traceId":"a","id":"b","name":"]}\\"]\\\\"}]';
    expect(decode(`${tricky} x`)[0]?.name).toBe(']}"]\\');
  });

  test.each(['{}', 'null', 'hello', '', '\ufeff[]', '"[]"', '\u0000['])('%j is no list', (text) => {
    expect(faultOf(text)).toBe('$ is not a list of spans, which begins with [');
  });

  test.each([
    ['[{', '$ is not JSON'],
    ['[{"traceId":"a","id":"b"},]', '$ is not JSON'],
    ['[null]', '$[0] is null; expected a span'],
    ['[[]]', '$[0] is a list; expected a span'],
    ['["a"]', '$[0] is a string; expected a span'],
    ['[5]', '$[0] is a number; expected a span'],
  ])('%s is refused', (text, message) => {
    expect(faultOf(text)).toContain(message);
    expect(checkZipkinJson(Buffer.from(text))).toMatchObject({ ok: false, items: 1 });
  });

  test('are counted when they are refused', () => {
    const text = '[{"traceId":"a","id":"b"},{"traceId":"a","id":"b"},{"traceId":"a"}]';
    expect(checkZipkinJson(Buffer.from(text))).toEqual({
      ok: false,
      items: 3,
      reason: '$[2].id is missing; expected a string',
    });
  });

  test('nested without end neither hang nor crash', () => {
    const depth = 200_000;
    const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(faultOf('['.repeat(depth))).toContain('$ is not JSON');
    expect(read(`,"foo":${nested}`)).toEqual({});
    expect(faultOf(`[{"traceId":5,"id":"b","foo":${nested}}]`)).toContain('$ is not JSON');
  });
});

describe('printing', () => {
  test.each([
    ['name', '"über foo\\u2028 \\"q\\" \\t"', { name: 'über foo\u2028 "q" \t' }],
    ['timestamp', '9223372036854775807', { timestamp: 2 ** 63 }],
    [
      'tags',
      '{"":"\\u0000","1":"a","10":"b","2":"c","a":"\\ud800"}',
      { tags: { a: '\ud800', 2: 'c', 10: 'b', 1: 'a', '': '\u0000' } },
    ],
    ['tags', '{"__proto__":"x"}', { tags: JSON.parse('{"__proto__":"x"}') as Record<string, string> }],
  ])('of %s is %s', (key, expected, members) => {
    expect(encodeSpan({ traceId: 'a', id: 'b', ...members })).toBe(`{"traceId":"a","id":"b","${key}":${expected}}`);
  });

  test('leaves out what is empty', () => {
    const span: Span = { traceId: 'a', id: 'b', tags: {}, annotations: [], debug: false, shared: false };
    expect(encodeSpan(span)).toBe('{"traceId":"a","id":"b"}');
  });
});

const hex = fc.stringMatching(/^[1-9a-f][0-9a-f]{15}$/);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const endpoint = fc
  .record(
    { serviceName: fc.constantFrom('a', 'b.c'), ipv4: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) },
    { requiredKeys: [] },
  )
  .filter((value) => Object.keys(value).length > 0);
const spanArbitrary = fc
  .record({
    traceId: fc.oneof(
      hex,
      fc.tuple(hex, hex).map((halves) => halves.join('')),
    ),
    id: hex,
    parentId: optional(hex),
    kind: optional(fc.constantFrom('CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER')),
    name: optional(fc.string({ minLength: 1, unit: 'grapheme' }).map((text) => text.toLowerCase())),
    timestamp: optional(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    duration: optional(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    localEndpoint: optional(endpoint),
    remoteEndpoint: optional(endpoint),
    tags: optional(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { minKeys: 1 })),
    debug: optional(fc.constant(true)),
  })
  .filter((span) => span.parentId !== span.id && span.name !== '')
  // What is absent is absent, not undefined.
  .map((span) => JSON.parse(JSON.stringify(span)) as Span);

test('what is printed reads back the same, whatever the span', () => {
  fc.assert(
    fc.property(fc.array(spanArbitrary, { maxLength: 3 }), (spans) => {
      // U+0130 and a few others have no single lower-case form; the reader's own is what counts.
      const [first] = [zipkinJson.decode(zipkinJson.encode(spans))];
      expect(zipkinJson.decode(zipkinJson.encode(first ?? []))).toEqual(first);
      expect(first?.map(({ tags }) => tags)).toEqual(spans.map(({ tags }) => tags));
    }),
  );
});

test('any JSON is a list of spans or BRIDGE_DECODE, the same for the check as for the decoder', () => {
  const member = fc.constantFrom(
    'traceId',
    'id',
    'parentId',
    'kind',
    'name',
    'timestamp',
    'tags',
    'annotations',
    'localEndpoint',
    'shared',
  );
  const loose = fc.dictionary(member, fc.oneof(fc.jsonValue(), hex));
  const almost = fc.tuple(loose, hex).map(([value, id]) => ({ ...value, traceId: id, id }));
  fc.assert(
    fc.property(fc.array(fc.oneof(almost, loose, fc.jsonValue()), { maxLength: 3 }), (value) => {
      const text = JSON.stringify(value);
      const fault = faultOf(text);
      const checked = checkZipkinJson(Buffer.from(text));
      expect(checked.ok ? 'no fault' : checked.reason).toBe(fault);
    }),
    { numRuns: 500 },
  );
});

describeCodec<readonly Span[]>({
  name: 'zipkin-json-v2',
  decoder: zipkinJson,
  codec: zipkinJson,
  goldens: envoy.map(({ name, bytes }) => ({
    name,
    bytes,
    check: (spans) => {
      expect(spans.map(({ id }) => id)).toEqual((JSON.parse(bytes.toString()) as Span[]).map(({ id }) => id));
    },
  })),
});
