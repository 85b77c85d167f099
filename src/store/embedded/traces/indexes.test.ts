import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FileCache } from '../file-cache.ts';
import { BlockTable } from './block-table.ts';
import { bloomHas, buildBloom } from './bloom.ts';
import { FragmentPages, layPages, pageBytes, pageEntries } from './fragment-pages.ts';
import { FragmentTable } from './fragment-table.ts';
import { hashText, traceKeyOf, traceKeyOfHex } from './hash.ts';
import { IndexFile, writeIndexFile } from './index-file.ts';
import { LiveIndex } from './live-index.ts';
import type { NameBook } from './name-book.ts';

function keyOf(n: number): { high: number; low: number } {
  return traceKeyOf(0, n);
}

function words(keys: readonly { high: number; low: number }[]): Uint32Array {
  return Uint32Array.from(keys.flatMap(({ high, low }) => [high, low]));
}

describe('a trace key', () => {
  test('is the same for a short, a 64-bit and a 128-bit id with the same lower half', () => {
    const ids = ['ab', '00000000000000ab', '48485a3953bb612400000000000000ab'];
    expect(new Set(ids.map((id) => JSON.stringify(traceKeyOfHex(id)))).size).toBe(1);
  });

  test('spreads ids that count up evenly', () => {
    const buckets = new Array<number>(16).fill(0);
    for (let n = 0; n < 16_000; n++) {
      const bucket = keyOf(n).high >>> 28;
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(Math.min(...buckets)).toBeGreaterThan(800);
    expect(Math.max(...buckets)).toBeLessThan(1_200);
  });
});

test('a bloom filter never forgets, and rarely says yes to what it never saw', () => {
  const entries = Array.from({ length: 1_000 }, (_, i) => hashText('key', `value ${i}`));
  const bloom = buildBloom(entries);
  expect(entries.every((entry) => bloomHas(bloom, entry))).toBe(true);
  const strangers = Array.from({ length: 10_000 }, (_, i) => hashText('key', `other ${i}`));
  expect(strangers.filter((entry) => bloomHas(bloom, entry)).length).toBeLessThan(250);
  expect(bloomHas(buildBloom([]), hashText('a'))).toBe(false);
});

describe('fragments', () => {
  const table = new FragmentTable();
  /** Trace n is in blocks n % 7, n % 7 + 7, ... ; trace 5 in every block, which is more than a page holds. */
  const expected = new Map<number, number[]>();
  for (let block = 0; block < 1_000; block++) {
    const traces = new Set([5, ...Array.from({ length: 20 }, (_, i) => block * 3 + i)]);
    table.add(words([...traces].map(keyOf)), block);
    for (const n of traces) {
      expected.set(n, [...(expected.get(n) ?? []), block]);
    }
  }

  test('are found in memory, block by block in order', () => {
    for (const [n, blocks] of expected) {
      expect(table.blocksOf(keyOf(n))).toEqual(blocks);
    }
    expect(table.lastBlockOf(keyOf(5))).toBe(999);
    expect([table.blocksOf(keyOf(1e9)), table.lastBlockOf(keyOf(1e9))]).toEqual([[], -1]);
  });

  test('are found in sorted pages, by reading few of them', () => {
    const pages = Buffer.concat([...layPages(table)]);
    let read = 0;
    const found = new FragmentPages(table.fragments, (page) => {
      read += 1;
      return Buffer.from(pages.subarray(page * pageBytes, (page + 1) * pageBytes));
    });
    for (const [n, blocks] of expected) {
      expect(found.blocksOf(keyOf(n))).toEqual(blocks);
    }
    expect(found.blocksOf(keyOf(1e9))).toEqual([]);
    expect(expected.get(5)?.length).toBeGreaterThan(2 * pageEntries);
    expect(read / expected.size).toBeLessThan(4);
  });

  test('in pages that were bitten are an error, not another answer', () => {
    const pages = Buffer.concat([...layPages(table)]);
    for (const offset of [0, 5, 9, 4000, pageBytes + 100]) {
      const bitten = Buffer.from(pages);
      bitten[offset] = (bitten[offset] ?? 0) ^ 1;
      const found = new FragmentPages(table.fragments, (page) =>
        Buffer.from(bitten.subarray(page * pageBytes, (page + 1) * pageBytes)),
      );
      const askAll = (): void => {
        for (const n of expected.keys()) {
          found.blocksOf(keyOf(n));
        }
      };
      expect(askAll).toThrow(expect.objectContaining({ code: 'BRIDGE_CORRUPT' }));
    }
  });

  test('of no trace at all make no page, and nothing is found', () => {
    expect([...layPages(new FragmentTable())]).toEqual([]);
    expect(new FragmentPages(0, () => Buffer.alloc(pageBytes)).blocksOf(keyOf(1))).toEqual([]);
  });
});

describe('an index file', () => {
  let dir = '';
  const files = new FileCache();
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'meshbridge-index-'));
  });
  afterAll(() => {
    files.close();
    rmSync(dir, { recursive: true });
  });

  test('answers as the index in memory that it was written from', async () => {
    const live = new LiveIndex();
    for (let block = 0; block < 300; block++) {
      const services = [
        { service: `s${block % 3}`, spans: [`n${block}`, 'get'], remotes: block % 2 === 0 ? ['db'] : [] },
      ];
      live.add(
        { offset: block * 1000, headerBytes: 100, payloadBytes: 900 },
        {
          spans: block + 1,
          first: { seq: block, index: 0 },
          last: { seq: block, index: block },
          arrivalMinute: block,
          minMicros: block,
          maxMicros: block + 10,
          maxDurationMicros: block % 4 === 0 ? -1 : block,
          hasError: block % 5 === 0,
          services,
          namesComplete: block !== 17,
          traceKeys: words([keyOf(block), keyOf(block + 1)]),
          bloom: new Uint8Array(),
        },
      );
    }
    const facts = {
      spans: 1,
      minMicros: 2,
      maxMicros: 3,
      arrivedMs: 4,
      position: { queueId: 'q', seq: 5, cumItems: 6 },
    };
    const bytes = await writeIndexFile(join(dir, 'index'), live, facts);
    const index = new IndexFile(files, join(dir, 'index'), bytes);
    expect(index.facts).toEqual(facts);
    expect(index.names().services()).toEqual(live.names().services());
    for (let block = 0; block < 300; block++) {
      expect(described(index.table(), index.names(), block)).toEqual(described(live.table(), live.names(), block));
      expect(index.blocksOf(keyOf(block))).toEqual(live.blocksOf(keyOf(block)));
    }
    index.forget();
    expect(index.table().length).toBe(300);
    expect(index.table().write().equals(live.table().write())).toBe(true);
  });
});

function described(table: BlockTable, names: NameBook, block: number): object {
  return {
    place: table.place(block),
    bounds: [table.minMicros(block), table.maxMicros(block), table.maxDurationMicros(block), table.spans(block)],
    error: table.hasError(block),
    services: ['s0', 's1', 's2', 'no'].map((name) => table.mayHaveService(block, names.find(name))),
    spans: ['get', `n${block}`, `n${block + 1}`].map((name) => table.mayHaveSpanName(block, names.find(name))),
    remote: table.mayHaveRemote(block, names.find('db')),
  };
}

test('a table of blocks that is cut throws BRIDGE_CORRUPT', () => {
  const bytes = new LiveIndex().table().write();
  expect(() => BlockTable.read(bytes.subarray(1))).toThrow(expect.objectContaining({ code: 'BRIDGE_CORRUPT' }));
});
