import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { floatText, JsonRows, jsonOf } from './json.ts';

function written(rows: JsonRows): Buffer {
  return Buffer.concat(rows.take());
}

describe('rows', () => {
  test('grow with what is written, and end with a newline each', () => {
    const rows = new JsonRows(4);
    for (const text of ['{"a":', '"ü\u{1f600}"}']) {
      rows.raw(text);
    }
    rows.endRow();
    rows.bytes(Buffer.from('{}'));
    rows.endRow();
    expect(written(rows).toString()).toBe('{"a":"ü\u{1f600}"}\n{}\n');
  });

  test('have every text as JSON has it', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        const rows = new JsonRows(1);
        for (const text of texts) {
          rows.quoted(Buffer.from(text));
          rows.endRow();
        }
        const read = written(rows).toString().split('\n').slice(0, -1);
        expect(read.map((line) => JSON.parse(line))).toEqual(texts.map((text) => Buffer.from(text).toString()));
      }),
    );
  });

  test('keep every byte but those that JSON must escape', () => {
    const rows = new JsonRows();
    const high = Uint8Array.from({ length: 128 }, (_, i) => 128 + i);
    rows.quoted(high);
    expect(written(rows)).toEqual(Buffer.concat([Buffer.from('"'), high, Buffer.from('"')]));
    const low = new JsonRows();
    low.quoted(Uint8Array.of(0, 0x0a, 0x1f, 0x22, 0x5c, 0x7f));
    expect(written(low).toString('latin1')).toBe('"\\u0000\\n\\u001f\\"\\\\\x7f"');
  });
});

test('half a surrogate pair becomes U+FFFD, in keys too, and all else stays', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const given = { value, [text]: [text, { nested: text }], literal: '\\ud800', number: 5, none: null };
      const read = JSON.parse(jsonOf(given));
      expect(jsonOf(given).isWellFormed()).toBe(true);
      expect(jsonOf(given)).not.toMatch(/(?<!\\)(\\\\)*\\ud[89a-f]/);
      expect(read[text.toWellFormed()]).toEqual([text.toWellFormed(), { nested: text.toWellFormed() }]);
      expect(read.literal).toBe('\\ud800');
    }),
  );
  expect(jsonOf({ '\ud800': 'a\udc00b' })).toBe('{"\ufffd":"a\ufffdb"}');
});

test('numbers are what they were, and what JSON has none for is in quotes', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Object.is(Number(floatText(value)), value)).toBe(true);
    }),
  );
  expect([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0].map(floatText)).toEqual([
    ...['"nan"', '"inf"', '"-inf"', '-0'],
  ]);
});
