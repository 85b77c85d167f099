import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StepsRig, stepped } from '../../../test/fakes/log-steps.ts';
import { compileGrok } from './grok.ts';
import { grokPatterns } from './grok-patterns.ts';
import type { ParseStep } from './settings.ts';
import { plainLogSettings } from './settings.ts';
import { faultsOfLogSettings } from './steps-cache.ts';
import { parseTime } from './times.ts';

/** What one line becomes. */
function parsed(parse: readonly ParseStep[], line: string) {
  return stepped({ parse }, [line])[0];
}

const fieldsOf = (parse: readonly ParseStep[], line: string) => parsed(parse, line)?.fields;

describe('json', () => {
  const json: readonly ParseStep[] = [{ step: 'json' }];

  test('members become fields, those of objects within with their path', () => {
    const line = '{"a":1,"b":"x","c":true,"d":null,"e":{"f":{"g":2.5}},"h":[1,{"i":2}]}';
    expect(fieldsOf(json, line)).toEqual({ a: 1, b: 'x', c: true, 'e.f.g': 2.5, h: '[1,{"i":2}]' });
  });

  test('whole numbers that a double cannot hold stay exact, as text', () => {
    expect(fieldsOf(json, '{"id":12345678901234567890,"n":9007199254740991,"x":1e400,"y":1.5e3}')).toEqual({
      id: '12345678901234567890',
      n: 9007199254740991,
      x: '1e400',
      y: 1500,
    });
  });

  test('names of prototypes are names', () => {
    const fields = fieldsOf(json, '{"__proto__":"a","constructor":"b","toString":{"x":1}}') ?? {};
    expect(Object.entries(fields)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['toString.x', 1],
    ]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('depth has an end', () => {
    const deep = `${'{"a":'.repeat(20)}1${'}'.repeat(20)}`;
    expect(Object.entries(fieldsOf(json, deep) ?? {})).toEqual([
      ['a.a.a.a.a.a.a.a', `${'{"a":'.repeat(12)}1${'}'.repeat(12)}`],
    ]);
    expect(parsed(json, `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)?.text).toHaveLength(600_001);
    expect(parsed(json, `${'{"a":['.repeat(100_000)}`)?.fields).toBeUndefined();
  });

  test.each(['not json', '{"a":', '[1]', '"text"', '{}', '', 'null'])('%s stays as it is', (line) => {
    expect(parsed(json, line)).toMatchObject({ text: line, fields: undefined });
  });

  test('what could not be read is counted', () => {
    const rig = new StepsRig({ parse: json });
    rig.take('no');
    rig.take('{"a":1}');
    expect(rig.meter.value('meshbridge_log_unparsed_total', { step: 'json' })).toBe(1);
  });

  test('of more fields than fit the first are kept', () => {
    const line = JSON.stringify(Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${i}`, i])));
    expect(Object.keys(fieldsOf(json, line) ?? {})).toHaveLength(256);
  });
});

test('logfmt: names with their values, quoted or not; words without a value are passed over', () => {
  const line = 'time=2026-11-21T09:39:00Z level=info msg="hello \\"world\\"\\n" n=1 empty= flag a=b=c';
  expect(fieldsOf([{ step: 'logfmt' }], line)).toEqual({
    time: '2026-11-21T09:39:00Z',
    level: 'info',
    msg: 'hello "world"\n',
    n: '1',
    empty: '',
    a: 'b=c',
  });
  expect(fieldsOf([{ step: 'logfmt' }], 'nothing here')).toBeUndefined();
});

test("access-log: Envoy's lines have the names of Istio", () => {
  const line =
    '[2026-11-21T21:56:21.149Z] "GET /a HTTP/1.1" 200 - 0 5 7 0 "-" "curl" "9b5a0c47" "localhost" "127.0.0.1:38112"';
  expect(fieldsOf([{ step: 'access-log', prefix: 'envoy.' }], line)).toMatchObject({
    'envoy.method': 'GET',
    'envoy.response_code': 200,
  });
});

