import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CriLineParser } from './cri-line.ts';
import { RuntimeLine } from './runtime-line.ts';
import { TimestampReader } from './timestamp.ts';

const parser = new CriLineParser();

function parse(line: string | Buffer) {
  const bytes = Buffer.concat([Buffer.from('before\n'), Buffer.from(line), Buffer.from('\nafter')]);
  const into = new RuntimeLine();
  const end = bytes.length - 6;
  if (!parser.parse(bytes, 7, end, into)) {
    return undefined;
  }
  return {
    time: `${into.seconds}.${String(into.nanos).padStart(9, '0')}`,
    stream: into.stream === 0 ? 'stdout' : 'stderr',
    partial: into.partial,
    text: Buffer.from(into.bytes.subarray(into.start, into.end)).toString('latin1'),
  };
}

const stamp = '2026-11-21T09:39:00.695877641Z';
const seconds = Date.UTC(2026, 10, 21, 9, 39) / 1000;
const time = `${seconds}.695877641`;

describe('a CRI line', () => {
  test.each([
    [`${stamp} stdout F line 18`, { time, stream: 'stdout', partial: false, text: 'line 18' }],
    [`${stamp} stderr P half`, { time, stream: 'stderr', partial: true, text: 'half' }],
    [`${stamp} stdout F `, { time, stream: 'stdout', partial: false, text: '' }],
    [`${stamp} stdout F`, { time, stream: 'stdout', partial: false, text: '' }],
    [`${stamp} stdout F:x:y tagged`, { time, stream: 'stdout', partial: false, text: 'tagged' }],
    [`${stamp} stdout P:x`, { time, stream: 'stdout', partial: true, text: '' }],
    [`${stamp} stdout F  two spaces`, { time, stream: 'stdout', partial: false, text: ' two spaces' }],
    [
      '2016-10-06T00:17:09.669794202-05:00 stdout F log line',
      {
        time: `${Date.UTC(2016, 9, 6, 5, 17, 9) / 1000}.669794202`,
        stream: 'stdout',
        partial: false,
        text: 'log line',
      },
    ],
  ])('%j is taken apart', (line, expected) => {
    expect(parse(line)).toEqual(expected);
  });

  test('keeps bytes that are no UTF-8', () => {
    const line = Buffer.concat([Buffer.from(`${stamp} stdout F `), Buffer.of(0xff, 0xfe, 0x62)]);
    expect(parse(line)?.text).toBe('\xff\xfeb');
  });

  test.each([
    '',
    'a line without a header',
    `${stamp}`,
    `${stamp} `,
    `${stamp} stdout`,
    `${stamp} stdout `,
    `${stamp} stdout X text`,
    `${stamp} stdout Full text`,
    `${stamp} stdin F text`,
    `${stamp} stdouts F text`,
    `${stamp}  stdout F text`,
    '2026-11-21 09:39:00Z stdout F text',
    '2026-13-21T09:39:00Z stdout F text',
    '2026-11-21T24:39:00Z stdout F text',
    '2026-11-21T09:39:00.Z stdout F text',
    '2026-11-21T09:39:00 stdout F text',
    '2026-11-21T09:39:00+0500 stdout F text',
    '1969-12-31T23:59:59Z stdout F text',
    '2107-01-01T00:00:00Z stdout F text',
  ])('%j is not one', (line) => {
    expect(parse(line)).toBeUndefined();
  });

  test('of any bytes is read without a throw and never beyond its end', () => {
    const piece = fc.oneof(
      fc.constantFrom(stamp, ' ', 'stdout', 'stderr', 'F', 'P', ':', 'Z', '2026'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const line = Buffer.from(pieces.join(''));
        const into = new RuntimeLine();
        const found = parser.parse(Buffer.concat([line, Buffer.from('\n 2026 stdout F x')]), 0, line.length, into);
        expect(!found || (into.start <= into.end && into.end === line.length)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a timestamp', () => {
  const reader = new TimestampReader();

  test('of any instant and any number of fraction digits is read as written', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffff_ffff }),
        fc.nat({ max: 999_999_999 }),
        fc.nat({ max: 9 }),
        (instant, fraction, digits) => {
          const kept = String(fraction).padStart(9, '0').slice(0, digits);
          const text = new Date(instant * 1000).toISOString().replace('.000Z', digits === 0 ? 'Z' : `.${kept}Z`);
          const into = { seconds: -1, nanos: -1 };
          expect(reader.read(Buffer.from(text), 0, into)).toBe(text.length);
          expect(into).toEqual({ seconds: instant, nanos: Number(kept.padEnd(9, '0')) });
        },
      ),
    );
  });

  test('with an offset is the instant in Greenwich', () => {
    const into = { seconds: 0, nanos: 0 };
    expect(reader.read(Buffer.from('2026-03-01T05:45:00.5+05:45'), 0, into)).toBe(27);
    expect(into).toEqual({ seconds: Date.UTC(2026, 2, 1) / 1000, nanos: 500_000_000 });
  });

  test('drops the digits past nanoseconds', () => {
    const into = { seconds: 0, nanos: 0 };
    expect(reader.read(Buffer.from('2026-03-01T00:00:00.1234567899Z'), 0, into)).toBe(31);
    expect(into.nanos).toBe(123_456_789);
  });
});
