import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { frameRecord } from '../../test/fakes/frames.ts';
import { spanRecord } from '../../test/fakes/requests.ts';
import type { Format, QueueRecord } from '../model/batch.ts';
import { encodeRecord, recordBytes } from './frame.ts';
import { LaneHeaderEncoder, type LaneKind } from './lane-header.ts';
import { ParcelReader, ParcelWriter } from './parcel.ts';

const isFormat = (name: string): name is Format => ['metric-frame', 'zipkin-json-v2'].includes(name);
const reader = (): ParcelReader => new ParcelReader({ isFormat });
const all = (): boolean => true;

function series(name: string) {
  return [{ name, labels: [], type: 'counter' as const, measurement: name, field: name }];
}

function span(seq: number, part: Partial<QueueRecord> = {}): QueueRecord {
  return { ...spanRecord([{ traceId: '1', id: String(seq) }], { seq, itemsBefore: seq - 1 }), ...part };
}

function frame(name: string, seq: number): QueueRecord {
  return frameRecord(series(name), [seq], { seq, timestampMs: seq });
}

/** One frame by hand. */
function frameOf(kind: LaneKind, seq: number, meta: object, version = 1): Buffer {
  const facts = { kind, nonce: 0, seq, receivedAtMs: 1, cumItems: 1, items: 1, dictionaryOffset: 0 };
  const header = Buffer.from(new LaneHeaderEncoder().encode(facts, Buffer.from(JSON.stringify(meta))));
  header[0] = version;
  const bytes = Buffer.alloc(recordBytes(header.length, 1));
  encodeRecord(bytes, 0, header, [Buffer.from('x')]);
  return bytes;
}

const good = { format: 'metric-frame', origin: {} };

describe('a parcel', () => {
  test('gives back what was put in', () => {
    const origin = {
      node: 'n',
      namespace: 'ns',
      pod: 'ü',
      podUid: 'u',
      container: 'c',
      workload: 'w',
      app: 'a',
      version: 'v',
      source: 's',
    };
    const records = [
      span(1, { origin, edits: { add: { a: 'b' }, drop: ['c'], dropFields: ['d'] } }),
      span(2, { origin, position: { key: 'file', value: '5' } }),
      span(9, { origin, payload: Buffer.alloc(0), items: 0 }),
    ];
    const got = reader().read(new ParcelWriter().pack(records, all));
    expect(got).toEqual(
      records.map(({ signal: _, cumItems: __, position: ___, ...rest }) => ({
        ...rest,
        payload: Buffer.from(rest.payload),
      })),
    );
    expect(got[1]?.origin).toBe(got[2]?.origin);
  });

  test('of nothing is nothing', () => {
    expect(reader().read(new ParcelWriter().pack([], all))).toEqual([]);
  });

  test('has each dictionary once, before the first record that needs it, or not at all', () => {
    const records = [frame('a', 1), frame('b', 2), frame('a', 3)];
    const [a, b] = records.map(({ dictionary }) => dictionary);
    const asked: string[] = [];
    const parcel = new ParcelWriter().pack(records, (id) => {
      asked.push(id);
      return id === a?.id;
    });
    expect(asked).toEqual([a?.id, b?.id]);
    expect(
      reader()
        .read(parcel)
        .map(({ dictionary }) => dictionary),
    ).toEqual([
      { id: a?.id, bytes: Buffer.from(a?.bytes ?? []) },
      { id: b?.id, bytes: undefined },
      { id: a?.id, bytes: Buffer.from(a?.bytes ?? []) },
    ]);
  });

  test.each<[string, Buffer, string, RegExp]>([
    ['a format that is not known', frameOf('data', 1, { ...good, format: 'new' }), 'BRIDGE_UNSUPPORTED', /format new/],
    ['a later version of the header', frameOf('data', 1, good, 2), 'BRIDGE_UNSUPPORTED', /version 2/],
    ['another kind', frameOf('cursor', 1, good), 'BRIDGE_DECODE', /kind cursor/],
    [
      'a number that does not grow',
      Buffer.concat([frameOf('data', 2, good), frameOf('data', 2, good)]),
      'BRIDGE_DECODE',
      /seq 2/,
    ],
    ['an origin that is none', frameOf('data', 1, { ...good, origin: { node: 5 } }), 'BRIDGE_DECODE', /facts/],
    ['edits that are none', frameOf('data', 1, { ...good, edits: { add: 'x' } }), 'BRIDGE_DECODE', /facts/],
    ['a dictionary without a name', frameOf('dictionary', 1, {}), 'BRIDGE_DECODE', /facts/],
    ['text', Buffer.from('hello, this is not a record at all'), 'BRIDGE_DECODE', /offset 0/],
  ])('with %s is refused', (_, parcel, code, message) => {
    expect(() => reader().read(parcel)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  test('is refused at every cut and every flipped bit', () => {
    const parcel = new ParcelWriter().pack([frame('a', 1), span(2)], all);
    for (let end = 1; end < parcel.length; end += 1) {
      const cut = (): number => reader().read(parcel.subarray(0, end)).length;
      const isWhole = parcel.subarray(end).indexOf(Buffer.from([0xfe, 0x4d, 0x42, 0x01])) === 0;
      expect({ end, isWhole: isGood(cut) }).toEqual({ end, isWhole });
    }
    fc.assert(
      fc.property(fc.nat(parcel.length * 8 - 1), (bit) => {
        const bad = Buffer.from(parcel);
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return !isGood(() => reader().read(bad).length);
      }),
      { numRuns: 500 },
    );
  });

  test('of no meaning is refused, with a code', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        (bytes) => !isGood(() => reader().read(Buffer.from(bytes)).length),
      ),
      { numRuns: 300 },
    );
  });
});

/** Throws what has no code of ours. */
function isGood(read: () => number): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'BRIDGE_DECODE') {
      return false;
    }
    throw error;
  }
}
