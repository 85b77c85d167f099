import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { paddingBytes } from './chunk.ts';
import { readChunk, SampleRoom } from './chunk-reader.ts';
import { Heads, staleHigh, staleLow } from './heads.ts';
import { LateSamples } from './late-samples.ts';

/** A value as two words. Those of a stale marker stand for one. */
interface Bits {
  readonly timeMs: number;
  readonly high: number;
  readonly low: number;
}

function bitsOf(timeMs: number, value: number): Bits {
  const [low = 0, high = 0] = new Uint32Array(Float64Array.of(value).buffer);
  return { timeMs, high, low };
}

const staleAt = (timeMs: number): Bits => ({ timeMs, high: staleHigh, low: staleLow });

function add(heads: Heads, series: number, { timeMs, high, low }: Bits): string {
  return heads.append(series, timeMs, high, low);
}

function written(samples: readonly Bits[]): Heads {
  const heads = new Heads();
  for (const sample of samples) {
    add(heads, 3, sample);
  }
  return heads;
}

function readBack(heads: Heads, series = 3): Bits[] {
  const chunks = heads.chunks(series);
  const room = new SampleRoom(chunks.reduce((sum, { count }) => sum + count, 0));
  for (const chunk of chunks) {
    readChunk(chunk, room);
  }
  return Array.from(room.timesMs, (timeMs, i) => ({
    timeMs,
    high: room.stale?.[i] === 1 ? staleHigh : (room.words[i * 2 + 1] ?? 0),
    low: room.stale?.[i] === 1 ? staleLow : (room.words[i * 2] ?? 0),
  }));
}

const anyBits = fc.oneof(
  { weight: 6, arbitrary: fc.double().map((value) => bitsOf(0, value)) },
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 20 }).map((value) => bitsOf(0, value)) },
  { weight: 2, arbitrary: fc.constant(staleAt(0)) },
  {
    weight: 2,
    arbitrary: fc
      .record({ high: fc.integer({ min: 0, max: 0xffffffff }), low: fc.integer({ min: 0, max: 0xffffffff }) })
      .map((words) => ({ ...words, timeMs: 0 })),
  },
);
const anyGap = fc.oneof(
  { weight: 8, arbitrary: fc.constant(15_000) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 100_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 ** 40 }) },
);
const anySamples = fc
  .tuple(
    fc.integer({ min: -1_000, max: 2_000_000_000_000 }),
    fc.array(fc.tuple(anyGap, anyBits), { minLength: 1, maxLength: 200 }),
  )
  .map(([startMs, steps]) => {
    let timeMs = startMs;
    return steps.map(([gap, bits]) => {
      timeMs += gap;
      return { ...bits, timeMs };
    });
  });

describe('the bits of a chunk', () => {
  test('give back every sample with all bits of its value, its time and its stale marker', () => {
    fc.assert(
      fc.property(anySamples, (samples) => {
        expect(readBack(written(samples))).toEqual(samples);
      }),
    );
  });

  test('keep NaN of any payload, both infinities and negative zero', () => {
    const odd = [
      { timeMs: 1, high: 0x7ff00000, low: 3 },
      { timeMs: 2, high: 0x7ff80000, low: 1 },
      { timeMs: 3, high: 0xfff80000, low: 0xdeadbeef },
      bitsOf(4, Number.POSITIVE_INFINITY),
      bitsOf(5, Number.NEGATIVE_INFINITY),
      bitsOf(6, -0),
      staleAt(7),
      bitsOf(8, 5e-324),
    ];
    expect(readBack(written(odd))).toEqual(odd);
  });

  test('take two bits for a sample on the grid whose value did not change', () => {
    const heads = written(Array.from({ length: 120 }, (_, i) => bitsOf(i * 15_000, 17)));
    expect(heads.chunks(3)[0]?.length).toBeLessThanOrEqual(40);
  });

  test('that are cut short are told as damage', () => {
    const [chunk] = written(Array.from({ length: 50 }, (_, i) => bitsOf(i * 15_000, Math.sqrt(i)))).chunks(3);
    if (chunk === undefined) {
      throw new Error('no chunk');
    }
    const short = { ...chunk, length: chunk.length - 20 };
    expect(() => readChunk(short, new SampleRoom(50))).toThrow(expect.objectContaining({ code: 'BRIDGE_CORRUPT' }));
  });

  test('of any kind are read without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 50 }), (bytes, count) => {
        const memory = new Uint8Array(bytes.length + paddingBytes).fill(0xff);
        memory.set(bytes);
        const view = new DataView(memory.buffer);
        const chunk = { bytes: memory, view, at: 0, length: bytes.length, count, firstMs: 0, lastMs: 0 };
        try {
          readChunk(chunk, new SampleRoom(count));
        } catch (error) {
          expect(error).toMatchObject({ code: 'BRIDGE_CORRUPT' });
        }
      }),
    );
  });
});

