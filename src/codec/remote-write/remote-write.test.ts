import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { uncompressSync } from 'snappy';
import type { MetricFrame, Series, Shape } from '../../model/metric.ts';
import { compareBytes, encodeShape } from '../metric-frame/metric-frame.ts';
import { WriteRequestEncoder } from './remote-write.ts';

/** remote.proto and types.proto of Prometheus, as far as remote-write 1.0 goes. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; }
  message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
`);
const WriteRequest = root.lookupType('WriteRequest');

interface Message {
  readonly timeseries: readonly {
    readonly labels: readonly { readonly name: string; readonly value: string }[];
    readonly samples: readonly { readonly value: number; readonly timestamp: string }[];
    readonly exemplars: readonly unknown[];
  }[];
}

function encoderOf(options: Partial<ConstructorParameters<typeof WriteRequestEncoder>[0]> = {}): WriteRequestEncoder {
  return new WriteRequestEncoder({ maxRequestBytes: 1024 * 1024, maxTemplateBytes: 1024 * 1024, ...options });
}

function requests(encoder: WriteRequestEncoder, ...frames: MetricFrame[]): Buffer[] {
  return Array.from(encoder.encode(frames), inflated);
}

function inflated(request: Buffer): Buffer {
  return Buffer.from(uncompressSync(request, { asBuffer: true, copyOutputData: true }));
}

function decoded(request: Buffer): Message {
  return WriteRequest.toObject(WriteRequest.decode(request), {
    longs: String,
    defaults: true,
    arrays: true,
  }) as Message;
}

/** `name{a="b"} value@timestamp`; the value as its bits where they say more than a number. */
function shown(request: Buffer): string[] {
  return decoded(request).timeseries.map(({ labels, samples }) => {
    const text = labels.map(({ name, value }) => `${name}=${value}`).join(',');
    return `${text} ${samples.map(({ value, timestamp }) => `${value}@${timestamp}`).join(' ')}`;
  });
}

function shapeOf(...list: (readonly [name: string, labels: Record<string, string>])[]): Shape {
  const series = list.map(
    ([name, labels]): Series => ({
      name,
      labels: Object.entries(labels).sort(([a], [b]) => compareBytes(a, b)),
      type: 'gauge',
      measurement: 'm',
      field: 'f',
    }),
  );
  return { id: encodeShape(series).id, series };
}

/** What protobufjs makes of the same, which is the canonical encoding. */
function oracle(frame: MetricFrame): Buffer {
  const timeseries = frame.shape.series.map(({ name, labels }, i) => {
    const ownMs = frame.timestampsMs?.[i] ?? Number.NaN;
    const all = [...labels.filter(([, value]) => value !== ''), ['__name__', name] as const];
    const timestamp = Number.isNaN(ownMs) ? frame.timestampMs : ownMs;
    return {
      labels: all.sort(([a], [b]) => compareBytes(a, b)).map(([label, value]) => ({ name: label, value })),
      samples: [{ value: frame.values[i], timestamp }],
    };
  });
  return Buffer.from(WriteRequest.encode(WriteRequest.fromObject({ timeseries })).finish());
}

const two = shapeOf(
  ['up', { Zone: 'a', job: 'x', empty: '' }],
  ['istio_requests_total', { app: '评论', _a: '1', __a: '2' }],
);

