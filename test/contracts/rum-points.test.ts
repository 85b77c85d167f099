import assert from 'node:assert/strict';
import { decodeRumPoints, encodeRumPoints } from '../../src/codec/rum-points/rum-points.ts';
import type { RumPoint } from '../../src/model/rum.ts';
import { describeCodec } from './codec-contract.ts';

const view: RumPoint = {
  measurement: 'view',
  tags: { app_id: 'a', 'page url': 'https://shop.example/?q=é' },
  fields: { loading_time: 1.5, is_active: true, title: '⻩' },
  timeNanos: 1_795_254_740_695_877_641n,
};

describeCodec<readonly RumPoint[]>({
  name: 'rum-points',
  decoder: { decode: decodeRumPoints },
  codec: { contentType: 'application/json', encode: encodeRumPoints, decode: decodeRumPoints },
  goldens: [{ name: 'a view', bytes: encodeRumPoints([view]), check: (points) => assert.deepEqual(points, [view]) }],
  values: [[], [view, { measurement: '', tags: {}, fields: {}, timeNanos: 0n }]],
});