describe('heads', () => {
  test('end a chunk after a thousand samples, and give all of them in order', () => {
    const samples = Array.from({ length: 2_500 }, (_, i) => bitsOf(i * 1_000, i * 1.1));
    const heads = written(samples);
    expect(heads.chunks(3).map(({ count }) => count)).toEqual([1000, 1000, 500]);
    expect(readBack(heads)).toEqual(samples);
  });

  test('keep series apart, whatever their numbers and lengths', () => {
    const heads = new Heads();
    const numbers = [0, 7, 500, 3];
    for (let i = 0; i < 400; i++) {
      for (const series of numbers) {
        if (i % (series + 1) === 0) {
          add(heads, series, bitsOf(i * 10, i * series * 0.1));
        }
      }
    }
    for (const series of numbers) {
      const wanted = Array.from({ length: 400 }, (_, i) => i).filter((i) => i % (series + 1) === 0);
      expect(readBack(heads, series)).toEqual(wanted.map((i) => bitsOf(i * 10, i * series * 0.1)));
    }
    expect(heads.has(2)).toBe(false);
  });

  test('tell what was there already and what comes late', () => {
    const heads = written([bitsOf(10, 1), bitsOf(20, 2)]);
    expect(add(heads, 3, bitsOf(20, 2))).toBe('same');
    expect(add(heads, 3, bitsOf(20, 3))).toBe('late');
    expect(add(heads, 3, staleAt(20))).toBe('late');
    expect(add(heads, 3, bitsOf(15, 3))).toBe('late');
    expect(add(heads, 3, staleAt(30))).toBe('kept');
    expect(add(heads, 3, staleAt(30))).toBe('same');
    expect(heads.samples).toBe(3);
  });

  test('begin anew after they were cleared', () => {
    const heads = written([bitsOf(10, 1), bitsOf(20, 2)]);
    heads.clear();
    expect(heads.chunks(3)).toEqual([]);
    expect(add(heads, 3, bitsOf(5, 9))).toBe('kept');
    expect(readBack(heads)).toEqual([bitsOf(5, 9)]);
  });

  test('show nothing of what stood in their memory before', () => {
    fc.assert(
      fc.property(anySamples, anySamples, (before, samples) => {
        const heads = written(before);
        heads.clear();
        for (const [n, sample] of samples.entries()) {
          add(heads, 3, sample);
          expect(readBack(heads)).toEqual(samples.slice(0, n + 1));
        }
      }),
      { numRuns: 20 },
    );
  });
});

function addLate(late: LateSamples, series: number, { timeMs, high, low }: Bits): void {
  late.add(series, timeMs, high, low);
}

describe('late samples', () => {
  test('are given in order of time, the later arrival where two have one time', () => {
    const late = new LateSamples();
    addLate(late, 8, bitsOf(30, 1));
    addLate(late, 8, bitsOf(10, 2));
    addLate(late, 2, bitsOf(10, 3));
    addLate(late, 8, bitsOf(30, 4));
    expect(late.series).toEqual([2, 8]);
    expect(readBack(late.ordered(8), 0)).toEqual([bitsOf(10, 2), bitsOf(30, 4)]);
    expect(readBack(late.ordered(2), 0)).toEqual([bitsOf(10, 3)]);
  });
});
