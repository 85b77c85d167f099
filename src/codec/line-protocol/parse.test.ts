import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasCode } from '../../contract/errors.ts';
import type { RumPoint } from '../../model/rum.ts';
import { decodeLineProtocol, parseLineProtocol } from './parse.ts';
import type { Precision } from './precision.ts';

const nowNanos = 1_795_254_740_000_000_001n;
const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');

function points(text: string, precision?: Precision): readonly RumPoint[] {
  return decodeLineProtocol(Buffer.from(text), { nowNanos, ...(precision !== undefined && { precision }) });
}

function faults(text: string): readonly string[] {
  const { faults: found } = parseLineProtocol(Buffer.from(text), { nowNanos });
  return found.map(({ line, reason }) => `${line}: ${reason}`);
}

describe('what the browser SDK sent', () => {
  const sent = readFileSync(join(samples, 'rum/line-protocol.txt'));
  const read = decodeLineProtocol(sent, { precision: 'ms', nowNanos });

  test('is read point by point', () => {
    expect(read.map(({ measurement }) => measurement)).toEqual([
      'resource',
      'long_task',
      'resource',
      'resource',
      'long_task',
      'long_task',
      'error',
      'error',
      'view',
    ]);
  });

  test('keeps what was escaped, and numbers as numbers', () => {
    const [resource] = read;
    expect(resource?.tags).toMatchObject({ os: 'Mac OS', resource_status: '200', screen_size: '2560*1440' });
    expect(resource?.fields).toEqual({ duration: 0 });
    expect(resource?.timeNanos).toBe(1_636_524_705_407_000_000n);
    expect(read.at(-1)?.tags['is_active']).toBe('true');
  });

  test('keeps the line breaks of a stack', () => {
    expect(read[6]?.fields['error_stack']).toBe(
      'TypeError\n\tat <anonymous> @ http://localhost:5500/dist/bundle.js:1:821',
    );
  });
});