describe('grok', () => {
  const grok = (...patterns: string[]): readonly ParseStep[] => [{ step: 'grok', patterns }];

  test('takes fields with their types out of a line', () => {
    const pattern =
      '^%{IPORHOST:client} %{WORD:method} %{URIPATHPARAM:path} %{NUMBER:bytes:int} %{NUMBER:seconds:float}$';
    expect(fieldsOf(grok(pattern), '55.3.244.1 GET /index.html?a=1 15824 0.043')).toEqual({
      client: '55.3.244.1',
      method: 'GET',
      path: '/index.html?a=1',
      bytes: 15824,
      seconds: 0.043,
    });
  });

  test('the first pattern that fits is taken', () => {
    const both = grok('^a %{INT:n:int}', '^b %{WORD:w}');
    expect(fieldsOf(both, 'b x')).toEqual({ w: 'x' });
    expect(fieldsOf(both, 'c x')).toBeUndefined();
  });

  test('own names may be made of others, and have fields of their own', () => {
    const define = { LEVEL: '\\[%{LOGLEVEL:level}\\]', HEAD: '%{TIMESTAMP_ISO8601:time} %{LEVEL}' };
    expect(
      fieldsOf(
        [{ step: 'grok', patterns: ['^%{HEAD} %{GREEDYDATA:rest}'], define }],
        '2026-11-21 09:39:00,5 [WARN] it is',
      ),
    ).toEqual({ time: '2026-11-21 09:39:00,5', level: 'WARN', rest: 'it is' });
  });

  test('groups with names are fields', () => {
    expect(fieldsOf(grok('user (?P<user>\\w+) from %{IP:ip}'), 'user joe from ::1')).toEqual({
      user: 'joe',
      ip: '::1',
    });
    expect(fieldsOf(grok('user (?<user>\\w+)'), 'user joe')).toEqual({ user: 'joe' });
  });

  test('a part that is not there has no field, and text that is no number stays text', () => {
    expect(fieldsOf(grok('^%{WORD:a}(?: %{INT:b:int})?$'), 'x')).toEqual({ a: 'x' });
    expect(fieldsOf(grok('^%{WORD:a:int}$'), 'x')).toEqual({ a: 'x' });
    expect(fieldsOf(grok('^%{BOOL:a:bool} %{INT:b:int}$'), 'True 99999999999999999999')).toEqual({
      a: true,
      b: '99999999999999999999',
    });
  });

  test.each([
    ['a %{NOPE:x}', /^parse\[0\]\.patterns\[0\]: %\{NOPE\} at character 3 is not a known pattern$/],
    ['%{int:x}', /%\{int\} at character 1 is not a known pattern; write %\{INT\}/],
    ['%{INT:x:number}', /"number" at character 1 is not a type/],
    ['%{WORD:a} (', /^parse\[0\]\.patterns\[0\]: "%\{WORD:a\} \(" is not a pattern: .*missing/],
    ['(?=x)', /is not a pattern/],
    ['(\\%{INT:x}|', /^parse\[0\]\.patterns\[0\]: the field "x" stands behind a backslash/],
    ['[%{INT:x}]', /is not a pattern/],
  ])('%s is refused', (pattern, wanted) => {
    expect(() => compileGrok('parse[0].patterns[0]', pattern)).toThrow(wanted);
  });

  test('a message of more than 64 Ki characters is left as it is', () => {
    expect(fieldsOf(grok('^%{WORD:a}'), 'a '.repeat(32_768))).toEqual({ a: 'a' });
    expect(fieldsOf(grok('^%{WORD:a}'), `${'a '.repeat(32_768)}b`)).toBeUndefined();
  });

  test('names that contain themselves are refused, and those that would never end to be put in', () => {
    expect(() => compileGrok('p', '%{A}', { A: '%{B}', B: '%{A}' })).toThrow(
      /^p: %\{A\} at character 1 contains itself/,
    );
    const bombs = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`X${i}`, `%{X${i + 1}}`.repeat(10)]));
    expect(() => compileGrok('p', '%{X0}', { ...bombs, X20: 'x' })).toThrow(/too long/);
  });

  test('a pattern that would never end elsewhere ends here', () => {
    expect(fieldsOf(grok('^(?:%{DATA}a)*b %{DATA:x}$'), 'a'.repeat(20_000))).toBeUndefined();
  });

  test.each(Object.keys(grokPatterns))('%s can be compiled', (name) => {
    expect(typeof compileGrok('p', `%{${name}}`)).toBe('function');
  });

  test.each([
    [
      'IPV6',
      ['::', '::1', 'fe80::1%eth0', '2001:db8:0:0:1:0:0:1', '2001:db8::8:800:200c:417a', '::ffff:10.0.0.1'],
      ['1', ':::', '1::2::3'],
    ],
    ['IPV4', ['0.0.0.0', '255.255.255.255'], ['256.1.1.1', '1.2.3']],
    ['MAC', ['00:1a:2b:3c:4d:5e', '00-1A-2B-3C-4D-5E', '001a.2b3c.4d5e'], ['00:1a']],
    ['UUID', ['9b5a0c47-9d5e-9f0c-8d8f-4f2d6d5a1d2e'], ['9b5a0c47-9d5e']],
    ['NUMBER', ['1', '-1.5', '.5', '+3'], ['a', '1.', '']],
    [
      'TIMESTAMP_ISO8601',
      ['2026-11-21T09:39:00Z', '2026-11-21 09:39:00,123', '2026-11-21T09:39+08:00'],
      ['2026-13-01 00:00'],
    ],
    ['HTTPDATE', ['21/Nov/2026:09:39:00 +0000'], ['21/11/2026']],
    ['SYSLOGTIMESTAMP', ['Nov 21 09:39:00', 'Nov  1 09:39:00'], ['21 Nov']],
    ['DATESTAMP_RFC2822', ['Sat, 21 Nov 2026 09:39:00 +0000'], []],
    ['QS', ['"a \\" b"', "'x'"], ['a', '"']],
    ['URI', ['http://joe:x@example.com:8080/a/b?c=d', 'https://example.com'], ['example']],
    ['EMAILADDRESS', ['joe.doe+x@mail.example.com'], ['joe']],
    ['UNIXPATH', ['/a/b.c', '/'], ['a/b']],
    ['WINPATH', ['C:\\a\\b.txt'], ['/a']],
    ['LOGLEVEL', ['INFO', 'warning', 'Err'], ['hello']],
    ['JAVACLASS', ['com.example.Foo$Bar'], ['1a']],
  ] as const)('%s fits what it should', (name, good, bad) => {
    const whole = compileGrok('p', `^%{${name}}$`);
    expect(good.filter((text) => whole(text) === undefined)).toEqual([]);
    expect(bad.filter((text) => whole(text) !== undefined)).toEqual([]);
  });

  test('any text is a pattern or is refused with its key', () => {
    const text = fc.string({ unit: fc.constantFrom(...'%{}:()[]?*+\\\\|^$.<>P=!INTWORDa1 '), maxLength: 24 });
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.tuple(text, text).map(([a, b]) => `${a}%{INT:x:int}${b}`),
        ),
        text,
        (pattern, line) => {
          try {
            compileGrok('key', pattern)(line);
          } catch (error) {
            expect(error).toMatchObject({ code: 'BRIDGE_CONFIG', message: expect.stringMatching(/^key: /) });
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a web server's line", () => {
    const line =
      '10.0.0.1 - joe [21/Nov/2026:09:39:00 +0000] "GET /a?b=1 HTTP/1.1" 200 2326 "http://x/" "Mozilla/5.0 (X11)"';
    expect(fieldsOf(grok('^%{COMBINEDAPACHELOG}'), line)).toEqual({
      clientip: '10.0.0.1',
      ident: '-',
      auth: 'joe',
      timestamp: '21/Nov/2026:09:39:00 +0000',
      verb: 'GET',
      request: '/a?b=1',
      httpversion: '1.1',
      response: 200,
      bytes: 2326,
      referrer: '"http://x/"',
      agent: '"Mozilla/5.0 (X11)"',
    });
  });
});

