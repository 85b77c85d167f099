import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { frameRecord } from '../../test/fakes/frames.ts';
import { spanRecord } from '../../test/fakes/requests.ts';
import type { QueueRecord } from '../model/batch.ts';
import { noteLine, type RecordingPart, RecordingReader, RecordingWriter } from './recording.ts';

const origin = { namespace: 'prod', pod: 'reviews-1' };

function span(seq: number): QueueRecord {
  return { ...spanRecord([{ traceId: '1', id: String(seq) }], { seq }), origin };
}

function frame(seq: number, name: string): QueueRecord {
  const series = [{ name, labels: [], type: 'counter' as const, measurement: name, field: name }];
  return frameRecord(series, [seq], { seq, timestampMs: seq, edits: { add: { zone: 'z' } } });
}

function written(): Buffer {
  const writer = new RecordingWriter();
  return Buffer.concat([
    writer.head({ atMs: 5, node: 'n1', match: '{namespace="prod"}' }),
    writer.records('traces', [span(1), span(2)]),
    writer.records('metrics', [frame(7, 'a'), frame(8, 'b')]),
    noteLine({ tap: 'alive' }),
    noteLine({ tap: 'skipped', signal: 'logs', items: 12 }),
    writer.records('metrics', [frame(9, 'a')]),
    noteLine({ tap: 'end' }),
  ]);
}

function parts(bytes: Uint8Array, reader = new RecordingReader()): readonly RecordingPart[] {
  return [...reader.add(bytes)];
}

/** What a recording keeps of a record. */
function kept({ cumItems, position, ...record }: QueueRecord): object {
  return { ...record, payload: Buffer.from(record.payload), dictionary: record.dictionary?.id };
}

const decoding = expect.objectContaining({ code: 'BRIDGE_DECODE' });

describe('a recording', () => {
  test('gives back records of several signals, and what was said between them', () => {
    const found = parts(written());
    expect(found.map(({ kind }) => kind)).toEqual(['head', 'records', 'records', 'note', 'note', 'records', 'note']);
    expect(found[0]).toEqual({ kind: 'head', head: { atMs: 5, node: 'n1', match: '{namespace="prod"}' } });
    const records = found.flatMap((part) => (part.kind === 'records' ? part.records : []));
    const want = [span(1), span(2), frame(7, 'a'), frame(8, 'b'), frame(9, 'a')];
    expect(records.map(kept)).toEqual(want.map(kept));
  });

  test('holds a dictionary once, and gives it with every record that needs it', () => {
    const bytes = written();
    const shape = Buffer.from(frame(7, 'a').dictionary?.bytes ?? []);
    expect(bytes.indexOf(shape)).toBe(bytes.lastIndexOf(shape));
    const last = parts(bytes).at(-2);
    const [record] = last?.kind === 'records' ? last.records : [];
    expect(Buffer.from(record?.dictionary?.bytes ?? [])).toEqual(shape);
  });

  test('is read in pieces of any size as it is in one', () => {
    const bytes = written();
    const whole = parts(bytes);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const reader = new RecordingReader();
        const found: RecordingPart[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          found.push(...parts(bytes.subarray(at, at + size), reader));
          at += size;
        }
        expect(found).toEqual(whole);
        expect(reader.unfinishedBytes).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test('that is cut off gives its whole parts, and says that something is left', () => {
    const bytes = written();
    for (let length = 0; length < bytes.length; length++) {
      const reader = new RecordingReader();
      const found = parts(bytes.subarray(0, length), reader);
      expect(found).toEqual(parts(bytes).slice(0, found.length));
    }
    const reader = new RecordingReader();
    parts(bytes.subarray(0, bytes.length - 1), reader);
    expect(reader.unfinishedBytes).toBeGreaterThan(0);
  });

  test('with a changed byte gives no wrong record', () => {
    const bytes = written();
    const good = parts(bytes).flatMap((part) => (part.kind === 'records' ? part.records.map(kept) : []));
    for (let at = 0; at < bytes.length; at++) {
      const bitten = Buffer.from(bytes);
      bitten[at] = (bitten[at] ?? 0) ^ 0x10;
      const reader = new RecordingReader();
      const found: object[] = [];
      try {
        for (const part of reader.add(bitten)) {
          found.push(...(part.kind === 'records' ? part.records.map(kept) : []));
        }
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^BRIDGE_(DECODE|UNSUPPORTED)$/) });
      }
      expect(good).toEqual(expect.arrayContaining(found));
    }
  });

  test('is told from other files, and from what a later version wrote', () => {
    expect(() => parts(Buffer.from('{"a":1}\n'))).toThrow(decoding);
    expect(() => parts(Buffer.from('hello\n'))).toThrow(decoding);
    expect(() => parts(Buffer.alloc(100_000, 'x'))).toThrow(decoding);
    const later = Buffer.from('{"tap":"open","recording":2,"atMs":1,"node":"n"}\n');
    expect(() => parts(later)).toThrow(expect.objectContaining({ code: 'BRIDGE_UNSUPPORTED' }));
  });

  test('lacks nothing silently: a dictionary that is not there is a fault', () => {
    const writer = new RecordingWriter();
    writer.records('metrics', [frame(7, 'a')]);
    const bytes = Buffer.concat([writer.head({ atMs: 1, node: 'n' }), writer.records('metrics', [frame(8, 'a')])]);
    expect(() => parts(bytes)).toThrow(decoding);
  });
});
