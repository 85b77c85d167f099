import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { decodeLineProtocol } from '../../src/codec/line-protocol/parse.ts';
import type { RumPoint } from '../../src/model/rum.ts';
import { describeCodec } from './codec-contract.ts';

const text = String.raw`view,app_id=a,page\ url=https://shop.example/?q\=é loading_time=1.5,is_active=true,title="⻩ \"x\"" 1795254740695
error,app_id=a error_stack="TypeError
	at x" 1795254740696`;

const read: readonly RumPoint[] = [
  {
    measurement: 'view',
    tags: { app_id: 'a', 'page url': 'https://shop.example/?q=é' },
    fields: { loading_time: 1.5, is_active: true, title: '⻩ "x"' },
    timeNanos: 1_795_254_740_695_000_000n,
  },
  {
    measurement: 'error',
    tags: { app_id: 'a' },
    fields: { error_stack: 'TypeError\n\tat x' },
    timeNanos: 1_795_254_740_696_000_000n,
  },
];

describeCodec<readonly RumPoint[]>({
  name: 'line-protocol',
  decoder: { decode: (bytes) => decodeLineProtocol(bytes, { nowNanos: 1n }) },
  goldens: [
    { name: 'a view and an error', bytes: Buffer.from(text), check: (points) => assert.deepEqual(points, read) },
  ],
  prefix: {
    why: 'lines, of which the last may be cut within its time or its last number',
    holds: (part, whole) =>
      part.length <= whole.length && isDeepStrictEqual(part.slice(0, -1), whole.slice(0, Math.max(0, part.length - 1))),
  },
});
