import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { type FakeFarSide, type Received, withFakeFarSide } from '../../../test/fakes/far-side.ts';
import { frameRecord } from '../../../test/fakes/frames.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { requestOf } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import { encodeRumPoints } from '../../codec/rum-points/rum-points.ts';
import type { Output } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { Series } from '../../model/metric.ts';
import { influxdb } from './influxdb.ts';

const never = new AbortController().signal;
const timeNanos = 1_795_253_153_000_000_007n;

function linesRecord(seq: number): QueueRecord {
  return logRecord(
    ['a', 'b'].map((message) => ({ message, timeNanos })),
    { seq },
  );
}

function linesIn({ body }: Received): readonly string[] {
  const text = gunzipSync(body).toString();
  return text === '' ? [] : text.split('\n');
}

describeOutput({
  kind: 'http',
  definition: influxdb,
  decode: new RecordDecoders(),
  request: (records) => requestOf(Array.from({ length: records }, (_, i) => linesRecord(i + 1))),
  config: (endpoint) => ({ url: endpoint }),
  itemsIn: (received) => linesIn(received).length,
});

function withOutput<T>(path: string, table: object, run: (output: Output, far: FakeFarSide) => Promise<T>): Promise<T> {
  return withFakeFarSide(async (far) => {
    const runtime = { ...fakeRuntime(), name: 'influxdb', decode: new RecordDecoders() };
    const output = influxdb.create(influxdb.config.parse({ url: `${far.url}${path}`, ...table }), runtime);
    await output.start();
    try {
      return await run(output, far);
    } finally {
      await output.stop();
    }
  });
}

function gauge(name: string, labels: Record<string, string> = {}): Series {
  const field = name.slice(name.indexOf('_') + 1);
  const measurement = name.slice(0, name.indexOf('_'));
  return { name, labels: Object.entries(labels), type: 'gauge', measurement, field };
}

describe('requests', () => {
  test.each([
    ['', {}, '/write?db=meshbridge&precision=ns'],
    ['/', { database: 'mesh data', retention_policy: 'short' }, '/write?db=mesh+data&precision=ns&rp=short'],
    ['/api/v2/write?org=o&bucket=b', {}, '/api/v2/write?org=o&bucket=b'],
  ])('for the address %s with %j go to %s', async (path, table, expected) => {
    await withOutput(path, table, async (output, far) => {
      await output.write(requestOf([linesRecord(1)]), never);
      expect(far.requests.map((request) => request.path)).toEqual([expected]);
    });
  });

  test('hold metrics by measurement and field, lines by source, browser data with few tags', async () => {
    await withOutput('', {}, async (output, far) => {
      const metrics = frameRecord(
        [gauge('istio_requests', { code: '200' }), gauge('istio_bytes', { code: '200' })],
        [1, 2],
        {
          seq: 1,
          timestampMs: 5,
        },
      );
      const point = {
        measurement: 'view',
        tags: { app_id: 'a', session_id: 's' },
        fields: { loading_time: 5 },
        timeNanos: 6n,
      };
      const rum: QueueRecord = {
        ...metrics,
        signal: 'rum',
        format: 'rum-points',
        items: 1,
        payload: encodeRumPoints([point]),
      };
      for (const record of [metrics, linesRecord(1), rum]) {
        expect(await output.write(requestOf([record]), never)).toEqual({ status: 'delivered' });
      }
      expect(far.requests.map(linesIn)).toEqual([
        ['istio,code=200 requests=1,bytes=2 5000000'],
        ['a', 'b'].map(
          (message) =>
            `app,container_name=app,namespace=default,pod_name=app-0,service=app,status=info,stream=stdout message="${message}" ${timeNanos}`,
        ),
        ['view,app_id=a session_id="s",loading_time=5 6'],
      ]);
    });
  });
});

describe('what line protocol cannot say', () => {
  const mixed = frameRecord([gauge('a_x'), gauge('a_y'), gauge('a_z')], [Number.NaN, 1, 2], {
    seq: 1,
    timestampMs: 5,
    stale: [2],
  });

  test('is left out and counted, once the rest is there', async () => {
    await withOutput('', {}, async (output, far) => {
      const result = await output.write(requestOf([mixed]), never);
      expect(result).toMatchObject({ status: 'partial', rejected: 2 });
      expect(far.requests.map(linesIn)).toEqual([['a y=1 5000000']]);
      far.answer({ status: 503 });
      expect(await output.write(requestOf([mixed]), never)).toMatchObject({ status: 'retry' });
    });
  });

  test('needs no request where there is nothing else', async () => {
    await withOutput('', {}, async (output, far) => {
      const ended = frameRecord([gauge('a_x')], [0], { seq: 1, timestampMs: 5, stale: [0] });
      expect(await output.write(requestOf([ended]), never)).toMatchObject({ status: 'partial', rejected: 1 });
      expect(far.requests).toEqual([]);
    });
  });
});

test('points that InfluxDB drops are counted, and the others are not sent again', async () => {
  await withOutput('', {}, async (output, far) => {
    const body = '{"error":"partial write: field type conflict: input field \\"x\\" is type string dropped=1"}';
    far.answer({ status: 400, body });
    const result = await output.write(requestOf([linesRecord(1), linesRecord(2)]), never);
    expect(result).toEqual({ status: 'partial', rejected: 1, reason: body });
  });
});
