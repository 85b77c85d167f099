import { batchOf } from '../../src/codec/items/items.ts';
import type { WriteRequest } from '../../src/contract/output.ts';
import type { QueueRecord, Signal } from '../../src/model/batch.ts';

const nowMs = Date.UTC(2026, 10, 21, 12);
const origin = { node: 'node-1', namespace: 'prod', pod: 'reviews-1', container: 'reviews' };

/** A request of that many records with two items each, the same at every call. */
export function sampleRequest(signal: Signal, records: number): WriteRequest {
  const made = Array.from({ length: records }, (_, i) => record(signal, i + 1));
  const items = made.reduce((sum, one) => sum + one.items, 0);
  return { signal, records: made, items, id: `sample:1-${records}` };
}

function record(signal: Signal, seq: number): QueueRecord {
  const batch = batchOf([item(signal, seq * 2 - 1), item(signal, seq * 2)], { origin, nowMs });
  const { payload, dictionary, format, items } = batch;
  return {
    seq,
    signal,
    format,
    items,
    cumItems: seq * 2,
    receivedAtMs: nowMs,
    origin,
    payload: payload instanceof Uint8Array ? payload : Buffer.concat(payload),
    ...(dictionary && { dictionary }),
  };
}

function item(signal: Signal, number: number): object {
  switch (signal) {
    case 'metrics':
      return { signal, name: 'requests_total', type: 'counter', labels: { path: `/${number}` }, value: number };
    case 'traces': {
      const id = number.toString(16).padStart(16, '0');
      return {
        signal,
        traceId: id,
        id,
        name: 'get /',
        localEndpoint: { serviceName: 'reviews' },
        timestamp: nowMs * 1_000,
      };
    }
    case 'logs':
      return { signal, message: `line ${number}`, level: 'info', timestamp: '2026-11-21T12:00:00.000000001Z' };
    default:
      return { signal, measurement: 'view', tags: { app_id: 'shop' }, fields: { number }, time: `${nowMs}000000` };
  }
}
