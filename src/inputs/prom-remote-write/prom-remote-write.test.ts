import { describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { compressSync } from 'snappy';
import { describeInput } from '../../../test/contracts/input-contract.ts';
import { type Emission, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { postedInput } from '../../../test/fakes/posted-input.ts';
import type { ServedRoutes } from '../../../test/fakes/route-server.ts';
import { FrameDecoder } from '../../codec/metric-frame/metric-frame.ts';
import { encodeMetadata, type FamilyMetadata } from '../../codec/remote-write/remote-write.ts';
import type { MetricFrame } from '../../model/metric.ts';
import { promRemoteWrite } from './prom-remote-write.ts';

const { root } = protobuf.parse(
  `syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Empty histograms = 4; }
  message Empty {}
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message Request { repeated string symbols = 4; repeated Series2 timeseries = 5; }
  message Series2 { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Empty histograms = 3; }`,
  { keepCase: true },
);

function packed(message: string, value: object): Buffer {
  const type = root.lookupType(message);
  return compressSync(Buffer.from(type.encode(type.fromObject(value)).finish()));
}

const first = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
const second = { ...first, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' };
const path = '/api/v1/write';

const sample = { value: 1.5, timestamp: 1_795_253_153_000 };
const series = (labels: Readonly<Record<string, string>>, more: object = { samples: [sample] }) => ({
  labels: Object.entries(labels).map(([name, value]) => ({ name, value })),
  ...more,
});
const requestOf = (...timeseries: readonly object[]): Buffer => packed('WriteRequest', { timeseries });
const up = { __name__: 'up', job: 'a' };

const rig = postedInput({ definition: promRemoteWrite, path, headers: first });

function frameOf({ payload, dictionary, edits }: Emission): MetricFrame {
  return new FrameDecoder().decode(payload, dictionary, edits);
}

function namesIn(emission: Emission): readonly string[] {
  return frameOf(emission).shape.series.map(({ name }) => name);
}

describe('a request of 1.0', () => {
  test('becomes a frame for each target, with the tags of the table, and no trace of who took it', async () => {
    const { runtime, post } = await rig({ tags: { cluster: 'c', job: 'no' } });
    const answer = await post(
      requestOf(series(up), series({ __name__: 'x', job: 'b', instance: 'i:1' }), series({ __name__: 'y', job: 'a' })),
    );
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    expect(answer.headers.get('x-prometheus-remote-write-samples-written')).toBeNull();
    expect(runtime.emitted.map(({ origin, scope, items, format }) => ({ origin, scope, items, format }))).toEqual([
      { origin: {}, scope: 'cluster', items: 2, format: 'metric-frame' },
      { origin: {}, scope: 'cluster', items: 1, format: 'metric-frame' },
    ]);
    expect(runtime.emitted.map(frameOf)).toMatchObject([
      {
        timestampMs: sample.timestamp,
        values: Float64Array.of(1.5, 1.5),
        shape: {
          series: [
            {
              name: 'up',
              labels: [
                ['cluster', 'c'],
                ['job', 'a'],
              ],
            },
            { name: 'y' },
          ],
        },
      },
      {
        shape: {
          series: [
            {
              name: 'x',
              labels: [
                ['cluster', 'c'],
                ['instance', 'i:1'],
                ['job', 'b'],
              ],
            },
          ],
        },
      },
    ]);
  });

  test('has the types that an earlier one said', async () => {
    const { runtime, post } = await rig();
    const said: FamilyMetadata = { family: 'http_requests', type: 1, help: 'Requests.', unit: '' };
    expect((await post(compressSync(encodeMetadata([said])))).status).toBe(204);
    expect(runtime.emitted).toEqual([]);
    await post(requestOf(series({ __name__: 'http_requests_total' })));
    expect(runtime.emitted.map(frameOf)).toMatchObject([
      { shape: { series: [{ type: 'counter', help: 'Requests.', measurement: 'http', field: 'requests_total' }] } },
    ]);
  });

  test('of which a part is good is taken in part, and what is not is counted by reason', async () => {
    const { runtime, post } = await rig();
    const histogram = series({ __name__: 'native' }, { histograms: [{}, {}] });
    const answer = await post(requestOf(series({ job: 'nameless' }), histogram, series(up)));
    expect(answer.status).toBe(204);
    expect(runtime.emitted.flatMap(namesIn)).toEqual(['up']);
    expect(runtime.refusals).toEqual([
      { signal: 'metrics', items: 1, reason: 'malformed' },
      { signal: 'metrics', items: 2, reason: 'native_histogram' },
    ]);
  });

  test('without any content type is taken too', async () => {
    const { runtime, post } = await rig();
    expect((await post(requestOf(series(up)), {})).status).toBe(204);
    expect(runtime.emitted).toHaveLength(1);
  });
});

describe('a request of 2.0', () => {
  const symbols = ['', '__name__', 'up', 'native'];
  const good = { labels_refs: [1, 2], samples: [sample, { ...sample, timestamp: sample.timestamp + 1 }] };

  test('is told how much was written', async () => {
    const { runtime, post } = await rig();
    const answer = await post(packed('Request', { symbols, timeseries: [good] }), second);
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-prometheus-remote-write-samples-written': '2',
      'x-prometheus-remote-write-histograms-written': '0',
      'x-prometheus-remote-write-exemplars-written': '0',
    });
    expect(runtime.emitted.flatMap(namesIn)).toEqual(['up', 'up']);
  });

  test('of which a part was not taken is told so with 400, as 2.0 wants it, when the rest is on disk', async () => {
    const { runtime, post } = await rig();
    const native = { labels_refs: [1, 3], histograms: [{}] };
    const answer = await post(packed('Request', { symbols, timeseries: [good, native] }), second);
    expect([answer.status, answer.headers.get('x-prometheus-remote-write-samples-written')]).toEqual([400, '2']);
    expect(await answer.text()).toContain('1 not taken: native histograms are not kept, such as native');
    expect(runtime.emitted.flatMap(namesIn)).toEqual(['up', 'up']);
  });
});

describe('what is refused', () => {
  const twice = [
    { name: '__name__', value: 'up' },
    { name: 'a', value: '1' },
    { name: 'a', value: '2' },
  ];

  test.each([
    ['what is not compressed', 'no snappy', first, 400, 'not compressed by snappy'],
    ['what is not protobuf', compressSync('no protobuf'), first, 400, 'not a write request: '],
    [
      'a label twice',
      requestOf({ labels: twice, samples: [sample] }),
      first,
      400,
      '1 not taken: the series up{a="1",a="2"} has the label "a" twice',
    ],
    ['too much', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0]), first, 413, 'inflates to more than'],
    ['JSON', '{}', { 'content-type': 'application/json' }, 415, 'the content type "application/json" is not taken'],
    ['another message', 'x', { ...first, 'content-type': 'application/x-protobuf;proto=a.B' }, 415, 'is not taken'],
    ['another coding', 'x', { ...first, 'content-encoding': 'zstd' }, 415, 'the content encoding "zstd" is not taken'],
  ] as const)('%s is told what is wrong, and counted', async (...[, body, headers, status, text]) => {
    const { runtime, post } = await rig();
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain(text);
    expect(runtime.refusals).toHaveLength(1);
    expect(runtime.emitted).toEqual([]);
  });

  test('for now is told when to come again', async () => {
    const { runtime, post } = await rig();
    runtime.overload();
    const answer = await post(requestOf(series(up)));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(runtime.refusals).toEqual([]);
  });

  test('may only be sent by those who may write', () => {
    const runtime = fakeInputRuntime();
    promRemoteWrite.create(promRemoteWrite.config.parse({}), runtime);
    expect(runtime.collectedRoutes).toMatchObject([{ path, method: 'POST', access: 'ingest', listeners: ['main'] }]);
  });
});

describeInput({
  definition: promRemoteWrite,
  source: async ({ runtime }) => {
    let served: ServedRoutes | undefined;
    const told = async (body: Buffer) => {
      const { status } = await fetch(`${served?.url}${path}`, { method: 'POST', body, headers: first });
      return status === 204 ? 'accepted' : status === 503 ? 'try later' : 'refused';
    };
    return {
      config: {},
      open: async () => {
        served = await runtime.serve('main');
      },
      send: (id) => told(requestOf(series({ __name__: `m${id}` }))),
      sendGarbage: () => told(Buffer.from('garbage')),
      close: async () => served?.close(),
    };
  },
  ids: (emission) => namesIn(emission).map((name) => name.slice(1)),
  count: (emission) => frameOf(emission).values.length,
});
