import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { logRecord, type TestLine } from '../../../../test/fakes/log-records.ts';
import { decodeLogBlock } from '../../../codec/log-block/log-block.ts';
import type { LogAttributes } from '../../../model/log.ts';
import { BlockPacker, blockTextBytes } from './block-packer.ts';
import { BlockLines } from './block-payload.ts';
import { decodeSummary, encodeSummary } from './block-summary.ts';
import type { LineRun } from './log-columns.ts';
import { TextFolder } from './text-needle.ts';
import { TextSqueezer, unsqueeze } from './text-squeeze.ts';
import { traceIdIn } from './trace-id.ts';
import { TextFilter, WordSet } from './words.ts';

// Properties, on a machine that has other things to do.
jest.setTimeout(30_000);

const text = fc.array(
  fc.constantFrom(
    'a',
    'Z9',
    '0',
    ' ',
    '-',
    'é',
    '4bf92f3577b34da6',
    '4bf92f3577b34da6a3ce929d0e0e4736',
    'F00D'.repeat(4),
  ),
  { maxLength: 12 },
);
const bytes = fc.oneof(
  text.map((parts) => Buffer.from(parts.join(''))),
  fc.uint8Array({ maxLength: 40 }).map((own) => Buffer.from(own)),
);
const line = fc.record({
  message: bytes,
  timeNanos: fc.bigInt({ min: 0n, max: 4_294_967_295_999_999_999n }),
  level: fc.constantFrom('unknown', 'warn', 'fatal'),
  stream: fc.constantFrom('stdout', 'stderr'),
  attributes: fc.oneof(fc.constant({}), fc.record({ path: fc.string(), code: fc.integer(), slow: fc.boolean() })),
});

function runOf(lines: readonly TestLine[], seq: number): LineRun {
  const { payload, receivedAtMs } = logRecord(lines, { seq });
  const block = decodeLogBlock(payload);
  return { block, from: 0, to: block.count, arrivedMs: receivedAtMs, seq, index: 0 };
}

function attributesText(attributes: LogAttributes | undefined, i: number): string {
  return Buffer.from(attributes?.bytes.subarray(attributes.offsets[i], attributes.offsets[i + 1]) ?? []).toString();
}

/** Everything that blocks say of their lines, in the order of arrival. */
function linesIn(payloads: readonly Buffer[]): unknown[] {
  const lines = payloads.flatMap((payload) => {
    const block = new BlockLines(payload);
    const { runs, seconds, nanos, flags, levels, offsets } = block.columns;
    return runs
      .flatMap(({ seq, index, lines: count }) => Array.from({ length: count }, (_, i) => [seq, index + i] as const))
      .map(([seq, index], i) => ({
        seq,
        index,
        line: [
          seconds[i],
          nanos[i],
          flags[i],
          levels[i],
          block.text.subarray(offsets[i], offsets[i + 1]).toString('hex'),
          attributesText(block.attributes, i),
        ],
      }));
  });
  return lines.sort((a, b) => a.seq - b.seq || a.index - b.index);
}

