import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { uncompressSync } from 'snappy';
import { hasCode } from '../../contract/errors.ts';
import type { MetricFrame, Series } from '../../model/metric.ts';
import { compareBytes, decodeShape, encodeShape, FrameDecoder } from '../metric-frame/metric-frame.ts';
import { decodeWriteRequest, type WrittenSeries } from './decode.ts';
import { KnownFamilies } from './known-families.ts';
import { encodeMetadata, WriteRequestEncoder } from './remote-write.ts';
import { type WrittenFrames, writtenFrames } from './written-frames.ts';

/** remote.proto and types.proto of both versions, as far as they are sent; the bits of a value as they are. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
  message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
  message Label { bytes name = 1; bytes value = 2; }
  message Sample { fixed64 value = 1; int64 timestamp = 2; }
  message Histogram { uint64 count_int = 1; double sum = 3; int64 timestamp = 15; }
  message MetricMetadata { int32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
  message Request { repeated string symbols = 4; repeated Series2 timeseries = 5; }
  message Series2 { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3; repeated Exemplar2 exemplars = 4; Metadata2 metadata = 5; int64 created_timestamp = 6; }
  message Exemplar2 { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
  message Metadata2 { int32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
`,
  { keepCase: true },
);

function encoded(message: string, value: object): Buffer {
  const type = root.lookupType(message);
  return Buffer.from(type.encode(type.fromObject(value)).finish());
}

const label = (name: string, value: string | Buffer) => ({ name: Buffer.from(name), value: Buffer.from(value) });
const bitsOf = (value: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes.readBigUInt64LE().toString();
};
const sample = (value: number, timestamp: number) => ({ value: bitsOf(value), timestamp });

/** `labels` with the name among them. */
function firstVersion(...timeseries: readonly object[]): WrittenFrames {
  return writtenFrames(decodeWriteRequest(encoded('WriteRequest', { timeseries }), '1.0'), new KnownFamilies());
}

const decoder = new FrameDecoder();
function framesOf({ frames }: WrittenFrames): MetricFrame[] {
  return frames.map(({ payload, dictionary }) => decoder.decode(Buffer.concat(payload), dictionary));
}

interface Row {
  readonly series: string;
  readonly value: number | 'stale';
  readonly timeMs: number;
}

