import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { QueueRecord } from '../../model/batch.ts';
import { logFlags, logLevels } from '../../model/log.ts';
import type { Series } from '../../model/metric.ts';
import { encodeLogBlock, logBlockFormat } from '../log-block/log-block.ts';
import { LogBlockBuilder } from '../log-block/log-block-builder.ts';
import { encodeFrame, encodeShape } from '../metric-frame/metric-frame.ts';
import { RecordDecoders } from '../record-decoder.ts';
import { encodeRumPoints } from '../rum-points/rum-points.ts';
import { ByteSink } from './byte-sink.ts';
import { writeNdjson } from './ndjson.ts';
import { NdjsonEncoder } from './ndjson-encoder.ts';

function record(parts: Pick<QueueRecord, 'signal' | 'format' | 'payload'> & Partial<QueueRecord>): QueueRecord {
  return { seq: 1, receivedAtMs: 0, items: 1, cumItems: 1, origin: {}, ...parts };
}

function textOf(one: QueueRecord): string {
  const sink = new ByteSink(1);
  writeNdjson(sink, one, new RecordDecoders());
  return sink.written().toString();
}

function linesOf(one: QueueRecord): readonly unknown[] {
  const lines = textOf(one).split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line): unknown => JSON.parse(line));
}

interface TestLine {
  readonly text: Uint8Array | string;
  readonly seconds?: number;
  readonly nanos?: number;
  readonly flags?: number;
  readonly level?: number;
  readonly attributes?: Uint8Array;
}

function logRecord(lines: readonly TestLine[], parts: Partial<QueueRecord> = {}): QueueRecord {
  const builder = new LogBlockBuilder();
  for (const { text, seconds = 0, nanos = 0, flags = 0, level = 0, attributes } of lines) {
    const bytes = Buffer.from(text);
    builder.append({ seconds, nanos, flags, level, ...(attributes && { attributes }) }, bytes, 0, bytes.length);
  }
  const block = builder.block();
  return record({ signal: 'logs', format: logBlockFormat(block), payload: encodeLogBlock(block), ...parts });
}

describe('log lines', () => {
  test('are one object each, pod fields flat, times with nanoseconds', () => {
    const origin = { node: 'n1', namespace: 'default', pod: 'web-1', podUid: 'u', container: 'app' };
    const seconds = Date.UTC(2026, 10, 21, 9, 39) / 1000;
    const lines = [
      { text: 'hello', seconds, nanos: 695_877_641 },
      {
        text: 'oh',
        seconds: seconds + 1,
        nanos: 7,
        flags: logFlags.stderr | logFlags.truncated,
        level: logLevels.indexOf('error'),
      },
    ];
    expect(textOf(logRecord(lines, { origin }))).toBe(
      '{"signal":"logs","message":"hello","timestamp":"2026-11-21T09:39:00.695877641Z","stream":"stdout","node":"n1","namespace":"default","pod":"web-1","container":"app","pod_uid":"u"}\n' +
        '{"signal":"logs","message":"oh","timestamp":"2026-11-21T09:39:01.000000007Z","stream":"stderr","level":"error","truncated":true,"node":"n1","namespace":"default","pod":"web-1","container":"app","pod_uid":"u"}\n',
    );
  });

  test('that stand for a gap are marked', () => {
    const [gap, line] = linesOf(logRecord([{ text: 'gap', flags: logFlags.gap }, { text: 'x' }]));
    expect(gap).toMatchObject({ message: 'gap', gap: true });
    expect(line).not.toHaveProperty('gap');
  });

  test('have their attributes in an object of their own', () => {
    const attributes = Buffer.from('{"code":200,"path":"/a"}');
    const [attributed, without] = linesOf(logRecord([{ text: 'x', attributes }, { text: 'y' }]));
    expect(attributed).toMatchObject({ message: 'x', attributes: { code: 200, path: '/a' }, stream: 'stdout' });
    expect(without).not.toHaveProperty('attributes');
  });

  test('have the edits of the header: dropped fields, tags where the pod has none, no tag over a field of the line', () => {
    const origin = { node: 'n1', namespace: 'default' };
    const edits = { drop: ['node'], add: { env: 'test', namespace: 'other', node: 'again', message: 'no', empty: '' } };
    expect(linesOf(logRecord([{ text: 'x' }], { origin, edits }))).toEqual([
      {
        signal: 'logs',
        message: 'x',
        timestamp: '1970-01-01T00:00:00.000000000Z',
        stream: 'stdout',
        env: 'test',
        namespace: 'default',
        node: 'again',
      },
    ]);
  });

  test('of any bytes are JSON, and read as those bytes with U+FFFD for what is no UTF-8', () => {
    const texts = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)),
      fc.constantFrom(Buffer.from('"\\/\b\f\n\r\t\u0000\u001f\u007f'), Buffer.of(0xe2, 0x82), Buffer.of(0xac)),
    );
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 6 }), (lines) => {
        const messages = linesOf(logRecord(lines.map((text) => ({ text })))).map((line) => Object(line).message);
        expect(messages).toEqual(lines.map((line) => Buffer.from(line).toString()));
      }),
      { numRuns: 500 },
    );
  });

  test('that cut a character between them do not become one broken text', () => {
    const euro = Buffer.from('€');
    const cut = logRecord([{ text: euro.subarray(0, 1) }, { text: euro.subarray(1) }]);
    expect(linesOf(cut).map((line) => Object(line).message)).toEqual([
      euro.subarray(0, 1).toString(),
      euro.subarray(1).toString(),
    ]);
  });
});

