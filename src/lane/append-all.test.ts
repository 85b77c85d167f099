import { expect, test } from '@jest/globals';
import type { Emission } from '../contract/input.ts';
import { appendAll } from './append-all.ts';

function emissions(count: number): Emission[] {
  return Array.from({ length: count }, (_, i) => ({
    batch: { signal: 'traces', format: 'zipkin-json-v2', payload: Buffer.alloc(0), items: i, origin: {} },
  }));
}

test('each that is written has its own promise', async () => {
  const written: number[] = [];
  const done = appendAll(emissions(3), async ({ batch }) => void written.push(batch.items));
  expect(written).toEqual([0, 1, 2]);
  expect(await Promise.all(done)).toHaveLength(3);
});

test('behind one that is refused none is written', async () => {
  const written: number[] = [];
  const done = appendAll(emissions(4), async ({ batch }) => {
    written.push(batch.items);
  });
  const some = appendAll(emissions(4), ({ batch }) => {
    if (batch.items === 2) {
      throw new Error('full');
    }
    return Promise.resolve();
  });
  expect((await Promise.allSettled(done)).map(({ status }) => status)).toEqual(Array(4).fill('fulfilled'));
  expect((await Promise.allSettled(some)).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'rejected',
  ]);
  expect(written).toEqual([0, 1, 2, 3]);
});
