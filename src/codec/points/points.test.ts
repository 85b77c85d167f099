import { describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { logRecord } from '../../../test/fakes/log-records.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { MetricFrame, Series } from '../../model/metric.ts';
import { decodeLogBlock } from '../log-block/log-block.ts';
import { RecordDecoders } from '../record-decoder.ts';
import { logPoints } from './log-points.ts';
import { MetricPoints } from './metric-points.ts';
import { encodePointsProto } from './proto.ts';
import { RecordPoints } from './record-points.ts';
import { spanPoints } from './span-points.ts';

function series(name: string, labels: Record<string, string> = {}): Series {
  const [measurement = '', ...field] = name.split('_');
  return { name, labels: Object.entries(labels), type: 'gauge', measurement, field: field.join('_') };
}

function frame(all: readonly Series[], values: readonly number[], more: Partial<MetricFrame> = {}): MetricFrame {
  return { shape: { id: 'x', series: all }, timestampMs: 1_000, values: Float64Array.from(values), ...more };
}

describe('points of a scrape', () => {
  test('hold what has measurement, labels and time in common', () => {
    const all = [
      series('istio_requests', { code: '200' }),
      series('istio_bytes', { code: '200' }),
      series('istio_requests', { code: '500' }),
    ];
    expect(new MetricPoints().of(frame(all, [1, 2.5, 3]))).toEqual({
      points: [
        { measurement: 'istio', tags: { code: '200' }, fields: { requests: 1, bytes: 2.5 }, timeNanos: 1_000_000_000n },
        { measurement: 'istio', tags: { code: '500' }, fields: { requests: 3 }, timeNanos: 1_000_000_000n },
      ],
      without: 0,
    });
  });

  test('leave out and count what line protocol cannot say', () => {
    const all = [series('a_x'), series('a_y'), series('a_z'), series('a_end')];
    const values = [Number.NaN, Number.POSITIVE_INFINITY, 1, 5];
    expect(new MetricPoints().of(frame(all, values, { stale: Uint8Array.of(0b1000) }))).toMatchObject({
      points: [{ fields: { z: 1 } }],
      without: 3,
    });
  });

  test('are apart where samples have times of their own', () => {
    const all = [series('a_x'), series('a_y')];
    const timestampsMs = Float64Array.of(Number.NaN, 7);
    const { points } = new MetricPoints().of(frame(all, [1, 2], { timestampsMs }));
    expect(points.map(({ fields, timeNanos }) => [fields, timeNanos])).toEqual([
      [{ x: 1 }, 1_000_000_000n],
      [{ y: 2 }, 7_000_000n],
    ]);
  });

  test('of two series that have become one hold the later, and the other is counted', () => {
    expect(new MetricPoints().of(frame([series('a_x'), series('a_x')], [1, 2]))).toMatchObject({
      points: [{ fields: { x: 2 } }],
      without: 1,
    });
  });
});

test('points of lines have DataKit’s names, and attributes that take no tag’s place', () => {
  const attributes = { code: 200, namespace: 'no', date: 'x' };
  const record = logRecord(
    [
      { message: 'oh', timeNanos: 1_795_253_153_000_000_007n, level: 'warn', attributes },
      { message: 'x', timeNanos: 2n, stream: 'stderr' },
    ],
    {
      seq: 1,
      origin: { namespace: 'default', pod: 'r-1', container: 'app', node: 'n1', app: 'reviews' },
      edits: { add: { team: 't', date: 'no' } },
    },
  );
  const tags = {
    service: 'app',
    namespace: 'default',
    pod_name: 'r-1',
    container_name: 'app',
    host: 'n1',
    app: 'reviews',
    team: 't',
  };
  expect(logPoints(record, decodeLogBlock(record.payload))).toEqual([
    {
      measurement: 'app',
      tags: { ...tags, status: 'warning', stream: 'stdout' },
      fields: { message: 'oh', code: 200 },
      timeNanos: 1_795_253_153_000_000_007n,
    },
    {
      measurement: 'app',
      tags: { ...tags, status: 'info', stream: 'stderr' },
      fields: { message: 'x' },
      timeNanos: 2n,
    },
  ]);
});

test('points of lines have their workload under its kind, where that is known', () => {
  const of = (edits?: { readonly add: Readonly<Record<string, string>> }) => {
    const line = { message: 'hi', timeNanos: 1n, stream: 'stdout' } as const;
    const record = logRecord([line], { seq: 1, origin: { container: 'app', workload: 'db' }, ...(edits && { edits }) });
    return logPoints(record, decodeLogBlock(record.payload))[0]?.tags;
  };
  expect(of()).toMatchObject({ deployment: 'db' });
  expect(of({ add: { statefulset: 'db' } })).toMatchObject({ statefulset: 'db' });
  expect(of({ add: { statefulset: 'db' } })).not.toHaveProperty('deployment');
  expect(of({ add: { deployment: 'db' } })).toMatchObject({ deployment: 'db' });
});

describe('points of spans', () => {
  const traceId = '0000000000000000000000000000000a';
  const service = (serviceName: string) => ({ localEndpoint: { serviceName } });

  test('say where each stands among those that came with it', () => {
    const points = spanPoints([
      { traceId, id: '01', ...service('a') },
      { traceId, id: '02', parentId: '01', ...service('a') },
      { traceId, id: '03', parentId: '02', ...service('a') },
      { traceId, id: '04', parentId: '03', ...service('b') },
      { traceId, id: '05', parentId: 'ff' },
      { traceId, id: '06', parentId: '03', ...service('a') },
    ]);
    expect(points.map(({ tags, fields }) => [tags['span_type'], tags['service'], fields['parent_id']])).toEqual([
      ['entry', 'a', '0'],
      ['local', 'a', '01'],
      ['local', 'a', '02'],
      ['entry', 'b', '03'],
      ['entry', 'zipkin_v2_unknow_service', 'ff'],
      ['exit', 'a', '03'],
    ]);
  });

  test('have times in µs as integers, tags with _ for dots, and none that takes a field’s place', () => {
    const tags = { 'http.method': 'GET', error: '', 'trace.id': 'no', service: 'no' };
    const span = { traceId, id: '01', name: 'get /', timestamp: 7_000_001, duration: 5, tags, ...service('a') };
    const [point] = spanPoints([span]);
    expect(point).toMatchObject({ measurement: 'zipkin', timeNanos: 7_000_001_000n });
    expect(point?.tags).toEqual({
      http_method: 'GET',
      service: 'a',
      source: 'zipkin',
      source_type: 'custom',
      span_type: 'entry',
      status: 'error',
    });
    expect(point?.fields).toMatchObject({ trace_id: traceId, resource: 'get /', start: 7_000_001n, duration: 5n });
    expect(JSON.parse(String(point?.fields['message']))).toMatchObject({ traceId, id: '01', tags });
  });

  test('lack the fields that their record is to be written without', () => {
    const record: QueueRecord = {
      ...{ seq: 1, signal: 'traces', format: 'zipkin-json-v2', receivedAtMs: 0, items: 1, cumItems: 1, origin: {} },
      edits: { dropFields: ['message'] },
      payload: Buffer.from('[{"traceId":"a","id":"1","tags":{"message":"a tag"}}]'),
    };
    const { points } = new RecordPoints(new RecordDecoders()).of(record);
    expect(points.map(({ fields, tags }) => [Object.keys(fields), tags['message']])).toEqual([
      [['trace_id', 'parent_id', 'span_id', 'resource', 'start', 'duration'], 'a tag'],
    ]);
  });
});

test('in protobuf they are what DataKit’s schema says', () => {
  const schema = `syntax = "proto3";
    message PBPoints { repeated PBPoint arr = 1; }
    message PBPoint { string name = 1; repeated Field fields = 2; int64 time = 3; }
    message Field { string key = 1; oneof v { int64 i = 2; uint64 u = 3; double f = 4; bool b = 5; bytes d = 6; string s = 11; } bool is_tag = 8; }`;
  const type = protobuf.parse(schema).root.lookupType('PBPoints');
  const bytes = encodePointsProto([
    {
      measurement: 'm',
      tags: { t: 'v' },
      fields: { i: -5n, f: 1.5, b: true, s: '日' },
      timeNanos: 1_795_253_153_000_000_007n,
    },
  ]);
  expect(type.toObject(type.decode(bytes), { longs: String })).toEqual({
    arr: [
      {
        name: 'm',
        time: '1795253153000000007',
        fields: [
          { key: 't', s: 'v', isTag: true },
          { key: 'i', i: '-5' },
          { key: 'f', f: 1.5 },
          { key: 'b', b: true },
          { key: 's', s: '日' },
        ],
      },
    ],
  });
});