describe('metrics', () => {
  const series = (name: string, labels: Series['labels']): Series => ({
    name,
    labels,
    type: 'counter',
    measurement: 'istio',
    field: name.slice(6),
  });

  test('are one object a sample; what JSON has no number for is text; a series that ended has no value', () => {
    const list = ['istio_a', 'istio_b', 'istio_c', 'istio_d', 'istio_e'].map((name) => series(name, [['app', 'é"']]));
    const { id, bytes } = encodeShape(list);
    const frame = {
      timestampMs: 1_000,
      values: Float64Array.of(1.5, Number.NaN, Infinity, -Infinity, 7),
      stale: Uint8Array.of(16),
      timestampsMs: Float64Array.of(Number.NaN, 2_000, Number.NaN, Number.NaN, Number.NaN),
    };
    const payload = Buffer.concat(encodeFrame(frame));
    const lines = linesOf(record({ signal: 'metrics', format: 'metric-frame', payload, dictionary: { id, bytes } }));
    const common = { signal: 'metrics', labels: { app: 'é"' }, measurement: 'istio' };
    expect(lines).toEqual([
      { ...common, name: 'istio_a', field: 'a', value: 1.5, timestamp: 1_000 },
      { ...common, name: 'istio_b', field: 'b', value: 'NaN', timestamp: 2_000 },
      { ...common, name: 'istio_c', field: 'c', value: '+Inf', timestamp: 1_000 },
      { ...common, name: 'istio_d', field: 'd', value: '-Inf', timestamp: 1_000 },
      { ...common, name: 'istio_e', field: 'e', stale: true, timestamp: 1_000 },
    ]);
  });
});

test('spans are those of Zipkin v2 with their signal', () => {
  const span = { traceId: '000000000000000a', id: '000000000000000b', name: 'get', tags: { a: 'ü' } };
  const payload = Buffer.from(JSON.stringify([span, span]));
  expect(linesOf(record({ signal: 'traces', format: 'zipkin-json-v2', payload }))).toEqual([
    { signal: 'traces', ...span },
    { signal: 'traces', ...span },
  ]);
});

test('RUM points keep their tags apart from their fields, with the edits of the header', () => {
  const point = { measurement: 'view', tags: { app_id: 'a', sdk: 's' }, fields: { n: 1 }, timeNanos: 5n };
  const payload = encodeRumPoints([point]);
  const edits = { drop: ['sdk'], add: { app_id: 'other', env: 'test' } };
  expect(linesOf(record({ signal: 'rum', format: 'rum-points', payload, edits }))).toEqual([
    { signal: 'rum', measurement: 'view', tags: { app_id: 'a', env: 'test' }, fields: { n: 1 }, time: '5' },
  ]);
});

test('a long request comes in pieces of whole lines, a second one from the same memory', () => {
  const encoder = new NdjsonEncoder(new RecordDecoders());
  const records = Array.from({ length: 40 }, (_, i) => logRecord([{ text: String(i).repeat(40_000) }]));
  for (let round = 0; round < 2; round++) {
    const pieces = [...encoder.pieces(records)].map((piece) => piece.toString());
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.every((piece) => piece.endsWith('}\n'))).toBe(true);
    expect([...encoder.pieces([])]).toEqual([]);
  }
  let text = '';
  for (const piece of encoder.pieces(records)) {
    text += piece.toString();
  }
  const messages = text
    .trimEnd()
    .split('\n')
    .map((line) => Object(JSON.parse(line)).message);
  expect(messages).toEqual(records.map((_, i) => String(i).repeat(40_000)));
});

test('a record of another format than its signal’s is refused', () => {
  const wrong = record({ signal: 'logs', format: 'rum-points', payload: encodeRumPoints([]) });
  expect(() => textOf(wrong)).toThrow(expect.objectContaining({ code: 'BRIDGE_DECODE' }));
});
