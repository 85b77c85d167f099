import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { type FakeFarSide, type Received, withFakeFarSide } from '../../../test/fakes/far-side.ts';
import { frameRecord } from '../../../test/fakes/frames.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { requestOf, spanRecord } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import { encodeRumPoints } from '../../codec/rum-points/rum-points.ts';
import type { Output } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { Series } from '../../model/metric.ts';
import { dataway } from './dataway.ts';

const never = new AbortController().signal;
const timeNanos = 1_795_253_153_000_000_007n;
/** Written down from DataKit's schema, read by a library that knows nothing of the codec. */
const PBPoints = protobuf
  .parse(
    `syntax = "proto3";
    message PBPoints { repeated PBPoint arr = 1; }
    message PBPoint { string name = 1; repeated Field fields = 2; int64 time = 3; }
    message Field { string key = 1; oneof v { int64 i = 2; uint64 u = 3; double f = 4; bool b = 5; bytes d = 6; string s = 11; } bool is_tag = 8; }`,
  )
  .root.lookupType('PBPoints');

interface WirePoint {
  readonly name: string;
  readonly time: string;
  readonly fields: readonly { readonly key: string; readonly isTag?: boolean }[];
}

function pointsIn({ body }: Received): readonly WirePoint[] {
  const { arr = [] } = PBPoints.toObject(PBPoints.decode(gunzipSync(body)), { longs: String });
  return arr;
}

function linesRecord(seq: number): QueueRecord {
  return logRecord(
    ['a', 'b'].map((message) => ({ message, timeNanos })),
    { seq },
  );
}

describeOutput({
  kind: 'http',
  definition: dataway,
  decode: new RecordDecoders(),
  request: (records) => requestOf(Array.from({ length: records }, (_, i) => linesRecord(i + 1))),
  config: (endpoint) => ({ url: `${endpoint}?token=tkn_x` }),
  itemsIn: (received) => pointsIn(received).length,
});

function withOutput<T>(table: object, run: (output: Output, far: FakeFarSide) => Promise<T>): Promise<T> {
  return withFakeFarSide(async (far) => {
    const runtime = { ...fakeRuntime(), name: 'dataway', decode: new RecordDecoders() };
    const output = dataway.create(dataway.config.parse({ url: `${far.url}?token=tkn_x`, ...table }), runtime);
    await output.start();
    try {
      return await run(output, far);
    } finally {
      await output.stop();
    }
  });
}

const series: Series = {
  name: 'istio_requests_total',
  labels: [['code', '200']],
  type: 'counter',
  measurement: 'istio',
  field: 'requests.total',
};
const frame = frameRecord([series], [5], { seq: 1, timestampMs: 5 });
const rumPoint = { measurement: 'view', tags: { app_id: 'a' }, fields: { 'a.b': 5, app_id: 'x' }, timeNanos: 6n };
const everySignal: readonly QueueRecord[] = [
  frame,
  spanRecord([{ traceId: '000000000000000a', id: '000000000000000b', timestamp: 7, duration: 2 }], { seq: 1 }),
  linesRecord(1),
  { ...frame, signal: 'rum', format: 'rum-points', items: 1, payload: encodeRumPoints([rumPoint]) },
];

describe('what is sent', () => {
  test('goes to the path of its category with the token, counted and named', async () => {
    await withOutput({}, async (output, far) => {
      for (const record of everySignal) {
        expect(await output.write(requestOf([record]), never)).toEqual({ status: 'delivered' });
      }
      expect(far.requests.map(({ path }) => path)).toEqual(
        ['metric', 'tracing', 'logging', 'rum'].map((category) => `/v1/write/${category}?token=tkn_x`),
      );
      const [metric, , logging] = far.requests;
      expect(logging?.headers).toMatchObject({
        'content-type': 'application/protobuf; proto=com.guance.Point',
        'content-encoding': 'gzip',
        'x-points': '2',
        'x-pkg-id': expect.stringMatching(/^dk_.+:1-1$/),
      });
      expect(pointsIn(metric!)).toEqual([
        {
          name: 'istio',
          time: '5000000',
          fields: [
            { key: 'code', s: '200', isTag: true },
            { key: 'requests.total', f: 5 },
          ],
        },
      ]);
    });
  });

  test('has no dots in keys but those of metrics, and no key twice', async () => {
    await withOutput({}, async (output, far) => {
      await output.write(requestOf(everySignal.slice(3)), never);
      expect(pointsIn(far.requests[0]!)[0]?.fields).toEqual([
        { key: 'app_id', s: 'a', isTag: true },
        { key: 'a_b', f: 5 },
      ]);
    });
  });

  test('may be line protocol', async () => {
    await withOutput({ encoding: 'line-protocol' }, async (output, far) => {
      await output.write(requestOf([frame]), never);
      const [request] = far.requests;
      expect(request?.headers['content-type']).toBe('application/line-protocol');
      expect(gunzipSync(request!.body).toString()).toBe('istio,code=200 requests.total=5 5000000');
    });
  });

  test('keeps what stands in the address', async () => {
    await withFakeFarSide(async (far) => {
      const runtime = { ...fakeRuntime(), name: 'dataway', decode: new RecordDecoders() };
      const url = `${far.url}/gate/?token=t&x=1`;
      const output = dataway.create(dataway.config.parse({ url }), runtime);
      await output.start();
      await output.write(requestOf([frame]), never);
      await output.stop();
      expect(far.requests[0]?.path).toBe('/gate/v1/write/metric?token=t&x=1');
    });
  });

  test('leaves out and counts samples that a point cannot hold', async () => {
    await withOutput({}, async (output, far) => {
      const ended = frameRecord([series], [0], { seq: 1, timestampMs: 5, stale: [0] });
      expect(await output.write(requestOf([ended]), never)).toMatchObject({ status: 'partial', rejected: 1 });
      expect(far.requests).toEqual([]);
    });
  });
});

test('a Dataway that finds the empty body of a check wrong is well', async () => {
  await withOutput({}, async (output, far) => {
    far.answer({ status: 400, body: '{"error_code":"dataway.emptyBody"}' });
    expect(await output.check()).toEqual({ ok: true });
    far.answer({ status: 403, body: '{"error_code":"dataway.tokenNotFound"}' });
    expect(await output.check()).toMatchObject({ ok: false });
  });
});

test('an address without a token is refused with how to write it', () => {
  const checked = dataway.config.safeParse({ url: 'https://openway.example.com' });
  expect(checked.error?.issues[0]?.message).toContain('has no token: write it as https://host?token=tkn_');
});
