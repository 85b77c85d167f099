import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { otlpProto } from '../../../test/fakes/otlp-proto.ts';
import { hasCode } from '../../contract/errors.ts';
import { isStale, type MetricFrame } from '../../model/metric.ts';
import { FrameDecoder } from '../metric-frame/metric-frame.ts';
import { type Encoding, type MetricsRequest, readMetricsRequest } from './messages-in.ts';
import { plainNumber } from './metric-points.ts';
import { type OtlpMetrics, otlpMetricFrames } from './otlp-metrics.ts';

type Fields = Readonly<Record<string, unknown>>;

const nowMs = 1_795_253_868_467;
const timeUnixNano = '1795253868000999999';
const timeMs = 1_795_253_868_000;
const cumulative = 2;
const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });
const service = [attribute('service.name', 'cart'), attribute('service.instance.id', 'i-1')];

function request(metrics: readonly Fields[], attributes: readonly object[] = []): object {
  return { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ scope: { name: 's' }, metrics }] }] };
}

function framesOf({ frames }: OtlpMetrics): readonly MetricFrame[] {
  const decoder = new FrameDecoder();
  return frames.map(({ payload, dictionary }) => decoder.decode(Buffer.concat(payload), dictionary));
}

/** Each sample as Prometheus' text has it. */
function linesOf(frame: MetricFrame): readonly string[] {
  return frame.shape.series.map(({ name, labels }, i) => {
    const said = labels.map(([key, value]) => `${key}="${value}"`).join(',');
    return `${name}{${said}} ${isStale(frame, i) ? 'stale' : frame.values[i]}`;
  });
}

const encodings: readonly (readonly [Encoding, (value: object) => Buffer])[] = [
  ['protobuf', (value) => otlpProto('Metrics', value)],
  ['json', (value) => Buffer.from(JSON.stringify(value))],
];

