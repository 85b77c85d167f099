import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StepsRig, stepped } from '../../../test/fakes/log-steps.ts';
import { compileLogSteps } from './log-steps.ts';
import { type LogEncoding, logEncodings, plainLogSettings } from './settings.ts';

function read(encoding: LogEncoding, hex: string): string {
  return stepped({ encoding }, [Buffer.from(hex, 'hex')])[0]?.text ?? '';
}

test('settings that ask for nothing make no steps', () => {
  const rig = { counter: () => ({ add: () => undefined, value: 0 }) };
  expect(compileLogSteps(plainLogSettings, rig).open()).toBeUndefined();
});

describe('encodings', () => {
  test.each([
    ['gbk', 'd6d0cec420c8d5d6be', '中文 日志'],
    ['gb18030', 'd6d08139ee3920', '中㐀 '],
    ['big5', 'a4a4a4e5', '中文'],
    ['shift_jis', '93fa967b', '日本'],
    ['euc-jp', 'c6fccbdc', '日本'],
    ['euc-kr', 'c7d1b1b9', '한국'],
    ['utf-16le', '2d4e87652000', '中文 '],
    ['utf-16be', '4e2d65870020', '中文 '],
    ['iso-8859-1', '63616ee9', 'cané'],
    ['windows-1252', '80', '€'],
    ['utf-8', 'e4b8ad', '中'],
  ] as const)('%s is read', (encoding, hex, wanted) => {
    expect(read(encoding, hex)).toBe(wanted);
  });

  test('every encoding of the list is known to this Node', () => {
    for (const encoding of logEncodings.filter((name) => name !== 'as-is')) {
      expect(read(encoding, '4142')).not.toBe('');
    }
  });

  test('what is none of it is replaced and counted', () => {
    const rig = new StepsRig({ encoding: 'utf-8' });
    rig.take(Buffer.from('61ff62c3', 'hex'));
    expect(rig.texts).toEqual(['a\ufffdb\ufffd']);
    expect(rig.meter.value('meshbridge_log_replaced_characters_total')).toBe(2);
  });

  test.each([
    ['utf-16le', 'le'],
    ['utf-16be', 'be'],
  ] as const)('%s is put right where the runtime cut it in the middle of a newline', (encoding, order) => {
    const whole = Buffer.from('first\r\n第二\nthird', 'utf16le');
    const bytes = order === 'le' ? whole : whole.swap16();
    const lines: Buffer[] = [];
    let at = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, at)) {
      lines.push(bytes.subarray(at, end));
      at = end + 1;
    }
    lines.push(bytes.subarray(at));
    expect(stepped({ encoding }, lines).map(({ text }) => text)).toEqual(['first', '第二', 'third']);
  });

  test('a \\r at the end goes, in whatever encoding', () => {
    expect(stepped({ removeAnsi: true }, ['a\r', '\r', 'b\rc']).map(({ text }) => text)).toEqual(['a', '', 'b\rc']);
  });
});

describe('ANSI', () => {
  const plain = (line: string) => stepped({ removeAnsi: true }, [line])[0]?.text;

  test.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b[38;5;196;1mred\u001b[m and \u001b[4munder', 'red and under'],
    ['\u001b[2K\u001b[1Gprogress', 'progress'],
    ['\u001b]0;title\u0007text', 'text'],
    ['\u001b]8;;http://a/\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['\u001b(Btext\u001b=\u001b7', 'text'],
    ['\u001bPq#0\u001b\\text', 'text'],
    ['cut \u001b', 'cut '],
    ['cut \u001b[', 'cut '],
    ['cut \u001b[31', 'cut '],
    ['a title that does not end \u001b]0;text', 'a title that does not end 0;text'],
    ['中\u001b[1m文', '中文'],
    ['none', 'none'],
  ])('%j', (line, wanted) => {
    expect(plain(line)).toBe(wanted);
  });

  test('comes before lines are put together and levels are read', () => {
    const multiline = { by: 'pattern', patterns: ['^\\['], maxLines: 9, maxBytes: 999, flushAfterMs: 1 } as const;
    expect(stepped({ removeAnsi: true, multiline }, ['\u001b[31m[ERROR] a', 'b\u001b[0m', '[INFO] c'])).toMatchObject([
      { text: '[ERROR] a\nb', level: 'error' },
      { text: '[INFO] c', level: 'info' },
    ]);
  });

  test('leaves no escape, and every byte that is no part of a sequence', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'\u001b[]()\u0007\\;m0A ') }), (line) => {
        expect(plain(line)).not.toContain('\u001b');
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (line) => {
        const text = line.replaceAll('\u001b', '').replace(/\r$/, '');
        expect(plain(`\u001b[1m${text}`)).toBe(text.replace(/\r$/, ''));
      }),
    );
  });
});

test('any bytes, in any encoding and with every step, give text that is UTF-8', () => {
  const multiline = { by: 'languages', languages: ['java', 'go'], maxLines: 3, maxBytes: 64, flushAfterMs: 1 } as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...logEncodings.filter((encoding) => encoding !== 'as-is')),
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
      (encoding, lines) => {
        const settings = {
          encoding,
          removeAnsi: true,
          multiline,
          redact: ['secrets', 'cards'],
          parse: [{ step: 'json' }],
        } as const;
        const records = stepped(settings, lines);
        expect(records.length).toBeLessThanOrEqual(lines.length);
        expect(records.every(({ text }) => text.isWellFormed())).toBe(true);
      },
    ),
  );
});
