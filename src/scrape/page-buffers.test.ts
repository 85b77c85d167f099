import { expect, test } from '@jest/globals';
import { PageBuffers } from './page-buffers.ts';

function filled(buffers: PageBuffers, bytes: number) {
  const page = buffers.take();
  page.append(Buffer.alloc(bytes, 1));
  return page;
}

test('a page takes no memory before its first bytes are there', () => {
  const page = new PageBuffers().take();
  expect(page.bytes).toHaveLength(0);
  page.append(Buffer.from('abc'));
  expect(page.bytes.toString('latin1', 0, page.filled)).toBe('abc');
});

test('memory goes from page to page, and what stood there does not', () => {
  const buffers = new PageBuffers();
  const first = filled(buffers, 300_000);
  const { buffer } = first.bytes;
  buffers.give(first);
  expect([first.bytes.length, first.filled]).toEqual([0, 0]);
  const second = filled(buffers, 10);
  expect(second.bytes.buffer).toBe(buffer);
  expect(second.filled).toBe(10);
});

test('a page that grows keeps what it has', () => {
  const buffers = new PageBuffers();
  buffers.give(filled(buffers, 1_000_000));
  const page = buffers.take();
  for (let i = 0; i < 40; i++) {
    page.append(Buffer.alloc(50_000, i));
  }
  expect(page.filled).toBe(2_000_000);
  for (let i = 0; i < 40; i++) {
    expect(page.bytes.subarray(i * 50_000, (i + 1) * 50_000).every((byte) => byte === i)).toBe(true);
  }
});

test('of the memory of a burst three blocks are kept, the largest ones', () => {
  const buffers = new PageBuffers();
  const burst = Array.from({ length: 20 }, (_, i) => filled(buffers, 100_000 + i * 10_000));
  const blocks = new Map(burst.map((page) => [page.bytes.buffer, page.bytes.length]));
  const lengths = [...blocks.values()].sort((a, b) => b - a);
  for (const page of burst) {
    buffers.give(page);
  }
  const after = Array.from({ length: 20 }, () => filled(buffers, 100_000));
  const again = after.map(({ bytes }) => blocks.get(bytes.buffer)).filter((length) => length !== undefined);
  expect(again.sort((a, b) => b - a)).toEqual(lengths.slice(0, 3));
});

test('what somebody says is coming is taken at once, within reason', () => {
  const page = new PageBuffers().take();
  page.reserve(1_300_000);
  expect(page.bytes.length).toBe(1_300_000);
  page.reserve(2 ** 40);
  expect(page.bytes.length).toBe(8 * 1024 * 1024);
});