describe.each(encodings)('a metric in %s', (encoding, bytesOf) => {
  const decode = (value: object, promote: readonly string[] = []) =>
    otlpMetricFrames(readMetricsRequest(bytesOf(value), encoding), { nowMs, promote });
  const lines = (metric: Fields, attributes: readonly object[] = []) =>
    framesOf(decode(request([{ name: 'm', ...metric }], attributes))).flatMap(linesOf);

  test('that is a gauge keeps its attributes as labels, and its time', () => {
    const points = [
      { timeUnixNano, asDouble: 0.5, attributes: [attribute('http.method', 'GET'), attribute('empty', '')] },
      { timeUnixNano, asInt: '-3', attributes: [attribute('http.method', 'PUT')] },
    ];
    const decoded = decode(request([{ name: 'm', unit: 's', description: 'Help.', gauge: { dataPoints: points } }]));
    const [frame] = framesOf(decoded);
    expect(frame && linesOf(frame)).toEqual(['m_seconds{http_method="GET"} 0.5', 'm_seconds{http_method="PUT"} -3']);
    expect(frame?.timestampMs).toBe(timeMs);
    expect(frame?.timestampsMs).toBeUndefined();
    expect(frame?.shape.series[0]).toEqual(
      expect.objectContaining({ type: 'gauge', help: 'Help.', unit: 'seconds', measurement: 'm', field: 'seconds' }),
    );
    expect(decoded.rejected).toBe(0);
  });

  test('has the identity of its service, and target_info what else that says', () => {
    const gauge = { dataPoints: [{ asInt: '1', timeUnixNano, attributes: [attribute('job', 'mine')] }] };
    const rest = [attribute('service.namespace', 'shop'), attribute('k8s.pod.name', 'cart-1'), attribute('..', 'x')];
    const decoded = decode(request([{ name: 'm', gauge }], [...service, ...rest]));
    expect(framesOf(decoded).flatMap(linesOf)).toEqual([
      'm{instance="i-1",job="shop/cart"} 1',
      'target_info{instance="i-1",job="shop/cart",k8s_pod_name="cart-1"} 1',
    ]);
    expect(decoded.frames[0]?.origin).toEqual({ source: 'cart', app: 'cart', pod: 'cart-1' });
    expect(lines({ gauge }, service)).toEqual(['m{instance="i-1",job="cart"} 1']);
    expect(lines({ gauge }, rest)).toEqual(['m{job="mine"} 1']);
  });

  test('can have attributes of its resource as labels', () => {
    const gauge = { dataPoints: [{ asInt: '1', attributes: [attribute('zone', 'own')] }] };
    const resource = [attribute('zone', 'theirs'), attribute('k8s.cluster.name', 'c1'), attribute('other', 'x')];
    const decoded = decode(request([{ name: 'm', gauge }], resource), ['zone', 'k8s.cluster.name']);
    expect(framesOf(decoded).flatMap(linesOf)).toEqual(['m{k8s_cluster_name="c1",zone="own"} 1']);
  });

  test('that is a sum is a counter where it only grows, and else a gauge', () => {
    const sum = { aggregationTemporality: cumulative, dataPoints: [{ timeUnixNano, asInt: '7' }] };
    expect(lines({ sum: { ...sum, isMonotonic: true } })).toEqual(['m_total{} 7']);
    expect(lines({ sum })).toEqual(['m{} 7']);
    const [up] = framesOf(decode(request([{ name: 'm', sum: { ...sum, isMonotonic: true } }])));
    expect(up?.shape.series[0]?.type).toBe('counter');
  });

  test.each([
    [1, 'delta'],
    [0, 'no'],
    [3, 'unknown'],
  ])('of temporality %i is refused, point by point', (aggregationTemporality, said) => {
    const dataPoints = [{ asInt: '1' }, { asInt: '2' }];
    const { frames, rejected, firstFault } = decode(
      request([{ name: 'm', sum: { aggregationTemporality, dataPoints } }]),
    );
    expect([frames, rejected, firstFault]).toEqual([[], 2, `metric "m" has ${said} temporality; send it cumulative`]);
  });

  test('that is a histogram has cumulative buckets, a sum and a count, and exemplars where they fall', () => {
    const dataPoints = [
      {
        timeUnixNano,
        count: '6',
        sum: 12.5,
        bucketCounts: ['1', '2', '3'],
        explicitBounds: [0.5, 10],
        exemplars: [
          { timeUnixNano, asDouble: 11, traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' },
          { asDouble: 0.5, filteredAttributes: [attribute('long', 'x'.repeat(200))] },
        ],
      },
    ];
    const histogram = { aggregationTemporality: cumulative, dataPoints };
    const [frame] = framesOf(decode(request([{ name: 'm', unit: 'ms', histogram }])));
    expect(frame && [...linesOf(frame)].sort()).toEqual([
      'm_milliseconds_bucket{le="+Inf"} 6',
      'm_milliseconds_bucket{le="0.5"} 1',
      'm_milliseconds_bucket{le="10"} 3',
      'm_milliseconds_count{} 6',
      'm_milliseconds_sum{} 12.5',
    ]);
    const ofBucket = frame?.exemplars?.map(({ index, ...rest }) => [frame.shape.series[index]?.labels[0]?.[1], rest]);
    expect(ofBucket).toEqual([
      [
        '+Inf',
        {
          value: 11,
          timestampMs: timeMs,
          labels: [
            ['span_id', '00f067aa0ba902b7'],
            ['trace_id', '4bf92f3577b34da6a3ce929d0e0e4736'],
          ],
        },
      ],
      ['0.5', { value: 0.5, labels: [] }],
    ]);
    expect(frame?.shape.series.every(({ type }) => type === 'histogram')).toBe(true);
  });

  test('that is a histogram may lack its sum and its buckets, and may have no wrong ones', () => {
    const of = (point: Fields) => ({ histogram: { aggregationTemporality: cumulative, dataPoints: [point] } });
    expect(lines(of({ count: '2' }))).toEqual(['m_bucket{le="+Inf"} 2', 'm_count{} 2']);
    expect(decode(request([{ name: 'm', ...of({ bucketCounts: ['1'], explicitBounds: [1, 2] }) }]))).toEqual({
      frames: [],
      converted: 0,
      rejected: 1,
      firstFault: 'metric "m" has 1 buckets for 2 bounds',
    });
  });

  test('that is an exponential histogram becomes one with bounds at powers of two', () => {
    const point = {
      timeUnixNano,
      count: '20',
      sum: 3,
      scale: 1,
      zeroCount: '4',
      zeroThreshold: 0.001,
      // At scale 1 two buckets make an octave: these end at 2^0.5, 2, 2^1.5, 4, 2^2.5.
      positive: { offset: 0, bucketCounts: ['1', '2', '3', '0', '5'] },
      // From -2 to -2^0.5, from -4 to -2^1.5.
      negative: { offset: 1, bucketCounts: ['2', '0', '3'] },
    };
    const exponentialHistogram = { aggregationTemporality: cumulative, dataPoints: [point] };
    const decoded = decode(request([{ name: 'm', exponentialHistogram }]));
    const buckets = framesOf(decoded)
      .flatMap((frame) => frame.shape.series.map((series, i) => [series.labels[0]?.[1], frame.values[i]] as const))
      .filter(([le]) => le !== undefined);
    expect(Object.fromEntries(buckets)).toEqual({
      '-2': 3,
      '-1': 5,
      '0.001': 9,
      '2': 12,
      '4': 15,
      '8': 20,
      '+Inf': 20,
    });
    expect([decoded.rejected, decoded.converted]).toEqual([0, 1]);
  });

  test('that is a summary has a series for each quantile', () => {
    const quantileValues = [
      { quantile: 0.5, value: 1 },
      { quantile: 0.99, value: 1e21 },
    ];
    expect(lines({ summary: { dataPoints: [{ count: '3', sum: 6, quantileValues }] } })).toEqual([
      'm{quantile="0.5"} 1',
      'm{quantile="0.99"} 1e+21',
      'm_count{} 3',
      'm_sum{} 6',
    ]);
  });

  test('without a recorded value ends its series', () => {
    expect(lines({ gauge: { dataPoints: [{ flags: 1, asDouble: 5 }] } })).toEqual(['m{} stale']);
    const histogram = { aggregationTemporality: cumulative, dataPoints: [{ flags: 1, count: '5', sum: 1 }] };
    expect(lines({ histogram })).toEqual(['m_bucket{le="+Inf"} stale', 'm_count{} stale', 'm_sum{} stale']);
  });

  test('with points of several times has a frame for each value of a series', () => {
    const at = (ms: number, asInt: string, key = 'a') => ({
      timeUnixNano: `${ms}000000`,
      asInt,
      attributes: [attribute('k', key)],
    });
    const dataPoints = [at(3_000, '3'), at(1_000, '1'), at(2_000, '20', 'b')];
    const frames = framesOf(decode(request([{ name: 'm', gauge: { dataPoints } }])));
    expect(frames.map((frame) => [linesOf(frame), frame.timestampMs, frame.timestampsMs])).toEqual([
      [['m{k="a"} 1', 'm{k="b"} 20'], 2_000, Float64Array.of(1_000, 2_000)],
      [['m{k="a"} 3'], 3_000, undefined],
    ]);
  });

  test('has one shape in whatever order its points come', () => {
    const points = ['a', 'b', 'c'].map((key) => ({ asInt: '1', attributes: [attribute('k', key)] }));
    const shapes = [points, points.toReversed()].map(
      (dataPoints) => decode(request([{ name: 'm', gauge: { dataPoints } }])).frames[0]?.dictionary.id,
    );
    expect(shapes[0]).toBe(shapes[1]);
  });

  test('of attributes with one label name has their values together', () => {
    const attributes = [attribute('a.b', '2'), attribute('a-b', '1'), attribute('__name__', 'x')];
    expect(lines({ gauge: { dataPoints: [{ attributes }] } })).toEqual(['m{a_b="1;2"} 0']);
    const { rejected, firstFault } = decode(
      request([{ name: 'm', gauge: { dataPoints: [{ attributes: [attribute('--', 'x')] }] } }]),
    );
    expect([rejected, firstFault]).toEqual([1, 'metric "m" has an attribute "--", of which no label can be made']);
  });

  test('without a time is of now', () => {
    expect(framesOf(decode(request([{ name: 'm', gauge: { dataPoints: [{}] } }])))[0]?.timestampMs).toBe(nowMs);
  });
});

describe('a request that asks for too much', () => {
  const decode = (value: object) =>
    otlpMetricFrames(readMetricsRequest(otlpProto('Metrics', value), 'protobuf'), { nowMs, promote: [] });

  test('of labels is taken as far as it goes', () => {
    const attributes = Array.from({ length: 2_000 }, (_, i) => attribute(`k${i}`, 'v'));
    const explicitBounds = Array.from({ length: 2_000 }, (_, i) => i);
    const bucketCounts = [...explicitBounds.map(String), '1'];
    const dataPoints = [{ attributes, explicitBounds, bucketCounts }];
    const { rejected } = decode(
      request([{ name: 'm', histogram: { aggregationTemporality: cumulative, dataPoints } }]),
    );
    expect(rejected).toBe(1);
  });

  test('of values is refused', () => {
    // Metrics without anything in them: field 2 of ScopeMetrics, in field 2 of ResourceMetrics, in field 1.
    const metrics = Buffer.alloc(2 * 1_000_001).fill(Buffer.of(0x12, 0));
    const within = (field: number, bytes: Buffer) =>
      Buffer.from(
        protobuf.Writer.create()
          .uint32(field * 8 + 2)
          .bytes(bytes)
          .finish(),
      );
    const body = within(1, within(2, metrics));
    expect(() => readMetricsRequest(body, 'protobuf')).toThrow(/more than 1000000 values in one request/);
  });

  test('of resources keeps the first ten thousand frames', () => {
    const one = { scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{}] } }] }] };
    const { frames, rejected } = decode({ resourceMetrics: new Array<object>(10_002).fill(one) });
    expect([frames.length, rejected]).toEqual([10_000, 2]);
  });
});

