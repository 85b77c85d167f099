import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RuntimeLine } from '../cri/runtime-line.ts';
import { DockerJsonLineParser } from './docker-json-line.ts';

const parser = new DockerJsonLineParser();
const time = '2026-11-21T09:39:00.695877641Z';

function parse(line: string | Buffer) {
  const bytes = Buffer.concat([Buffer.from(line), Buffer.from('\n{"log":"next\\n"')]);
  const into = new RuntimeLine();
  if (!parser.parse(bytes, 0, bytes.length - 16, into)) {
    return undefined;
  }
  return {
    stream: into.stream === 0 ? 'stdout' : 'stderr',
    partial: into.partial,
    text: Buffer.from(into.bytes.subarray(into.start, into.end)).toString(),
    nanos: into.nanos,
  };
}

describe('a line of docker', () => {
  test.each([
    ['plain', `{"log":"hello\\n","stream":"stdout","time":"${time}"}`, 'stdout', false, 'hello'],
    ['of stderr', `{"log":"hello\\n","stream":"stderr","time":"${time}"}`, 'stderr', false, 'hello'],
    ['empty', `{"log":"\\n","stream":"stdout","time":"${time}"}`, 'stdout', false, ''],
    ['partial', `{"log":"half","stream":"stdout","time":"${time}"}`, 'stdout', true, 'half'],
    ['partial and empty', `{"log":"","stream":"stdout","time":"${time}"}`, 'stdout', true, ''],
    [
      'with escapes',
      `{"log":"\\"\\\\\\/\\b\\f\\t\\u003cb\\u003e\\u00e9\\u20ac\\n","stream":"stdout","time":"${time}"}`,
      'stdout',
      false,
      '"\\/\b\f\t<b>é€',
    ],
    ['with a pair', `{"log":"\\uD83D\\uDE00!\\n","stream":"stdout","time":"${time}"}`, 'stdout', false, '😀!'],
    ['with half a pair', `{"log":"\\ud83d!\\n","stream":"stdout","time":"${time}"}`, 'stdout', false, '\ufffd!'],
    ['with CRLF', `{"log":"a\\r\\n","stream":"stdout","time":"${time}"}`, 'stdout', false, 'a\r'],
    ['with attrs', `{"log":"a\\n","stream":"stderr","attrs":{"x":"y"},"time":"${time}"}`, 'stderr', false, 'a'],
    ['in another order', `{ "time":"${time}", "stream":"stderr", "log":"\\u00e9\\n"}`, 'stderr', false, 'é'],
    ['without a stream', `{"log":"a\\n","time":"${time}"}`, 'stdout', false, 'a'],
  ])('%s is taken apart', (_name, line, ...expected) => {
    const [stream, partial, text] = expected;
    expect(parse(line)).toEqual({ stream, partial, text, nanos: 695_877_641 });
  });

  test.each([
    '{}',
    '{"log":"torn',
    `{"log":"x\\n","stream":"stdout","time":"yesterday"}`,
    `{"log":"x\\n","stream":"stdout","time":"${time} "}`,
    `{"log":7,"stream":"stdout","time":"${time}"}`,
    `{"log":"\\x","stream":"stdout","time":"${time}"}`,
    `{"log":"\\u12g4","stream":"stdout","time":"${time}"}`,
    `["log","${time}"]`,
    '{"log":"a\\n","stream":"stdout","time":"2026',
    'null',
  ])('%j is not one', (line) => {
    expect(parse(line)).toBeUndefined();
  });

  test('with any text comes back as JSON.parse reads it', () => {
    const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 60 }));
    fc.assert(
      fc.property(texts, fc.boolean(), (text, ascii) => {
        const json = JSON.stringify({ log: `${text}\n`, stream: 'stdout', time });
        const line = ascii ? json.replaceAll(/[^ -~]/g, escaped) : json;
        const expected = Buffer.from(JSON.parse(line).log).toString();
        expect(`${parse(line)?.text}\n`).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  test('truncated anywhere is refused', () => {
    const line = `{"log":"\\u00e9x\\n","stream":"stdout","time":"${time}"}`;
    for (let length = 0; length < line.length - 1; length++) {
      expect(parse(line.slice(0, length))).toBeUndefined();
    }
  });
});

function escaped(character: string): string {
  return [...character]
    .flatMap((c) => Array.from({ length: c.length }, (_, i) => c.charCodeAt(i)))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
