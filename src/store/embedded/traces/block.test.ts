import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Span } from '../../../model/span.ts';
import { BlockBuilder } from './block-builder.ts';
import { decodeSummary, encodeSummary, keysAndBloom } from './block-summary.ts';
import { BlockView } from './block-view.ts';
import { bloomHas } from './bloom.ts';
import { hashText, traceKeyOfHex } from './hash.ts';
import { packBlock } from './pack-block.ts';

const hex = (digits: number) =>
  fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits }).map((all) => all.join(''));
const text = fc.oneof(fc.string(), fc.constantFrom('', 'error', '__proto__', 'constructor', '⻩', '\ud83d\ude00', 'Ä'));
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const endpoint = fc
  .record({
    serviceName: optional(text),
    ipv4: optional(fc.constantFrom('1.2.3.4', '10.0.0.1')),
    port: optional(fc.integer({ min: 1, max: 65535 })),
  })
  .map((record) => JSON.parse(JSON.stringify(record)));
const micros = fc.oneof(fc.integer({ min: 1, max: 2 ** 52 }), fc.constant(2 ** 63));
const tags = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 6 }).map((pairs) => Object.fromEntries(pairs));

const span: fc.Arbitrary<Span> = fc
  .record({
    traceId: fc.oneof(hex(16), hex(32)),
    id: hex(16),
    parentId: optional(hex(16)),
    kind: optional(fc.constantFrom('CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER')),
    name: optional(text),
    rawName: optional(text),
    timestamp: optional(micros),
    duration: optional(micros),
    localEndpoint: optional(endpoint),
    remoteEndpoint: optional(endpoint),
    annotations: optional(fc.array(fc.record({ timestamp: micros, value: text }), { minLength: 1, maxLength: 3 })),
    tags: optional(tags),
    debug: optional(fc.constant(true)),
    shared: optional(fc.constant(true)),
  })
  .map(
    (record) =>
      Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as unknown as Span,
  );

function built(spans: readonly Span[]) {
  const builder = new BlockBuilder();
  for (const [index, each] of spans.entries()) {
    builder.add(each, { seq: 1, index }, 5_000_000);
  }
  return builder.finish();
}

function spansIn(columns: Buffer): Span[] {
  const view = new BlockView(columns);
  return Array.from({ length: view.spans }, (_, index) => view.span(index));
}

describe('a block', () => {
  test('gives back every span that went in', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 30 }), (spans) => {
        const { columns, summary } = built(spans);
        expect(spansIn(columns)).toEqual(spans);
        expect(summary.spans).toBe(spans.length);
      }),
      { numRuns: 300 },
    );
  });

  test('is read from memory that begins anywhere', () => {
    const { columns } = built([{ traceId: 'a'.repeat(32), id: 'b'.repeat(16), timestamp: 1, tags: { a: 'b' } }]);
    const shifted = Buffer.concat([Buffer.alloc(3), columns]).subarray(3);
    expect(spansIn(shifted)).toEqual(spansIn(columns));
  });

  test('holds more different strings than two bytes can count', () => {
    const many = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`key${i}`, `value${i}`]));
    const wide: Span = { traceId: '1'.repeat(16), id: '2'.repeat(16), tags: many };
    expect(spansIn(built([wide, wide]).columns)).toEqual([wide, wide]);
  });

  test('is built again and again by one builder, each time with its own spans', () => {
    const builder = new BlockBuilder();
    const one: Span = { traceId: '1'.repeat(16), id: '2'.repeat(16), name: 'one', tags: { error: '' }, duration: 9 };
    const two: Span = { traceId: '3'.repeat(16), id: '4'.repeat(16), name: 'two' };
    builder.add(one, { seq: 1, index: 0 }, 7);
    const first = builder.finish();
    builder.add(two, { seq: 2, index: 5 }, 8);
    const second = builder.finish();
    expect([spansIn(first.columns), spansIn(second.columns)]).toEqual([[one], [two]]);
    expect(first.summary).toMatchObject({
      hasError: true,
      maxDurationMicros: 9,
      minMicros: 7,
      first: { seq: 1, index: 0 },
    });
    expect(second.summary).toMatchObject({
      hasError: false,
      maxDurationMicros: -1,
      maxMicros: 8,
      last: { seq: 2, index: 5 },
    });
    expect(second.summary.services).toEqual([{ service: '', spans: ['two'], remotes: [] }]);
  });

  test('keeps halves of a surrogate pair apart that meet at the border of two strings', () => {
    const odd: Span = { traceId: '1'.repeat(16), id: '2'.repeat(16), tags: { a: 'x\ud83d', b: '\ude00y' } };
    const [read] = spansIn(built([odd]).columns);
    // UTF-8 has no lone surrogates; what must not happen is that they become one character.
    expect(read?.tags).toEqual({ a: 'x\ufffd', b: '\ufffdy' });
  });

  test('is full at 256 spans, or at half a MiB of text', () => {
    const builder = new BlockBuilder();
    for (let i = 0; i < 255; i++) {
      builder.add({ traceId: '1'.repeat(16), id: '2'.repeat(16) }, { seq: 1, index: i }, 1);
    }
    expect(builder.full).toBe(false);
    builder.add({ traceId: '1'.repeat(16), id: '2'.repeat(16) }, { seq: 1, index: 255 }, 1);
    expect(builder.full).toBe(true);
    builder.finish();
    builder.add({ traceId: '1'.repeat(16), id: '2'.repeat(16), name: 'x'.repeat(600_000) }, { seq: 2, index: 0 }, 1);
    expect(builder.full).toBe(true);
  });

  test('throws BRIDGE_CORRUPT when it is cut', () => {
    const { columns } = built([{ traceId: '1'.repeat(16), id: '2'.repeat(16), tags: { a: 'b' } }]);
    for (let bytes = 0; bytes < columns.length; bytes++) {
      expect(() => new BlockView(columns.subarray(0, bytes))).toThrow(
        expect.objectContaining({ code: 'BRIDGE_CORRUPT' }),
      );
    }
  });
});