test.each([
  [0.5, '0.5'],
  [10, '10'],
  [1e21, '1000000000000000000000'],
  [1.5e-7, '0.00000015'],
  [-1.25e22, '-12500000000000000000000'],
  [2 ** -20, '0.00000095367431640625'],
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
  [Number.NaN, 'NaN'],
])('%d is written %s', (value, expected) => {
  expect(plainNumber(value)).toBe(expected);
  expect(Number(expected.replace('Inf', 'Infinity'))).toBe(value);
});

const full = request(
  [
    { name: 'g', gauge: { dataPoints: [{ timeUnixNano, asDouble: 1, attributes: [attribute('a', 'b')] }] } },
    {
      name: 'h',
      histogram: {
        aggregationTemporality: cumulative,
        dataPoints: [{ timeUnixNano, count: '3', sum: 1, bucketCounts: ['1', '2'], explicitBounds: [5] }],
      },
    },
    {
      name: 'e',
      exponentialHistogram: {
        aggregationTemporality: cumulative,
        dataPoints: [{ timeUnixNano, count: '3', scale: -2, positive: { offset: -3, bucketCounts: ['1', '2'] } }],
      },
    },
    { name: 's', summary: { dataPoints: [{ timeUnixNano, quantileValues: [{ quantile: 0.5, value: 2 }] }] } },
  ],
  service,
);

