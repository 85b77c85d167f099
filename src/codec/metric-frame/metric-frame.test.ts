import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeCodec } from '../../../test/contracts/codec-contract.ts';
import { type Exemplar, isStale, type MetricFrame, type Series } from '../../model/metric.ts';
import { compareBytes, decodeShape, encodeFrame, encodeShape, FrameDecoder } from './metric-frame.ts';

function series(name: string, labels: Record<string, string> = {}, more: Partial<Series> = {}): Series {
  return {
    name,
    labels: Object.entries(labels).sort(([a], [b]) => compareBytes(a, b)),
    type: 'counter',
    measurement: 'istio',
    field: name,
    ...more,
  };
}

const shared = { app: 'reviews', 命名空间: 'prod', le: '0.5' };
const three = [
  series('istio_requests_total', shared, { help: 'Requests.', unit: 'requests' }),
  series('istio_request_bytes_bucket', { ...shared, le: '+Inf' }, { type: 'histogram' }),
  series('up', {}, { type: 'gauge' }),
];
const dictionary = encodeShape(three);
const exemplars: Exemplar[] = [
  { index: 1, labels: [['trace_id', 'abc']], value: 0.25, timestampMs: 1_700_000_000_123 },
  { index: 0, labels: [], value: -1 },
];
const full = {
  timestampMs: 1_700_000_000_000,
  values: Float64Array.of(1, -0, Number.NEGATIVE_INFINITY),
  stale: Uint8Array.of(0b10),
  timestampsMs: Float64Array.of(Number.NaN, 1_700_000_000_001, Number.NaN),
  exemplars,
};

function bytes(frame: Omit<MetricFrame, 'shape'>): Buffer {
  return Buffer.concat(encodeFrame(frame));
}

describeCodec<MetricFrame>({
  name: 'metric-frame',
  decoder: { decode: (payload) => new FrameDecoder().decode(payload, dictionary) },
  codec: {
    contentType: 'application/octet-stream',
    decode: (payload) => new FrameDecoder().decode(payload, dictionary),
    encode: bytes,
  },
  goldens: [
    {
      name: 'values only',
      bytes: Buffer.from(
        '0100000003000000' + '00008056febc7842' + '000000000000f03f' + '0000000000000080' + '000000000000f0ff',
        'hex',
      ),
      check: (frame) => {
        expect(frame.timestampMs).toBe(1_700_000_000_000);
        expect([...frame.values]).toEqual([1, -0, Number.NEGATIVE_INFINITY]);
        expect(frame.shape.series).toEqual(three);
        expect(frame.stale ?? frame.timestampsMs ?? frame.exemplars).toBeUndefined();
      },
    },
    {
      name: 'everything',
      bytes: bytes(full),
      check: (frame) => {
        expect([0, 1, 2].map((i) => isStale(frame, i))).toEqual([false, true, false]);
        const { shape, ...rest } = frame;
        expect(rest).toEqual(full);
        expect([shape.id, shape.series]).toEqual([dictionary.id, three]);
      },
    },
  ],
});

describeCodec<readonly Series[]>({
  name: 'shape',
  decoder: { decode: decodeShape },
  codec: {
    contentType: 'application/octet-stream',
    decode: decodeShape,
    encode: (value) => encodeShape(value).bytes,
  },
  goldens: [
    { name: 'three series', bytes: dictionary.bytes, check: (value) => expect(value).toEqual(three) },
    { name: 'no series', bytes: Buffer.from('01000000', 'hex'), check: (value) => expect(value).toEqual([]) },
  ],
});