describe('blocks of lines', () => {
  test('give back every byte, time, flag and level of what was packed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(line, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 }),
        (records) => {
          const packer = new BlockPacker();
          const runs = records.map((lines, i) => runOf(lines as TestLine[], i + 1));
          for (const [i, run] of runs.entries()) {
            packer.add({ pod: `p${i % 3}` }, run);
          }
          const total = records.reduce((sum, lines) => sum + lines.length, 0);
          expect(packer.lines).toBe(total);
          const blocks = packer.finish();
          expect([packer.lines, packer.bytes]).toEqual([0, 0]);
          expect(linesIn(blocks.map(({ payload }) => payload))).toEqual(
            runs.flatMap(({ block, seq }) =>
              Array.from({ length: block.count }, (_, i) => ({
                seq,
                index: i,
                line: [
                  block.seconds[i],
                  block.nanos[i],
                  block.flags[i],
                  block.levels[i],
                  Buffer.from(block.bytes.subarray(block.offsets[i], block.offsets[i + 1])).toString('hex'),
                  attributesText(block.attributes, i),
                ],
              })),
            ),
          );
          for (const { summary } of blocks) {
            expect(decodeSummary(encodeSummary(summary, 7))).toEqual({ ...summary, bloom: Buffer.from(summary.bloom) });
          }
        },
      ),
    );
  });

  test('end at 256 KiB of text; a longer line stands alone', () => {
    const packer = new BlockPacker();
    const sizes = [100_000, 100_000, 100_000, 1_000_000, 10];
    const lines = sizes.map((size, i): TestLine => ({ message: 'x'.repeat(size), timeNanos: BigInt(i) }));
    packer.add({ pod: 'a' }, runOf(lines, 1));
    expect(packer.finish().map(({ summary }) => [summary.lines, summary.textBytes])).toEqual([
      [3, 300_000],
      [1, 1_000_000],
      [1, 10],
    ]);
  });

  test('without attributes are of version 1, as before there were any, and know the words of attributes where there are', () => {
    const blockOf = (attributes: Record<string, string>) => {
      const packer = new BlockPacker();
      packer.add({}, runOf([{ message: 'a line', timeNanos: 1n, attributes }], 1));
      return packer.finish()[0]!;
    };
    const without = blockOf({});
    const withSome = blockOf({ user: 'a\nmatilda\u0001waltzing', 'x.y': 'up' });
    expect([without.summary.version, withSome.summary.version]).toEqual([1, 2]);
    expect(encodeSummary(without.summary, 1)[1]).toBe(1);
    expect(encodeSummary(withSome.summary, 1)[1]).toBe(2);
    const mayHold = (text: string, { summary: { bloom, longestWord } }: typeof without): boolean =>
      new TextFilter(Buffer.from(text)).mayHold(bloom, longestWord);
    expect(mayHold('=matilda=', withSome)).toBe(true);
    expect(mayHold('=waltzing=', withSome)).toBe(true);
    expect(mayHold('=nmatilda=', withSome)).toBe(false);
    expect(mayHold('=matilda=', without)).toBe(false);
  });

  test('are shared by streams with little, and not by one with much', () => {
    const packer = new BlockPacker();
    const much: TestLine = { message: 'y'.repeat(blockTextBytes / 2), timeNanos: 1n };
    packer.add({ pod: 'much' }, runOf([much], 1));
    for (let i = 0; i < 5; i++) {
      packer.add({ pod: `little ${i}` }, runOf([{ message: `line ${i}`, timeNanos: 5n }], i + 2));
    }
    expect(packer.finish().map(({ summary }) => summary.streams.map(({ pod }) => pod))).toEqual([
      ['much'],
      ['little 0', 'little 1', 'little 2', 'little 3', 'little 4'],
    ]);
  });

  test('say in their summary what bounds their lines', () => {
    const packer = new BlockPacker();
    const at = (ms: number, more: Partial<TestLine>): TestLine => ({
      message: `word${ms}`,
      timeNanos: BigInt(ms) * 1_000_000n + 999_999n,
      ...more,
    });
    packer.add({}, runOf([at(50, { level: 'error' }), at(20, { stream: 'stderr' })], 3));
    packer.add({}, runOf([at(90, { level: 'error' })], 4));
    const [block] = packer.finish();
    expect(block?.summary).toMatchObject({
      lines: 3,
      textBytes: 18,
      longestWord: 6,
      minMs: 20,
      maxMs: 90,
      first: { seq: 3, index: 0 },
      last: { seq: 4, index: 0 },
      stderrLines: 1,
      levels: [1, 0, 0, 0, 0, 2, 0],
    });
  });

  test('that were cut or changed are refused, never read wrongly as something else', () => {
    const packer = new BlockPacker();
    packer.add({}, runOf([{ message: 'id 4bf92f3577b34da6 and words', timeNanos: 1n }], 1));
    const [block] = packer.finish();
    const payload = block?.payload ?? Buffer.alloc(0);
    const read = (from: Buffer): void => {
      const lines = new BlockLines(from);
      expect(lines.columns.runs.length + lines.text.length).toBeGreaterThan(0);
    };
    read(payload);
    for (let end = 0; end < payload.length; end++) {
      expect(() => read(Buffer.from(payload.subarray(0, end)))).toThrow(
        expect.objectContaining({ code: 'BRIDGE_CORRUPT' }),
      );
    }
    const header = encodeSummary(block?.summary ?? fail(), 1);
    for (let end = 0; end < header.length - (block?.summary.bloom.length ?? 0); end++) {
      expect(() => decodeSummary(Buffer.from(header.subarray(0, end)))).toThrow(
        expect.objectContaining({ code: 'BRIDGE_CORRUPT' }),
      );
    }
  });
});

function fail(): never {
  throw new Error('no block was packed');
}

function filterOver(lines: readonly string[]): { bloom: Uint8Array; longest: number } {
  const words = new WordSet();
  const squeezer = new TextSqueezer(words);
  squeezer.begin(lines.join('').length * 3);
  for (const each of lines) {
    const own = Buffer.from(each);
    squeezer.add(own, 0, own.length);
  }
  const { longest } = words;
  return { bloom: words.finish(), longest };
}

