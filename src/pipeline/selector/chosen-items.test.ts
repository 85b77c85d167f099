import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { frameRecord } from '../../../test/fakes/frames.ts';
import { logRecord } from '../../../test/fakes/log-records.ts';
import { spanRecord } from '../../../test/fakes/requests.ts';
import { attributesOf } from '../../codec/log-block/attributes.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import { decodeRumPoints, encodeRumPoints } from '../../codec/rum-points/rum-points.ts';
import { parseSelector, type Selector } from '../../lib/selector.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { LogBlock } from '../../model/log.ts';
import { isStale, type MetricFrame, type Series } from '../../model/metric.ts';
import { ChosenItems } from './chosen-items.ts';

const timestampMs = Date.UTC(2026, 10, 21, 12);

function selector(text: string): Selector {
  const { selector: parsed, fault } = parseSelector(text);
  if (parsed === undefined) {
    throw new Error(fault.message);
  }
  return parsed;
}

function chosen(text: string, record: QueueRecord): QueueRecord | undefined {
  return new ChosenItems(selector(text), new RecordDecoders()).of(record);
}

function series(name: string, labels: Readonly<Record<string, string>>): Series {
  return { name, labels: Object.entries(labels), type: 'gauge', measurement: 'istio', field: name };
}

const origin = { namespace: 'prod', pod: 'reviews-1' };
const span = { traceId: '000000000000000a', id: '000000000000000b' };
const spans: QueueRecord = {
  ...spanRecord(
    [
      { ...span, tags: { tenant: 'a' } },
      { ...span, tags: { tenant: 'b' } },
    ],
    { seq: 7, itemsBefore: 10 },
  ),
  origin,
  edits: { add: { zone: 'z1' } },
};

describe('a record', () => {
  test('whose place decides is taken or left as it is, without a look into it', () => {
    const unread = { ...spans, payload: Buffer.from('no spans') };
    expect(chosen('{namespace="prod"}', unread)).toBe(unread);
    expect(chosen('{namespace="dev", tenant="a"}', unread)).toBeUndefined();
    expect(chosen('{zone="z1", signal="traces"}', unread)).toBe(unread);
  });

  test('all of whose items are meant is taken as it is, one without any is left', () => {
    expect(chosen('{tenant=~"a|b"}', spans)).toBe(spans);
    expect(chosen('{tenant="c"}', spans)).toBeUndefined();
  });

  test('that cannot be read is taken as it is', () => {
    const torn = { ...spans, payload: Buffer.from('[{') };
    expect(chosen('{tenant="a"}', torn)).toBe(torn);
  });

  test('keeps its place in the lane, and is the same record when it is asked for again', () => {
    const items = new ChosenItems(selector('{tenant="a"}'), new RecordDecoders());
    const record = items.of(spans);
    expect(record).toMatchObject({ seq: 7, cumItems: 12, items: 1, origin });
    expect(items.of(spans)).toBe(record);
  });
});

describe('of a record of both kinds', () => {
  test('spans are written with the tags that were added, once', () => {
    const record = chosen('{tenant="b"}', spans);
    expect(record?.edits).toBeUndefined();
    expect(record && new RecordDecoders().spans(record)).toEqual([
      expect.objectContaining({ id: span.id, tags: { tenant: 'b', zone: 'z1' } }),
    ]);
  });

  test('spans still lack in points what their record is to be written without', () => {
    const edits = { ...spans.edits, dropFields: ['message'] };
    expect(chosen('{tenant="b"}', { ...spans, edits })?.edits).toEqual({ dropFields: ['message'] });
  });

  test('browser points are the ones that are meant', () => {
    const points = ['a', 'b', 'a'].map((app, i) => ({
      measurement: 'view',
      tags: { app_id: app },
      fields: { n: i },
      timeNanos: 1n,
    }));
    const record: QueueRecord = {
      ...spans,
      signal: 'rum',
      format: 'rum-points',
      items: 3,
      payload: encodeRumPoints(points),
    };
    expect(decodeRumPoints(chosen('{app_id="a"}', record)?.payload ?? Buffer.of()).map(({ fields }) => fields)).toEqual(
      [{ n: 0 }, { n: 2 }],
    );
  });

  test('lines keep their times, marks and attributes, and the tags to add', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ kind: fc.constantFrom('a', 'b', ''), text: fc.string() }), { minLength: 1 }),
        (drawn) => {
          const lines = drawn.map(({ kind, text }, i) => ({
            message: text,
            timeNanos: BigInt(i) + 1_700_000_000_123_456_789n,
            level: i % 2 === 0 ? ('error' as const) : ('info' as const),
            ...(kind === '' ? {} : { attributes: { kind, i } }),
          }));
          const record = logRecord(lines, { seq: 1, origin, edits: { add: { zone: 'z1' } } });
          const wanted = shown(new RecordDecoders().lines(record)).filter((_, i) => drawn[i]?.kind === 'a');
          const found = chosen('{kind="a"}', record);
          expect(found === undefined ? [] : shown(new RecordDecoders().lines(found))).toEqual(wanted);
          expect(found === undefined || found.edits?.add?.['zone'] === 'z1').toBe(true);
        },
      ),
    );
  });

  test('samples keep their values, times, ends and exemplars', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (drawn) => {
        const list = drawn.map((isMeant, i) => series(`m${i}`, { kind: isMeant ? 'a' : 'b' }));
        const values = drawn.map((_, i) => i);
        const stale = values.filter((i) => i % 3 === 0);
        const record = {
          ...frameRecord(list, values, {
            seq: 1,
            timestampMs,
            stale,
            timesMs: values.slice(0, 3),
            edits: { add: { zone: 'z1' } },
          }),
          origin,
        };
        const found = chosen('{kind="a"}', record);
        const wanted = samples(new RecordDecoders().frame(record)).filter((_, i) => drawn[i]);
        expect(found === undefined ? [] : samples(new RecordDecoders().frame(found))).toEqual(wanted);
        expect(found?.items ?? 0).toBe(wanted.length);
      }),
    );
  });

  test('one shape of series stays one shape, scrape after scrape', () => {
    const list = [series('a', { kind: 'a' }), series('b', { kind: 'b' })];
    const decode = new RecordDecoders();
    const items = new ChosenItems(selector('{kind="b"}'), decode);
    const ids = [1, 2].map((seq) => items.of(frameRecord(list, [seq, seq], { seq, timestampMs }))?.dictionary?.id);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[1]).toBe(ids[0]);
  });
});

function shown(block: LogBlock): readonly object[] {
  return Array.from({ length: block.count }, (_, i) => ({
    text: Buffer.from(block.bytes.subarray(block.offsets[i], block.offsets[i + 1])).toString(),
    time: [block.seconds[i], block.nanos[i]],
    marks: [block.flags[i], block.levels[i]],
    attributes: attributesOf(block, i),
  }));
}

function samples(frame: MetricFrame): readonly object[] {
  return frame.shape.series.map(({ name, labels }, i) => ({
    name,
    labels,
    value: frame.values[i],
    isStale: isStale(frame, i),
    timeMs: frame.timestampsMs?.[i],
    exemplars: frame.exemplars?.filter(({ index }) => index === i).map(({ value }) => value),
  }));
}