function rowsOf(frames: readonly MetricFrame[]): Row[] {
  return frames.flatMap((frame) =>
    frame.shape.series.map(({ name, labels }, i) => {
      const own = frame.timestampsMs?.[i] ?? Number.NaN;
      const isStale = frame.stale !== undefined && ((frame.stale[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
      return {
        series: JSON.stringify([name, ...labels]),
        value: isStale ? ('stale' as const) : (frame.values[i] ?? 0),
        timeMs: Number.isNaN(own) ? frame.timestampMs : own,
      };
    }),
  );
}

const byRow = (a: Row, b: Row): number => compareBytes(JSON.stringify(a), JSON.stringify(b));

describe('a request', () => {
  test('that our own encoder makes of any frame gives back its samples', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    const labels = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 5 });
    const value = fc.oneof(fc.double(), fc.constant('stale' as const));
    const time = fc.integer({ min: 0, max: 2 ** 45 });
    const row = fc.record({ name: text, labels, value, time });
    const rows = fc.uniqueArray(row, { selector: ({ name, labels: own }) => JSON.stringify([name, own.toSorted()]) });
    fc.assert(
      fc.property(rows, fc.boolean(), (list, ownTimes) => {
        const series = list.map(({ name, labels: own }): Series => {
          const pairs = own.filter(([key]) => key !== '__name__').sort(([a], [b]) => compareBytes(a, b));
          return { name, labels: pairs, type: 'unknown', measurement: 'm', field: 'f' };
        });
        const stale = new Uint8Array((list.length + 7) >> 3);
        list.forEach((one, i) => {
          stale[i >> 3] = (stale[i >> 3] ?? 0) | (Number(one.value === 'stale') << (i & 7));
        });
        const frame: MetricFrame = {
          shape: { id: encodeShape(series).id, series },
          timestampMs: 1_700_000_000_000,
          values: Float64Array.from(list, (one) => (one.value === 'stale' ? 0 : one.value)),
          stale,
          ...(ownTimes && { timestampsMs: Float64Array.from(list, (one) => one.time) }),
        };
        const encoder = new WriteRequestEncoder({ maxRequestBytes: 2 ** 30, maxTemplateBytes: 2 ** 20 });
        const [request] = encoder.encode([frame]);
        if (request === undefined) {
          return;
        }
        const bytes = Buffer.from(uncompressSync(request));
        const back = writtenFrames(decodeWriteRequest(bytes, '1.0'), new KnownFamilies());
        expect(back.refused.size).toBe(0);
        expect(rowsOf(framesOf(back)).sort(byRow)).toEqual(rowsOf([frame]).sort(byRow));
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  test('has its labels sorted, the empty ones left out, and a frame for each target with the times of each series in order', () => {
    const one = (instance: string, ...samples: readonly object[]) => ({
      labels: [
        label('zone', 'z'),
        label('__name__', 'up'),
        label('instance', instance),
        label('empty', ''),
        label('job', 'j'),
      ],
      samples,
    });
    const written = firstVersion(
      one('b:1', sample(2, 2000), sample(1, 1000)),
      one('a:1', sample(7, 1000)),
      one('b:1', sample(3, 3000)),
    );
    expect(written).toMatchObject({ samples: 4, refused: new Map() });
    const frames = framesOf(written);
    expect(
      frames.map(({ shape }) => shape.series.map(({ name, labels }) => [name, Object.fromEntries(labels)])),
    ).toEqual([
      [['up', { instance: 'b:1', job: 'j', zone: 'z' }]],
      [['up', { instance: 'b:1', job: 'j', zone: 'z' }]],
      [['up', { instance: 'b:1', job: 'j', zone: 'z' }]],
      [['up', { instance: 'a:1', job: 'j', zone: 'z' }]],
    ]);
    expect(frames.map(({ values, timestampMs }) => [values[0], timestampMs])).toEqual([
      [1, 1000],
      [2, 2000],
      [3, 3000],
      [7, 1000],
    ]);
  });

  test('of very many targets becomes some thousand frames at most, and none of it is lost', () => {
    const all = Array.from({ length: 2_500 }, (_, i) => ({
      labels: [label('__name__', 'up'), label('instance', `i${i}`)],
      samples: [sample(i, 2_000), sample(-1 - i, 1_000)],
      exemplars: [{ labels: [], value: i, timestamp: 2_000 }],
    }));
    const written = firstVersion(...all);
    expect(written).toMatchObject({ samples: 5_000, exemplars: 2_500, exemplarsLeftOut: 0, refused: new Map() });
    expect(written.frames).toHaveLength(2 * 1_001);
    const frames = framesOf(written);
    expect(new Set(rowsOf(frames).map(({ series, value }) => `${series} ${value}`)).size).toBe(5_000);
    expect(frames.at(-1)?.values).toHaveLength(1_500);
    expect(frames.at(-1)?.timestampMs).toBe(2_000);
  });

  test('tells the stale marker from other NaNs by its bits', () => {
    const named = (name: string, value: string) => ({
      labels: [label('__name__', name)],
      samples: [{ value, timestamp: 1 }],
    });
    const frames = framesOf(
      firstVersion(
        named('gone', 0x7ff0000000000002n.toString()),
        named('nan', 0x7ff8000000000001n.toString()),
        named('other', 0x7ff8000000000002n.toString()),
      ),
    );
    expect(rowsOf(frames).map(({ value }) => value)).toEqual(['stale', Number.NaN, Number.NaN]);
  });

  test.each([
    [
      'a label twice',
      [label('a', '1'), label('b', ''), label('a', '2')],
      'the series up{a="1",a="2",b=""} has the label "a" twice',
    ],
    ['two names', [label('__name__', 'down')], 'the series up{__name__="down"} has the label "__name__" twice'],
    ['a label without a name', [label('', 'x')], 'the series up{="x"} has a label without a name'],
    [
      'a value that is not UTF-8',
      [label('a', Buffer.of(0xff))],
      'the value of the label "a" of the series "up" is not UTF-8',
    ],
  ])('with %s in one series is taken but for that one', (_, more, message) => {
    const bad = { labels: [label('__name__', 'up'), ...more], samples: [sample(1, 1), sample(2, 2)] };
    const good = { labels: [label('__name__', 'good'), label('r', '\ufffd')], samples: [sample(3, 3)] };
    const written = firstVersion(bad, good);
    expect(written.refused).toEqual(new Map([['malformed', { items: 2, message }]]));
    expect(rowsOf(framesOf(written))).toEqual([{ series: '["good",["r","\ufffd"]]', value: 3, timeMs: 3 }]);
  });

  test('without a name, or with a time before 1970, is refused by series and by sample', () => {
    const written = firstVersion(
      { labels: [label('job', 'x')], samples: [sample(1, 1)] },
      { labels: [label('__name__', 'old')], samples: [sample(1, -1), sample(2, 5)] },
    );
    const message = 'a series has no name (__name__): {job="x"}';
    expect(written.refused).toEqual(new Map([['malformed', { items: 2, message }]]));
    expect(rowsOf(framesOf(written))).toMatchObject([{ value: 2, timeMs: 5 }]);
  });

  test('has native histograms refused by name, and keeps the samples beside them', () => {
    const labels = [label('__name__', 'rpc_seconds')];
    const written = firstVersion(
      { labels, histograms: [{ count_int: 1, timestamp: 1 }, {}] },
      { labels: [label('__name__', 'up')], samples: [sample(1, 1)] },
    );
    expect([...written.refused]).toEqual([
      ['native_histogram', { items: 2, message: expect.stringContaining('such as rpc_seconds') }],
    ]);
    expect(written.samples).toBe(1);
  });

  test('keeps exemplars that stand beside a sample of their series, in whichever message, and counts the others', () => {
    const named = (name: string, more: object) => ({ labels: [label('__name__', name)], ...more });
    const exemplars = [{ labels: [label('trace_id', 'abc')], value: 0.5, timestamp: 7 }];
    const written = firstVersion(
      named('a', { samples: [sample(1, 1)], exemplars }),
      named('b', { samples: [sample(1, 1)] }),
      named('b', { exemplars }),
      named('c', { exemplars }),
    );
    expect(written).toMatchObject({ exemplars: 2, exemplarsLeftOut: 1 });
    const [frame] = framesOf(written);
    const exemplar = { labels: [['trace_id', 'abc']], value: 0.5, timestampMs: 7 };
    expect(frame?.exemplars).toEqual([
      { index: 0, ...exemplar },
      { index: 1, ...exemplar },
    ]);
  });

  test.each(['1.0', '2.0'] as const)(
    'of %s that is cut anywhere is refused with BRIDGE_DECODE or is a shorter one',
    (version) => {
      const whole =
        version === '1.0'
          ? encoded('WriteRequest', {
              timeseries: [{ labels: [label('__name__', 'up')], samples: [sample(1, 2 ** 41)] }],
            })
          : encoded('Request', secondVersion());
      for (let end = 0; end < whole.length; end++) {
        let read: readonly WrittenSeries[] = [];
        try {
          read = decodeWriteRequest(whole.subarray(0, end), version).series;
        } catch (error) {
          expect(hasCode(error, 'BRIDGE_DECODE')).toBe(true);
        }
        expect(read.length).toBeLessThan(2);
      }
      expect(decodeWriteRequest(whole, version).series.length).toBeGreaterThan(0);
    },
  );

  test('of any bytes is read or refused with BRIDGE_DECODE', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('1.0' as const, '2.0' as const),
        (bytes, version) => {
          try {
            decodeWriteRequest(bytes, version);
          } catch (error) {
            expect(hasCode(error, 'BRIDGE_DECODE')).toBe(true);
          }
        },
      ),
      { numRuns: 3000, seed: 5 },
    );
  });
});

function secondVersion(): object {
  return {
    symbols: ['', '__name__', 'rpc_seconds_bucket', 'le', '1', 'trace_id', 'abc', 'Of calls.', 'seconds', 'up'],
    timeseries: [
      {
        labels_refs: [1, 2, 3, 4],
        samples: [sample(5, 2 ** 41)],
        exemplars: [{ labels_refs: [5, 6], value: 0.25, timestamp: 3 }],
        metadata: { type: 3, help_ref: 7, unit_ref: 8 },
        created_timestamp: 1,
      },
      { labels_refs: [1, 9], samples: [sample(1, 2 ** 41)], metadata: { type: 2 } },
    ],
  };
}

describe('remote-write 2.0', () => {
  const read = (value: object): WrittenFrames =>
    writtenFrames(decodeWriteRequest(encoded('Request', value), '2.0'), new KnownFamilies());

  test('has texts as symbols, and what is known of a family with each series', () => {
    const written = read(secondVersion());
    expect(written).toMatchObject({ samples: 2, exemplars: 1, exemplarsLeftOut: 0, refused: new Map() });
    const [frame] = framesOf(written);
    expect(decodeShape(written.frames[0]?.dictionary.bytes ?? Buffer.alloc(0))).toEqual([
      {
        name: 'rpc_seconds_bucket',
        labels: [['le', '1']],
        type: 'histogram',
        help: 'Of calls.',
        unit: 'seconds',
        measurement: 'rpc',
        field: 'seconds_bucket',
      },
      { name: 'up', labels: [], type: 'gauge', measurement: 'up', field: 'up' },
    ]);
    expect([frame?.values, frame?.timestampMs]).toEqual([Float64Array.of(5, 1), 2 ** 41]);
    expect(frame?.exemplars).toEqual([{ index: 0, labels: [['trace_id', 'abc']], value: 0.25, timestampMs: 3 }]);
  });

  test('may have its symbols behind the series', () => {
    const { symbols, timeseries } = secondVersion() as { symbols: string[]; timeseries: object[] };
    const turned = Buffer.concat([encoded('Request', { timeseries }), encoded('Request', { symbols })]);
    const written = writtenFrames(decodeWriteRequest(turned, '2.0'), new KnownFamilies());
    expect(rowsOf(framesOf(written))).toEqual(rowsOf(framesOf(read(secondVersion()))));
  });

  test('with a label of a number that is no symbol is broken', () => {
    const bad = { symbols: [''], timeseries: [{ labels_refs: [1, 2], samples: [sample(1, 1)] }] };
    expect(() => read(bad)).toThrow('not a write request: symbol 1 of 1');
  });

  test('with a label that has no value is refused by series', () => {
    const bad = { symbols: ['', 'odd'], timeseries: [{ labels_refs: [1], samples: [sample(1, 1)] }] };
    expect(read(bad).refused.get('malformed')?.message).toBe('a series has a label without a value: "odd"');
  });
});

describe('what 1.0 says of families', () => {
  const families = (...said: readonly (readonly [type: number, family: string, help?: string])[]): KnownFamilies => {
    const known = new KnownFamilies();
    const bytes = encodeMetadata(said.map(([type, family, help = '']) => ({ family, type, help, unit: '' })));
    known.learn(decodeWriteRequest(bytes, '1.0').metadata);
    return known;
  };

  test.each([
    [1, 'http_requests', 'http_requests_total', 'counter', 'http', 'requests_total'],
    [1, 'http_requests_total', 'http_requests_total', 'counter', 'http', 'requests_total'],
    [3, 'rpc', 'rpc_bucket', 'histogram', 'rpc', 'rpc_bucket'],
    [3, 'rpc_seconds', 'rpc_seconds_sum', 'histogram', 'rpc', 'seconds_sum'],
    [5, 'rpc_seconds', 'rpc_seconds', 'summary', 'rpc', 'seconds'],
    [5, 'rpc_seconds', 'rpc_seconds_count', 'summary', 'rpc', 'seconds_count'],
    [2, 'rpc_seconds', 'rpc_seconds_count', 'unknown', 'rpc', 'seconds_count'],
    [6, 'build', 'build_info', 'info', 'build', 'info'],
    [99, 'up', 'up', 'unknown', 'up', 'up'],
    [2, 'x', 'x', 'gauge', 'unknown', 'unknown'],
    [2, '_up_', '_up_', 'gauge', 'up', 'up'],
  ] as const)('type %i of %s makes %s a %s of measurement %s, field %s', (...row) => {
    const [number, family, name, type, measurement, field] = row;
    const { help, ...series } = families([number, family, 'h']).describe(name);
    expect(series).toEqual({ name, type, measurement, field });
    expect(help).toBe(type === 'unknown' && number !== 99 ? undefined : 'h');
  });

  test('does not change back and forth where targets say different things', () => {
    const known = families([1, 'a', 'old'], [1, 'a', 'new']);
    const before = known.describe('a').help;
    known.learn([
      { family: 'a', type: 1, help: 'old', unit: '' },
      { family: 'a', type: 1, help: 'new', unit: '' },
    ]);
    expect(known.describe('a').help).toBe(before);
    known.learn([{ family: 'a', type: 2, help: 'newest', unit: '' }]);
    expect(known.describe('a')).toMatchObject({ help: 'newest', type: 'gauge' });
  });

  test('finds its end where it would take too much memory', () => {
    const known = new KnownFamilies();
    const help = 'x'.repeat(1024 * 1024);
    known.learn(Array.from({ length: 10 }, (_, i) => ({ family: `f${i}`, type: 2, help, unit: '' })));
    const kept = Array.from({ length: 10 }, (_, i) => known.describe(`f${i}`).type);
    expect(kept.filter((type) => type === 'gauge')).toHaveLength(3);
  });
});
