import { describe, expect, test } from '@jest/globals';
import type { Batch, QueueRecord } from '../../model/batch.ts';
import { RecordDecoders } from '../record-decoder.ts';
import { batchOf, itemsOf } from './items.ts';

const nowMs = Date.UTC(2026, 10, 21, 12);
const origin = { namespace: 'prod', pod: 'reviews-1' };

function recordOf({ payload, dictionary, ...batch }: Batch): QueueRecord {
  return {
    ...batch,
    seq: 1,
    cumItems: batch.items,
    receivedAtMs: nowMs,
    payload: payload instanceof Uint8Array ? payload : Buffer.concat(payload),
    ...(dictionary && { dictionary }),
  };
}

function roundTrip(...items: readonly object[]): readonly object[] {
  return itemsOf(recordOf(batchOf(items, { origin, nowMs })), new RecordDecoders());
}

describe('items', () => {
  test.each([
    [
      'metrics',
      [
        { name: 'a_b', labels: { path: '/x' }, value: 1.5, timestamp: nowMs, measurement: 'a', field: 'b' },
        { name: 'up', labels: {}, value: '+Inf', timestamp: 5, measurement: 'up', field: 'up' },
        { name: 'gone', labels: {}, stale: true, timestamp: 5, measurement: 'm', field: 'f' },
      ],
    ],
    ['traces', [{ traceId: '000000000000000a', id: '000000000000000b', name: 'get /', tags: { a: 'b' } }]],
    [
      'logs',
      [
        { message: 'it failed', timestamp: '2026-11-21T12:00:00.000000007Z', stream: 'stderr', level: 'error' },
        { message: 'ok', timestamp: '2026-11-21T12:00:00.500000000Z', stream: 'stdout', attributes: { code: 200 } },
      ],
    ],
    ['rum', [{ measurement: 'view', tags: { app_id: 'shop' }, fields: { n: 1, s: 'x' }, time: '1795262400000000001' }]],
  ])('of %s are what they were after a record', (signal, items) => {
    const given = items.map((item) => ({ signal, ...item }));
    expect(roundTrip(...given)).toEqual(given.map((item) => expect.objectContaining(item)));
  });

  test('have the time of now where they have none, and what a line says of its level', () => {
    const [line] = roundTrip({ signal: 'logs', message: 'level=warn low' });
    expect(line).toMatchObject({ timestamp: '2026-11-21T12:00:00.000000000Z', level: 'warn', pod: 'reviews-1' });
    expect(roundTrip({ signal: 'metrics', name: 'up', value: 1 })[0]).toMatchObject({ timestamp: nowMs });
    expect(roundTrip({ signal: 'rum', measurement: 'v', fields: { a: 1 } })[0]).toMatchObject({
      time: `${nowMs}000000`,
    });
  });

  test.each([
    [[], 'there is no item'],
    [[{ signal: 'logs', message: 'a' }, { signal: 'rum' }], 'logs and rum at once'],
    [[{ signal: 'spans' }], /^item 0: signal: /],
    [
      [
        { signal: 'logs', message: 'a' },
        { signal: 'logs', message: 5 },
      ],
      /^item 1: message: /,
    ],
    [
      [{ signal: 'logs', message: 'a', timestamp: 'noon' }],
      'item 0: timestamp: "noon" is no time as RFC 3339 writes it',
    ],
    [[{ signal: 'metrics', name: '' }], /^item 0: name: /],
    [[{ signal: 'traces', id: 'x' }], /traceId/],
    [[{ signal: 'rum', measurement: 'v', fields: { a: {} } }], /^item 0: fields\.a: /],
  ])('%j are refused', (items: readonly object[], message) => {
    expect(() => batchOf(items, { origin, nowMs })).toThrow(
      expect.objectContaining({
        code: 'BRIDGE_DECODE',
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      }),
    );
  });
});
