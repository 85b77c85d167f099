import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BridgeError } from '../../contract/errors.ts';
import { decodeRumPoints, encodeRumPoints } from './rum-points.ts';

const golden = Buffer.from(
  '{"v":1,"points":[{"measurement":"view","tags":{"app_id":"a"},"fields":{"loading_time":1.5,"is_active":true,"x":"é"},"time":"1795254740695877641"}]}',
);

test('RUM points are read from the golden bytes and written as them', () => {
  const points = [
    {
      measurement: 'view',
      tags: { app_id: 'a' },
      fields: { loading_time: 1.5, is_active: true, x: 'é' },
      timeNanos: 1_795_254_740_695_877_641n,
    },
  ];
  expect(decodeRumPoints(golden)).toEqual(points);
  expect(Buffer.from(encodeRumPoints(points)).toString()).toBe(golden.toString());
});

test('any RUM points come back equal', () => {
  const point = fc.record({
    measurement: fc.string(),
    tags: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
    fields: fc.dictionary(
      fc.string(),
      fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 })),
      { noNullPrototype: true },
    ),
    timeNanos: fc.bigInt({ min: 0n, max: 2n ** 63n }),
  });
  fc.assert(fc.property(fc.array(point), (points) => expect(decodeRumPoints(encodeRumPoints(points))).toEqual(points)));
});

test('every truncation of RUM points throws BRIDGE_DECODE', () => {
  for (let length = 0; length < golden.length; length++) {
    expect(() => decodeRumPoints(golden.subarray(0, length))).toThrow(BridgeError);
  }
});

test.each([
  '[]',
  '{"v":2,"points":[]}',
  '{"v":1,"points":[{}]}',
  '{"v":1,"points":[{"measurement":"m","tags":{"a":1},"fields":{},"time":"1"}]}',
  '{"v":1,"points":[{"measurement":"m","tags":{},"fields":{"a":null},"time":"1"}]}',
  '{"v":1,"points":[{"measurement":"m","tags":{},"fields":{},"time":"1e3"}]}',
  '{"v":1,"points":[null]}',
])('%j is not a list of RUM points', (text) => {
  expect(() => decodeRumPoints(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'BRIDGE_DECODE' }));
});