describe("a block's summary", () => {
  test('comes back from its header, but for its place', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 20 }), (spans) => {
        const { summary } = built(spans);
        expect(decodeSummary(encodeSummary(summary, 7))).toEqual({ ...summary, bloom: Buffer.from(summary.bloom) });
      }),
      { numRuns: 100 },
    );
  });

  test('knows every trace, tag, key and annotation of the block', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 20 }), (spans) => {
        const { bloom, traceKeys } = keysAndBloom(encodeSummary(built(spans).summary, 7));
        for (const { traceId, tags: own = {}, annotations = [] } of spans) {
          const { high, low } = traceKeyOfHex(traceId);
          expect([...traceKeys].some((word, i) => i % 2 === 0 && word === high && traceKeys[i + 1] === low)).toBe(true);
          for (const [key, value] of Object.entries(own)) {
            expect(bloomHas(bloom, hashText(key)) && bloomHas(bloom, hashText(key, value))).toBe(true);
          }
          expect(annotations.every(({ value }) => bloomHas(bloom, hashText(value)))).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('lists a trace once that came with ids of both widths', () => {
    const low = '00000000000000ab';
    const ids = [low, `000000000000000${'1'}${low}`, low];
    const spans = ids.map((traceId, i) => ({ traceId, id: String(i + 1).padStart(16, '0') }));
    expect(built(spans).summary.traceKeys).toHaveLength(2);
  });

  test('says when names are too long to be listed, and stays small', () => {
    const name = 'n'.repeat(2_000);
    const { summary } = built([
      { traceId: '1'.repeat(16), id: '2'.repeat(16), name, localEndpoint: { serviceName: name } },
    ]);
    expect(summary).toMatchObject({ namesComplete: false, services: [] });
    const many = Array.from({ length: 300 }, (_, i) => ({
      traceId: '1'.repeat(16),
      id: '2'.repeat(16),
      name: `${i}${'"'.repeat(1_000)}`,
    }));
    const header = encodeSummary(built(many).summary, 7);
    expect(header.length).toBeLessThan(64 * 1024);
    expect(decodeSummary(header)).toMatchObject({ namesComplete: false, spans: 300 });
  });

  test('throws BRIDGE_CORRUPT when it is cut', () => {
    const header = encodeSummary(built([{ traceId: '1'.repeat(16), id: '2'.repeat(16) }]).summary, 7);
    expect(() => keysAndBloom(header.subarray(0, 20))).toThrow(expect.objectContaining({ code: 'BRIDGE_CORRUPT' }));
    expect(() => keysAndBloom(Buffer.from('C'))).toThrow(expect.objectContaining({ code: 'BRIDGE_CORRUPT' }));
  });
});

test('a packed block inflates to its columns', () => {
  const block = built([{ traceId: '1'.repeat(16), id: '2'.repeat(16) }]);
  expect(zstdDecompressSync(packBlock(block).payload)).toEqual(block.columns);
});