describe('steps one after the other', () => {
  test('what a usual DataKit pipeline does', () => {
    const parse: readonly ParseStep[] = [
      { step: 'grok', patterns: ['^%{TIMESTAMP_ISO8601:time} %{WORD:status} %{GREEDYDATA:msg}'] },
      { step: 'json', from: 'msg' },
      { step: 'rename', from: 'usr', to: 'user' },
      { step: 'cast', field: 'took', to: 'float' },
      { step: 'remove', fields: ['secret', 'msg'] },
      { step: 'add', fields: { team: 'shop', retried: true }, when: { field: 'tries', missing: false } },
      { step: 'level', from: 'status', map: { OOPS: 'error' } },
      { step: 'time', from: 'time', zone: '+08:00' },
      { step: 'message', from: 'text' },
    ];
    expect(
      parsed(parse, '2026-11-21 09:39:00.5 OOPS {"usr":"joe","took":"1.5","secret":"x","tries":2,"text":"it failed"}'),
    ).toEqual({
      text: 'it failed',
      level: 'error',
      time: '2026-11-21T01:39:00.500Z',
      stream: 'stdout',
      fields: {
        time: '2026-11-21 09:39:00.5',
        status: 'OOPS',
        user: 'joe',
        took: 1.5,
        tries: 2,
        team: 'shop',
        retried: true,
      },
    });
  });

  test('drop leaves records out, by what is in them, and counts them', () => {
    const rig = new StepsRig({
      parse: [{ step: 'json' }, { step: 'drop', when: { field: 'path', matches: '^/healthz' } }],
    });
    for (const path of ['/a', '/healthz', '/healthz/live', '/b']) {
      rig.take(JSON.stringify({ path }));
    }
    expect(rig.records.map(({ fields }) => fields?.['path'])).toEqual(['/a', '/b']);
    expect(rig.steps.dropped).toBe(2);
    expect(rig.meter.value('meshbridge_log_dropped_total')).toBe(2);
  });

  test('a step is for records that its condition fits', () => {
    const add = (when: NonNullable<ParseStep['when']>): readonly ParseStep[] => [
      { step: 'json' },
      { step: 'add', fields: { hit: true }, when },
    ];
    const hits = (when: NonNullable<ParseStep['when']>) => fieldsOf(add(when), '{"a":1,"b":"x"}')?.['hit'] === true;
    expect(hits({ matches: '"b":"x"' })).toBe(true);
    expect(hits({ field: 'a', equals: 1 })).toBe(true);
    expect(hits({ field: 'a', equals: '1' })).toBe(true);
    expect(hits({ field: 'a', equals: 2 })).toBe(false);
    expect(hits({ field: 'c', equals: 'undefined' })).toBe(false);
    expect(hits({ field: 'c', missing: true })).toBe(true);
    expect(hits({ field: 'a', missing: true })).toBe(false);
    expect(hits({ field: 'c', matches: '' })).toBe(false);
  });

  test('redaction comes first, so no field has what was redacted', () => {
    const parse = [{ step: 'json' }] as const;
    expect(stepped({ redact: ['secrets'], parse }, ['{"password":"x","a":1}'])[0]).toMatchObject({
      text: '{"password":"[redacted:password]","a":1}',
      fields: { password: '[redacted:password]', a: 1 },
    });
  });

  test('steps that are faulty are named with their place', () => {
    const faults = (parse: readonly ParseStep[]) => faultsOfLogSettings({ ...plainLogSettings, parse });
    expect(faults([{ step: 'json' }, { step: 'level', from: 'x', map: { a: 'loud' } }])).toEqual([
      expect.stringMatching(/^parse\[1\]\.map: "loud" is not a level/),
    ]);
    expect(faults([{ step: 'time', from: 'x', format: 'iso' }])).toEqual([
      expect.stringMatching(/^parse\[0\]\.format: "iso"/),
    ]);
    expect(faults([{ step: 'time', from: 'x', zone: 'Asia/Shanghai' }])).toEqual([
      expect.stringMatching(/^parse\[0\]\.zone/),
    ]);
    expect(faults([{ step: 'drop', when: { matches: '(' } }])).toEqual([
      expect.stringMatching(/^parse\[0\]\.when\.matches/),
    ]);
    expect(faults([{ step: 'json' }])).toEqual([]);
  });
});

