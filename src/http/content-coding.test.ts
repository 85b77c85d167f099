import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import type { HttpRoute } from '../contract/http.ts';
import { BodyBudget } from './body.ts';
import { codingOf, inflated } from './content-coding.ts';

const text = Buffer.from('view,app_id=a f=1 '.repeat(50));
const mib = 1024 * 1024;

function coding(query: string, header: string | undefined, inflate: HttpRoute['inflate'] = 'any'): string | undefined {
  const route = { inflate } as HttpRoute;
  return codingOf({ query: new URLSearchParams(query), headers: { 'content-encoding': header } }, route);
}

describe('the coding of a body', () => {
  test('is what the query names, else what the header names', () => {
    expect(coding('encoding=deflate', undefined)).toBe('deflate');
    expect(coding('encoding=deflate', 'gzip')).toBe('deflate');
    expect(coding('', 'X-GZIP')).toBe('gzip');
    expect(coding('', 'zstd')).toBe('zstd');
    expect([coding('', undefined), coding('encoding=', 'identity')]).toEqual([undefined, undefined]);
    expect(() => coding('encoding=lzma', undefined)).toThrow('not as lzma');
  });

  test('is gzip alone where the route takes no other', () => {
    expect([coding('encoding=gzip', 'deflate', true), coding('', 'x-gzip', true)]).toEqual([undefined, 'gzip']);
    expect(coding('', 'gzip', false)).toBe(undefined);
  });
});

describe('a body', () => {
  test.each([
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdCompressSync(text)],
  ] as const)('of %s is inflated, and one that is cut short is not', async (named, packed) => {
    const budget = new BodyBudget(mib);
    expect(await inflated(packed, named, mib, budget)).toEqual(text);
    expect(budget.heldBytes).toBe(text.length);
    await expect(inflated(packed.subarray(0, -3), named, mib, budget)).rejects.toThrow('cannot be inflated');
    await expect(inflated(packed, named, 10, budget)).rejects.toThrow('inflates to more than 10 bytes');
    expect(budget.heldBytes).toBe(text.length);
  });

  test('of zstd that asks for more memory than HTTP allows is refused', async () => {
    const params = { [constants.ZSTD_c_windowLog]: 25, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const packed = zstdCompressSync(Buffer.alloc(40 * mib), { params });
    await expect(inflated(packed, 'zstd', mib, new BodyBudget(mib))).rejects.toThrow('cannot be inflated');
  });
});
