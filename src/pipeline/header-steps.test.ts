import { expect, test } from '@jest/globals';
import type { Batch } from '../model/batch.ts';
import { addTags, originDefaults, pipeline } from './header-steps.ts';

const batch: Batch = {
  signal: 'traces',
  format: 'zipkin-json-v2',
  payload: Buffer.from('[]'),
  items: 0,
  origin: { pod: 'a' },
};

test('without steps the very batch passes', () => {
  expect(pipeline([])(batch)).toBe(batch);
});

test('global tags are noted for the decoder, and what the batch already adds wins', () => {
  const step = addTags({ cluster: 'one', env: 'test' });
  expect(step({ ...batch, edits: { add: { env: 'prod' }, drop: ['x'] } })?.edits).toEqual({
    add: { cluster: 'one', env: 'prod' },
    drop: ['x'],
  });
  expect(step(batch)?.payload).toBe(batch.payload);
});

test('the origin of an input wins over the defaults, and equal origins stay one object', () => {
  const step = originDefaults({ node: 'n1', pod: 'self' });
  const first = step(batch);
  expect(first?.origin).toEqual({ node: 'n1', pod: 'a' });
  expect(step(batch)?.origin).toBe(first?.origin);
});

test('a step that drops ends the line', () => {
  let called = false;
  const seen = pipeline([
    () => undefined,
    (b) => {
      called = true;
      return b;
    },
  ])(batch);
  expect(seen).toBeUndefined();
  expect(called).toBe(false);
});