test('bytes spoiled anywhere are refused, or make frames that can be read', () => {
  const bytes = otlpProto('Metrics', full);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const spoiled = Buffer.from(bytes);
      spoiled[at] = (spoiled[at] ?? 0) ^ bits;
      try {
        const decoded = otlpMetricFrames(readMetricsRequest(spoiled, 'protobuf'), { nowMs, promote: [] });
        for (const { shape } of framesOf(decoded)) {
          expect(new Set(shape.series.map(({ name, labels }) => JSON.stringify([name, labels]))).size).toBe(
            shape.series.length,
          );
        }
      } catch (error) {
        if (!hasCode(error, 'BRIDGE_DECODE')) {
          throw error;
        }
      }
    }),
    { numRuns: 2000 },
  );
});

for (const [encoding, bytesOf] of encodings) {
  describeCodec<MetricsRequest>({
    name: `otlp-metrics in ${encoding}`,
    decoder: { decode: (bytes) => readMetricsRequest(bytes, encoding) },
    goldens: [
      {
        name: 'of each type',
        bytes: bytesOf(full),
        check: (read) =>
          expect(read.resourceMetrics[0]?.scopeMetrics[0]?.metrics.map(({ name }) => name)).toEqual([
            'g',
            'h',
            'e',
            's',
          ]),
      },
    ],
    ...(encoding === 'protobuf' && {
      prefix: { why: 'no bytes are a request without metrics', holds: (part) => part.resourceMetrics.length === 0 },
    }),
  });
}