describe('times', () => {
  const near = { seconds: Date.UTC(2026, 10, 21, 9, 39) / 1000, nanos: 0 };
  const iso = (text: string, options: Parameters<typeof parseTime>[1] = {}) => {
    const time = parseTime(text, options, near);
    return time && `${new Date(time.seconds * 1000).toISOString().slice(0, 19)}.${String(time.nanos).padStart(9, '0')}`;
  };

  test.each([
    ['2026-11-21T09:39:00.123456789Z', '2026-11-21T09:39:00.123456789'],
    ['2026-11-21 09:39:00,5', '2026-11-21T09:39:00.500000000'],
    ['2026/11/21 09:39:00', '2026-11-21T09:39:00.000000000'],
    ['2026-11-21T09:39:00+08:00', '2026-11-21T01:39:00.000000000'],
    ['21/Nov/2026:09:39:00 -0130', '2026-11-21T11:09:00.000000000'],
    ['Sat, 21 Nov 2026 09:39:00 GMT', '2026-11-21T09:39:00.000000000'],
    ['Nov 21 09:39:00', '2026-11-21T09:39:00.000000000'],
    ['Dec 31 23:59:59', '2025-12-31T23:59:59.000000000'],
    ['1763717940', '2025-11-21T09:39:00.000000000'],
    ['1763717940.25', '2025-11-21T09:39:00.250000000'],
    ['1763717940123', '2025-11-21T09:39:00.123000000'],
    ['1763717940123456', '2025-11-21T09:39:00.123456000'],
    ['1763717940123456789', '2025-11-21T09:39:00.123456789'],
  ])('%s', (text, wanted) => {
    expect(iso(text)).toBe(wanted);
  });

  test('a form that is given is the only one, and makes small numbers times', () => {
    expect(iso('5', { format: 'unix' })).toBe('1970-01-01T00:00:05.000000000');
    expect(iso('5', { format: 'unix-ms' })).toBe('1970-01-01T00:00:00.005000000');
    expect(iso('2026-11-21T09:39:00Z', { format: 'common-log' })).toBeUndefined();
  });

  test.each(['', 'x', '12', '2026-13-01 00:00:00', '2026-11-21', '99999999999999999999', '1899-01-01 00:00:00'])(
    'no time: %s',
    (text) => {
      expect(iso(text)).toBeUndefined();
    },
  );
});

test('any line goes through any steps', () => {
  const parse: readonly ParseStep[] = [
    { step: 'json', prefix: 'j.' },
    { step: 'logfmt', prefix: 'l.' },
    { step: 'access-log' },
    { step: 'grok', patterns: ['%{COMBINEDAPACHELOG}', '%{TIMESTAMP_ISO8601:t} %{GREEDYDATA:rest}'] },
    { step: 'time', from: 'l.t' },
    { step: 'level', from: 'j.level' },
    { step: 'message', from: 'rest' },
  ];
  const line = fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'a="\\ {}[]:,19-TZ') }),
  );
  const rig = new StepsRig({ parse });
  fc.assert(
    fc.property(line, (text) => {
      const before = rig.records.length;
      rig.take(text);
      expect(rig.records).toHaveLength(before + 1);
    }),
    { numRuns: 300 },
  );
});