describe('the filter of a block', () => {
  const parts = fc.array(
    fc.constantFrom('a', 'Bc', 'def', '12', ' ', '/', 'é', 'k'.repeat(31), 'm'.repeat(33), 'n'.repeat(130)),
    { maxLength: 12 },
  );
  test('never rules out a text that stands in a line', () => {
    fc.assert(
      fc.property(parts, fc.nat(), fc.nat(), (words, from, length) => {
        const whole = words.join('');
        const begin = whole.length === 0 ? 0 : from % whole.length;
        const part = whole.slice(begin, begin + 1 + (length % 200));
        const { bloom, longest } = filterOver(['first', whole, 'last']);
        for (const wanted of [part, part.toUpperCase(), part.toLowerCase()]) {
          expect(new TextFilter(Buffer.from(wanted)).mayHold(bloom, longest)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('rules out nearly every word of 32 letters, and parts that no word is long enough for', () => {
    const idOf = (i: number): string => (i * 2_654_435_761).toString(16).padStart(16, '0').repeat(2).slice(0, 32);
    const { bloom, longest } = filterOver(Array.from({ length: 1000 }, (_, i) => `id=${idOf(i)} took 5 ms`));
    const held = Array.from({ length: 1000 }, (_, i) => new TextFilter(Buffer.from(idOf(i + 5000)))).filter((filter) =>
      filter.mayHold(bloom, longest),
    );
    expect(held.length).toBeLessThan(60);
    expect(new TextFilter(Buffer.from('z'.repeat(40))).mayHold(bloom, longest)).toBe(false);
    expect(new TextFilter(Buffer.from('[absent]')).mayHold(bloom, longest)).toBe(false);
    expect(new TextFilter(Buffer.from('absent')).mayHold(bloom, longest)).toBe(true);
    expect(new TextFilter(Buffer.from('--')).idle).toBe(true);
  });

  test('is left out where words are too many', () => {
    const { bloom } = filterOver([Array.from({ length: 70_000 }, (_, i) => `w${i}`).join(' ')]);
    expect(bloom).toHaveLength(0);
    expect(new TextFilter(Buffer.from(' absent ')).mayHold(bloom, 6)).toBe(true);
  });
});

test('a squeezed text comes back whole, and is refused with other ids or another length', () => {
  const squeezer = new TextSqueezer(new WordSet());
  const whole = Buffer.from('a 4bf92f3577b34da6 b 4bf92f3577b34da6a3ce929d0e0e4736');
  squeezer.begin(whole.length);
  squeezer.add(whole, 0, whole.length);
  const squeezed = squeezer.finish();
  if (squeezed === undefined) {
    throw new Error('it was not squeezed');
  }
  expect([squeezed.text.length, squeezed.ids.length]).toEqual([7, 24]);
  const back = Buffer.alloc(whole.length);
  expect(unsqueeze(squeezed, back)).toBe(true);
  expect(back).toEqual(whole);
  expect(unsqueeze(squeezed, Buffer.alloc(whole.length - 1))).toBe(false);
  expect(unsqueeze({ ...squeezed, ids: squeezed.ids.subarray(1) }, Buffer.alloc(whole.length))).toBe(false);
});

test('folding makes ASCII capitals small and nothing else, wherever the text begins in memory', () => {
  const folder = new TextFolder();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat({ max: 3 }), (own, shift) => {
      const memory = Buffer.alloc(own.length + 4);
      memory.set(own, shift);
      const expected = own.map((byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte));
      const folded = folder.fold(memory.subarray(shift, shift + own.length));
      expect(Buffer.from(folded)).toEqual(Buffer.from(expected));
    }),
  );
});

test.each([
  ['{"trace_id":"4BF92f3577b34da6a3ce929d0e0e4736"}', '4bf92f3577b34da6a3ce929d0e0e4736'],
  ['{"traceId": "a3ce929d0e0e4736"}', 'a3ce929d0e0e4736'],
  ['{"x-b3-traceid":"a3ce929d0e0e4736"}', 'a3ce929d0e0e4736'],
  ['{"trace.id":"a3ce929d0e0e4736"}', 'a3ce929d0e0e4736'],
  ['{"dd.trace_id":"11803532876627986230"}', 'a3ce929d0e0e4736'],
  ['{"log":"{\\"trace_id\\":\\"a3ce929d0e0e4736\\"}"}', 'a3ce929d0e0e4736'],
  ['level=info trace_id=a3ce929d0e0e4736 msg=x', 'a3ce929d0e0e4736'],
  ['[traceId=a3ce929d0e0e4736]', 'a3ce929d0e0e4736'],
  ['traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '4bf92f3577b34da6a3ce929d0e0e4736'],
  ['trace_id=', undefined],
  ['trace_id=0000000000000000', undefined],
  ['my_trace_id=a3ce929d0e0e4736', undefined],
  ['trace_id=a3ce929d0e0e4736zz', undefined],
  ['a3ce929d0e0e4736', undefined],
])('the trace of %s is %s', (message, traceId) => {
  expect(traceIdIn(message)).toBe(traceId);
});