describe('a shape', () => {
  test('has an id that only equal series in equal order have', () => {
    expect(encodeShape(structuredClone(three)).id).toBe(dictionary.id);
    expect(encodeShape([...three].reverse()).id).not.toBe(dictionary.id);
    expect(encodeShape([series('up', { a: 'b' })]).id).not.toBe(encodeShape([series('up', { a: 'c' })]).id);
  });

  test('comes back whatever stands in it', () => {
    const label = fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
    const text = fc.string({ unit: 'grapheme' });
    const one = fc.record(
      { name: text, labels: fc.array(label), help: text, unit: text, measurement: text, field: text },
      { requiredKeys: ['name', 'labels', 'measurement', 'field'] },
    );
    fc.assert(
      fc.property(fc.array(one), (list) => {
        const typed = list.map((item): Series => ({ ...item, type: 'gauge' }));
        expect(decodeShape(encodeShape(typed).bytes)).toEqual(JSON.parse(JSON.stringify(typed)));
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test('holds what many series share once', () => {
    const labels = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`label_${i}`, `a rather long value ${i}`]));
    const many = Array.from({ length: 1_000 }, (_, i) => series('m_bucket', { ...labels, le: String(i) }));
    expect(encodeShape(many).bytes.length / many.length).toBeLessThan(45);
    const [first, second] = decodeShape(encodeShape(many).bytes);
    expect(second?.labels[0]).toBe(first?.labels[0]);
  });
});

describe('a frame', () => {
  test('keeps the bits of values: a re-scrape writes 8 bytes a sample behind 16', () => {
    const values = Float64Array.from({ length: 500 }, (_, i) => i / 3);
    expect(bytes({ timestampMs: 1, values })).toHaveLength(16 + 8 * 500);
  });

  test('is read where it stands in a record, on any byte', () => {
    const payload = bytes(full);
    for (let offset = 0; offset < 9; offset++) {
      const record = Buffer.alloc(payload.length + 20);
      payload.copy(record, offset);
      const frame = new FrameDecoder().decode(record.subarray(offset, offset + payload.length), dictionary);
      expect([...frame.values]).toEqual([...full.values]);
      record.fill(0xff);
      expect(frame.values[0]).toBe(1);
    }
  });

  test('without its shape, or with that of another, is not decoded', () => {
    const decoder = new FrameDecoder();
    expect(() => decoder.decode(bytes(full), undefined)).toThrow('its shape is missing');
    expect(() => decoder.decode(bytes(full), encodeShape(three.slice(1)))).toThrow('3 values for a shape of 2 series');
  });

  test('of a version to come is refused by its number', () => {
    const payload = bytes(full);
    payload[0] = 9;
    expect(() => new FrameDecoder().decode(payload, dictionary)).toThrow('version 9 is not known');
  });
});

describe('a decoder', () => {
  const plain = bytes({ timestampMs: 5, values: Float64Array.of(1, 2, 3) });

  test('decodes a shape once and gives the same one again', () => {
    const decoder = new FrameDecoder();
    const first = decoder.decode(plain, dictionary).shape;
    expect(decoder.decode(plain, { id: dictionary.id, bytes: Buffer.from('not looked at') }).shape).toBe(first);
  });

  test('forgets the shapes that it met longest ago once they take too much', () => {
    const shapes = Array.from({ length: 4 }, (_, i) => encodeShape([series(`metric_${i}`)]));
    const decoder = new FrameDecoder({ maxShapeBytes: 3 * (shapes[0]?.bytes.length ?? 0) });
    const one = bytes({ timestampMs: 5, values: Float64Array.of(1) });
    const seen = shapes.slice(0, 3).map((shape) => decoder.decode(one, shape).shape);
    expect(decoder.decode(one, shapes[0]).shape).toBe(seen[0]);
    decoder.decode(one, shapes[3]);
    expect(decoder.decode(one, shapes[0]).shape).toBe(seen[0]);
    expect(decoder.decode(one, shapes[1]).shape).not.toBe(seen[1]);
  });

  test('applies tag edits: drops first, then adds what lacks, in order, under an id of its own', () => {
    const decoder = new FrameDecoder();
    const edits = { drop: ['le'], add: { app: 'never wins', cluster: 'c1', le: 'all', zone: '' } };
    const { shape } = decoder.decode(plain, dictionary, edits);
    expect(shape.series[1]?.labels).toEqual([
      ['app', 'reviews'],
      ['cluster', 'c1'],
      ['le', 'all'],
      ['命名空间', 'prod'],
    ]);
    expect(shape.series[2]?.labels).toEqual([
      ['app', 'never wins'],
      ['cluster', 'c1'],
      ['le', 'all'],
    ]);
    expect(shape.id).not.toBe(dictionary.id);
    expect(decoder.decode(plain, dictionary, structuredClone(edits)).shape).toBe(shape);
    expect(decoder.decode(plain, dictionary).shape.series).toEqual(three);
    expect(decoder.decode(plain, dictionary, { ...edits, drop: [] }).shape.id).not.toBe(shape.id);
  });
});

test('labels are ordered as their UTF-8 bytes are', () => {
  const text = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 500, seed: 2 },
  );
  expect(compareBytes('\u{1f600}', '\uffee')).toBeGreaterThan(0);
  expect(compareBytes('\ue000', '\u{1f600}')).toBeLessThan(0);
});
