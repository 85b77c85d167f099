import { resourceLogs } from '../../codec/otlp/export-logs.ts';
import { type IdOf, resourceSpans, type SharedSpans } from '../../codec/otlp/export-spans.ts';
import { encodeRequest } from '../../codec/otlp/messages.ts';
import { hasEdits } from '../../codec/spans.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord, Signal } from '../../model/batch.ts';

export interface BodyOptions {
  readonly encoding: 'protobuf' | 'json';
  readonly shared: SharedSpans;
  readonly decode: RecordDecoder;
}

const hex: IdOf = (id) => id;
const bytes: IdOf = (id) => Buffer.from(id, 'hex');

/**
 * One request with all that the records hold. Requests that came as OTLP protobuf go out as they came: put one behind the
 * other, such messages are one message. Throws BRIDGE_DECODE.
 */
export function bodyOf(signal: Signal, records: readonly QueueRecord[], options: BodyOptions): Buffer {
  const asBytes = options.encoding === 'protobuf';
  if (signal === 'logs') {
    const { decode } = options;
    const logs = records.map((record) => resourceLogs(decode.lines(record), record.origin, record.receivedAtMs));
    return asBytes ? encodeRequest('LogsRequest', { resourceLogs: logs }) : json({ resourceLogs: logs });
  }
  if (!asBytes) {
    return json({ resourceSpans: spansOf(records, hex, options) });
  }
  const parts: Uint8Array[] = [];
  let waiting: QueueRecord[] = [];
  const flush = (): void => {
    if (waiting.length > 0) {
      parts.push(encodeRequest('TraceRequest', { resourceSpans: spansOf(waiting, bytes, options) }));
      waiting = [];
    }
  };
  for (const record of records) {
    if (record.format === 'otlp-traces' && !hasEdits(record.edits)) {
      flush();
      parts.push(record.payload);
    } else {
      waiting.push(record);
    }
  }
  flush();
  return Buffer.concat(parts);
}

function spansOf(records: readonly QueueRecord[], idOf: IdOf, { decode, shared }: BodyOptions): object[] {
  return resourceSpans(
    records.flatMap((record) => decode.spans(record)),
    idOf,
    shared,
  );
}

function json(request: object): Buffer {
  return Buffer.from(JSON.stringify(request));
}