describe('one line', () => {
  test('has tags, fields of every type and a timestamp', () => {
    expect(points('view,a=b f=1.5,i=3i,u=7u,e=-2e3,yes=true,no=F,text="x y, z=1" 1636524705407', 'ms')).toEqual([
      {
        measurement: 'view',
        tags: { a: 'b' },
        fields: { f: 1.5, i: 3, u: 7, e: -2000, yes: true, no: false, text: 'x y, z=1' },
        timeNanos: 1_636_524_705_407_000_000n,
      },
    ]);
  });

  test('hides spaces, commas, equals signs and quotes with backslashes, and keeps every other backslash', () => {
    const [point] = points(String.raw`m\ 1\,x,k\=\ 1=v\,\ \=\"q\" p\ 1="say \"hi\" \\ C:\dir",q=1 1`);
    expect(point?.measurement).toBe('m 1,x');
    expect(point?.tags).toEqual({ 'k= 1': 'v, ="q"' });
    expect(point?.fields).toEqual({ 'p 1': String.raw`say "hi" \ C:\dir`, q: 1 });
    expect(points(String.raw`m,path=C:\dir\new f=1`)[0]?.tags).toEqual({ path: String.raw`C:\dir\new` });
  });

  test('may have a measurement with an equals sign, and a tag without a value is no tag', () => {
    expect(points('a=b,c=,d=e f=1')).toMatchObject([{ measurement: 'a=b', tags: { d: 'e' } }]);
  });

  test('keeps whole numbers that a double cannot hold as their digits', () => {
    expect(points('m a=9007199254740993i,b=9007199254740991i')[0]?.fields).toEqual({
      a: '9007199254740993',
      b: 9_007_199_254_740_991,
    });
  });

  test('keeps names that objects know of themselves', () => {
    const [point] = points('m,__proto__=x,constructor=y toString=1');
    expect(Object.entries(point?.tags ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(point?.fields['toString']).toBe(1);
  });
});

describe('timestamps', () => {
  test.each([
    ['n', '1636524705407000001', 1_636_524_705_407_000_001n],
    ['u', '1636524705407001', 1_636_524_705_407_001_000n],
    ['ms', '1636524705407', 1_636_524_705_407_000_000n],
    ['s', '1636524705', 1_636_524_705_000_000_000n],
    ['m', '27275411', 1_636_524_660_000_000_000n],
    ['h', '454590', 1_636_524_000_000_000_000n],
  ] as const)('are in %s where the precision says so', (precision, written, nanos) => {
    expect(points(`m f=1 ${written}`, precision)[0]?.timeNanos).toBe(nanos);
  });

  test.each([
    ['1636524705', 1_636_524_705_000_000_000n],
    ['1636524705407', 1_636_524_705_407_000_000n],
    ['1636524705407001', 1_636_524_705_407_001_000n],
    ['1636524705407000001', 1_636_524_705_407_000_001n],
    ['-5', -5_000_000_000n],
  ])('%s is known by its size', (written, nanos) => {
    expect(points(`m f=1 ${written}`)[0]?.timeNanos).toBe(nanos);
  });

  test('that are not there are now', () => {
    expect(points('m f=1')[0]?.timeNanos).toBe(nowNanos);
  });

  test('past the year 2262 are none', () => {
    expect(() => points('m f=1 9223372036854775', 's')).toThrow('line 1: "9223372036854775" is no timestamp');
  });
});

describe('several lines', () => {
  test('may have empty ones, comments and CR LF between them', () => {
    expect(points('# a comment\r\nm f=1 1\r\n\r\n  m f=2 2\n\n').map(({ fields }) => fields)).toEqual([
      { f: 1 },
      { f: 2 },
    ]);
  });

  test('of which some are bad are named by line, also behind texts with line breaks', () => {
    expect(faults('m f="a\nb\nc"\nm f=\nm\nm,t f=1\nm f=1 2 3\nm f="x\nm f=1')).toEqual([
      '4: the field "f" is "", which is no number, boolean or text in double quotes',
      '5: it has no field',
      '6: the tag "t" has no = and value',
      '7: there is more behind the timestamp',
      '8: the text of the field "f" has no closing quote',
    ]);
  });

  test.each([
    [',a=b f=1', '1: the measurement is empty'],
    ['m,=b f=1', '1: the name of a tag is empty'],
    ['m,a=b=c f=1', '1: the value of the tag "a" holds a =; write \\='],
    ['m f', '1: the field "f" has no = and value'],
    ['m f=NaN', '1: the field "f" is "NaN", which is no number, boolean or text in double quotes'],
    ['m f=1e999', '1: the field "f" is "1e999", which is no number, boolean or text in double quotes'],
    ['m f="a"b', '1: behind the text of the field "f" there is neither a comma nor a space'],
    ['m f=1 12x', '1: "12x" is no timestamp'],
    ['m f=1, 12', '1: the field "" has no = and value'],
  ])('%s is bad', (text, fault) => {
    expect(faults(text)).toEqual([fault]);
  });

  test('make one error that names the first ones', () => {
    expect(() => points('x\n'.repeat(7))).toThrow(
      'line 1: it has no field; line 2: it has no field; line 3: it has no field; line 4: it has no field; line 5: it has no field; and 2 other lines',
    );
  });

  test('are given up after a hundred bad ones', () => {
    expect(parseLineProtocol(Buffer.from('x\n'.repeat(500_000)), { nowNanos }).faults).toHaveLength(100);
  });
});

test('bytes that are no UTF-8 are refused', () => {
  expect(() => decodeLineProtocol(Buffer.from([0x6d, 0xff]), { nowNanos })).toThrow('not UTF-8');
});

test.each([
  ['digits', `m f=${'1'.repeat(1_000_000)}x`],
  ['backslashes in a tag', `m,t=${'\\'.repeat(1_000_000)}x f=`],
  ['quotes', `m f="${'\\"'.repeat(500_000)}`],
  ['commas', `m${','.repeat(1_000_000)}`],
  ['spaces', `m${' '.repeat(1_000_000)}`],
])('a million %s are read once, not again and again', (_, text) => {
  expect(faults(text)).toHaveLength(1);
});

describe('whatever comes', () => {
  const escapedName = (text: string): string => text.replace(/[\s,="]/g, '\\$&');
  const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !/^#|^\s|\\/.test(text));
  const field = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.boolean(),
    fc.string(),
  );
  const written = (value: number | boolean | string): string =>
    typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : String(value);

  test('points written with escapes are read as what they were', () => {
    fc.assert(
      fc.property(name, fc.dictionary(name, name), fc.dictionary(name, field, { minKeys: 1 }), (m, tags, fields) => {
        const tagText = Object.entries(tags).map(([key, value]) => `,${escapedName(key)}=${escapedName(value)}`);
        const fieldText = Object.entries(fields).map(([key, value]) => `${escapedName(key)}=${written(value)}`);
        const text = `${escapedName(m)}${tagText.join('')} ${fieldText.join(',')} 7`;
        expect(points(text, 'n')).toEqual([
          { measurement: m, tags: { ...tags }, fields: { ...fields }, timeNanos: 7n },
        ]);
      }),
      { numRuns: 300 },
    );
  });

  test('text of its own characters gives points, faults or BRIDGE_DECODE', () => {
    const unit = fc.constantFrom(
      'm',
      'f',
      '1',
      '=',
      ',',
      ' ',
      '"',
      '\\',
      '\n',
      '\r',
      '\t',
      'i',
      't',
      '#',
      '.',
      '-',
      'é',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 80 }), (text) => {
        try {
          for (const { measurement, fields } of parseLineProtocol(Buffer.from(text), { nowNanos }).points) {
            expect(measurement).not.toBe('');
            expect(Object.keys(fields).length).toBeGreaterThan(0);
          }
        } catch (error) {
          expect(hasCode(error, 'BRIDGE_DECODE')).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
