import { BridgeError } from '../../src/contract/errors.ts';
import type { RecordDecoder, WriteRequest } from '../../src/contract/output.ts';
import type { QueueRecord } from '../../src/model/batch.ts';
import type { Span } from '../../src/model/span.ts';

export interface SpanRecordOptions {
  readonly seq: number;
  readonly receivedAtMs?: number;
  /** Items of the lane before this record. */
  readonly itemsBefore?: number;
}

/** A record of the traces lane, as an input of Zipkin JSON makes it. */
export function spanRecord(spans: readonly Span[], options: SpanRecordOptions): QueueRecord {
  return {
    seq: options.seq,
    signal: 'traces',
    format: 'zipkin-json-v2',
    receivedAtMs: options.receivedAtMs ?? Date.UTC(2026, 10, 21, 12),
    items: spans.length,
    cumItems: (options.itemsBefore ?? 0) + spans.length,
    origin: {},
    payload: Buffer.from(JSON.stringify(spans)),
  };
}

/** One attempt over consecutive records. */
export function requestOf(records: readonly QueueRecord[], queueId = 'queue1'): WriteRequest {
  const first = records[0];
  const last = records.at(-1);
  if (first === undefined || last === undefined) {
    throw new Error('a request has at least one record');
  }
  return {
    signal: first.signal,
    records,
    items: records.reduce((sum, record) => sum + record.items, 0),
    id: `${queueId}:${first.seq}-${last.seq}`,
  };
}

/** Spans of Zipkin JSON, read by JSON.parse: enough for what `spanRecord` makes. Other formats are BRIDGE_DECODE. */
export const plainSpanDecoder: RecordDecoder = {
  spans: (record) => {
    if (record.format !== 'zipkin-json-v2') {
      throw new BridgeError('BRIDGE_DECODE', `no spans in ${record.format}`);
    }
    return JSON.parse(Buffer.from(record.payload).toString());
  },
  frame: unreadable,
  lines: unreadable,
  points: unreadable,
};

function unreadable(record: QueueRecord): never {
  throw new BridgeError('BRIDGE_DECODE', `not built to read ${record.format}`);
}