describe('a request', () => {
  test('is what protobufjs makes of it, byte for byte', () => {
    const label = fc.tuple(
      fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => name !== '__name__'),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
    );
    const series = fc.tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.array(label, { maxLength: 5 }));
    // An explicit zero is as good as none, but protobufjs leaves it out.
    const value = fc.double({ noNaN: true }).filter((number) => number !== 0);
    const time = fc.oneof(
      fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
      fc.integer({ min: -(2 ** 40), max: 2 ** 45 }).filter((ms) => ms !== 0),
    );
    const sample = fc.tuple(series, value, fc.oneof(time, fc.constant(Number.NaN)));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), time, fc.boolean(), (rows, timestampMs, ownTimes) => {
        const shape = shapeOf(...rows.map(([[name, labels]]) => [name, Object.fromEntries(labels)] as const));
        const frame: MetricFrame = {
          shape,
          timestampMs,
          values: Float64Array.from(rows, (row) => row[1]),
          ...(ownTimes && { timestampsMs: Float64Array.from(rows, (row) => row[2]) }),
        };
        const [request, ...more] = requests(encoderOf({ maxRequestBytes: 2 ** 30 }), frame);
        expect(more).toEqual([]);
        expect(request?.toString('hex')).toBe(oracle(frame).toString('hex'));
      }),
      { numRuns: 400, seed: 3 },
    );
  });

  test('has its labels in byte order with the name among them, and no empty ones', () => {
    const [request] = requests(encoderOf(), {
      shape: two,
      timestampMs: 1_700_000_000_000,
      values: Float64Array.of(1, 2.5),
    });
    expect(shown(request ?? Buffer.alloc(0))).toEqual([
      'Zone=a,__name__=up,job=x 1@1700000000000',
      '__a=2,__name__=istio_requests_total,_a=1,app=评论 2.5@1700000000000',
    ]);
  });

  test('has stale markers and other NaNs with the bits that Prometheus knows, zero and the infinities', () => {
    const shape = shapeOf(...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, {}] as const));
    const values = Float64Array.of(7, Number.NaN, 0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    for (const timestampsMs of [undefined, new Float64Array(6).fill(1_700_000_000_001)]) {
      const frame = {
        shape,
        timestampMs: 1_700_000_000_001,
        values,
        stale: Uint8Array.of(1),
        ...(timestampsMs && { timestampsMs }),
      };
      const [request] = requests(encoderOf(), frame);
      const bits = [...(request ?? Buffer.alloc(0)).toString('hex').matchAll(/12100?9(.{16})10/g)].map(
        (match) => match[1],
      );
      expect(bits).toEqual([
        '020000000000f07f',
        '010000000000f87f',
        '0000000000000000',
        '0000000000000080',
        '000000000000f07f',
        '000000000000f0ff',
      ]);
    }
  });

  test('has exemplars behind the samples, each as a series of its own, as Prometheus sends them', () => {
    const [request] = requests(encoderOf(), {
      shape: two,
      timestampMs: 1_700_000_000_000,
      values: Float64Array.of(1, 2.5),
      exemplars: [
        { index: 1, labels: [['trace_id', 'ábc']], value: 0.25, timestampMs: 1_600_000_000_000 },
        { index: 0, labels: [], value: -1 },
      ],
    });
    const { timeseries } = decoded(request ?? Buffer.alloc(0));
    const names = timeseries.map(({ labels }) => labels.find(({ name }) => name === '__name__')?.value);
    expect(names).toEqual(['up', 'istio_requests_total', 'istio_requests_total', 'up']);
    expect(timeseries.slice(2).map(({ samples, exemplars }) => ({ samples, exemplars }))).toEqual([
      {
        samples: [],
        exemplars: [{ labels: [{ name: 'trace_id', value: 'ábc' }], value: 0.25, timestamp: '1600000000000' }],
      },
      { samples: [], exemplars: [{ labels: [], value: -1, timestamp: '1700000000000' }] },
    ]);
    expect(timeseries[2]?.labels).toEqual(timeseries[1]?.labels);
  });

  test('keeps the order of the frames, so that the samples of a series stay in order', () => {
    const frames = [1, 2, 3].map((second) => ({
      shape: two,
      timestampMs: 1_700_000_000_000 + second * 1000,
      values: Float64Array.of(second, second),
    }));
    const [request] = requests(encoderOf(), ...frames);
    const times = decoded(request ?? Buffer.alloc(0)).timeseries.map((one) => one.samples[0]?.timestamp);
    expect(times).toEqual(['1', '1', '2', '2', '3', '3'].map((second) => `170000000${second}000`));
  });

  test('of nothing is none', () => {
    expect(requests(encoderOf())).toEqual([]);
    expect(requests(encoderOf(), { shape: shapeOf(), timestampMs: 1, values: new Float64Array(0) })).toEqual([]);
  });
});

describe('requests', () => {
  const many = shapeOf(...Array.from({ length: 200 }, (_, i) => [`m${i}`, { label: 'x'.repeat(i) }] as const));
  const frame = {
    shape: many,
    timestampMs: 1_700_000_000_000,
    values: Float64Array.from({ length: 200 }, (_, i) => i + 1),
  };

  test.each([
    ['in one piece', undefined],
    ['with times of their own', new Float64Array(200).fill(7)],
  ])('are cut where they grow too large, and lose nothing: %s', (_, timestampsMs) => {
    const cut = requests(encoderOf({ maxRequestBytes: 2_000 }), frame, {
      ...frame,
      ...(timestampsMs && { timestampsMs }),
    });
    expect(cut.length).toBeGreaterThan(20);
    expect(Math.max(...cut.map((request) => request.length))).toBeLessThanOrEqual(2_000);
    const whole = requests(encoderOf(), frame, { ...frame, ...(timestampsMs && { timestampsMs }) });
    expect(cut.flatMap(shown)).toEqual(whole.flatMap(shown));
    expect(Buffer.concat(cut)).toEqual(Buffer.concat(whole));
  });

  test('hold a series that is too large by itself alone', () => {
    const cut = requests(encoderOf({ maxRequestBytes: 10 }), frame);
    expect(cut).toHaveLength(200);
    expect(cut.flatMap(shown)).toEqual(requests(encoderOf(), frame).flatMap(shown));
  });

  test('are the same whether the labels were kept or not, and after others took their place', () => {
    const encoder = encoderOf({ maxTemplateBytes: 1_000 });
    const others = Array.from({ length: 60 }, (_, i) => ({
      ...frame,
      shape: shapeOf([`other${i}`, {}]),
      values: Float64Array.of(1),
    }));
    const small = { ...frame, shape: two, values: Float64Array.of(1, 2) };
    for (const one of [frame, small, ...others, small, frame, ...others, small]) {
      expect(requests(encoder, one)).toEqual(requests(encoderOf(), one));
    }
  });

  test('do not depend on what went before', () => {
    const encoder = encoderOf();
    const abandoned = encoder.encode([frame]);
    abandoned.next();
    abandoned.return();
    expect(requests(encoder, frame)).toEqual(requests(encoderOf(), frame));
  });
});
