import { expect, test } from '@jest/globals';
import { attributesOf, encodeAttributes, parseAttributes } from './attributes.ts';
import { LogBlockBuilder } from './log-block-builder.ts';

test('attributes come back from the record that they were given to, and from no other', () => {
  const builder = new LogBlockBuilder();
  const attributes = encodeAttributes({ path: '/a', code: 200, slow: false });
  builder.append({ seconds: 1, nanos: 0, flags: 0, level: 0 }, Buffer.from('x'), 0, 1);
  builder.append(
    { seconds: 1, nanos: 0, flags: 0, level: 0, ...(attributes && { attributes }) },
    Buffer.from('y'),
    0,
    1,
  );
  const block = builder.block();
  expect(attributesOf(block, 0)).toBeUndefined();
  expect(attributesOf(block, 1)).toEqual({ path: '/a', code: 200, slow: false });
});

test('no attributes take no bytes', () => {
  expect(encodeAttributes({})).toBeUndefined();
});

test.each([
  ['[1]', undefined],
  ['{', undefined],
  ['null', undefined],
  ['{"a":{"b":1},"c":"d","e":null}', { c: 'd' }],
])('of %s only flat values are taken', (text, expected) => {
  expect(parseAttributes(Buffer.from(text))).toEqual(expected);
});
