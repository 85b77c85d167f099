import { hasEdits } from '../../codec/spans.ts';
import { encodeSpan } from '../../codec/zipkin-json/zipkin-json.ts';
import { encodeSpanList } from '../../codec/zipkin-proto/encode-spans.ts';
import type { RecordDecoder } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';

const opening = 0x5b;
const closing = 0x5d;
const comma = Buffer.from(',');
const open = Buffer.from('[');
const close = Buffer.from(']');

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** What stands between the brackets of a list, or undefined when these bytes are not plainly a list. */
function inside(list: Uint8Array): Uint8Array | undefined {
  let end = list.length;
  while (isSpace(list[end - 1])) {
    end -= 1;
  }
  return list[0] === opening && list[end - 1] === closing ? list.subarray(1, end - 1) : undefined;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every(isSpace);
}

/** The sender's own bytes where they are in our format and nobody asked for a change. */
function untouched(record: QueueRecord): Uint8Array | undefined {
  return record.format === 'zipkin-json-v2' && !hasEdits(record.edits) ? inside(record.payload) : undefined;
}

/**
 * One JSON list of all spans of the records. Bytes that came as v2 JSON go out as they came; the others are decoded and
 * printed. Throws BRIDGE_DECODE.
 */
export function jsonBody(records: readonly QueueRecord[], decode: RecordDecoder): Buffer {
  const parts: Uint8Array[] = [];
  for (const record of records) {
    const spans = untouched(record) ?? Buffer.from(decode.spans(record).map(encodeSpan).join(','));
    if (!isBlank(spans)) {
      parts.push(parts.length === 0 ? open : comma, spans);
    }
  }
  return parts.length === 0 ? Buffer.from('[]') : Buffer.concat([...parts, close]);
}

/** One zipkin.proto3.ListOfSpans of all spans of the records; those that came as such go out as they came. Throws BRIDGE_DECODE. */
export function protobufBody(records: readonly QueueRecord[], decode: RecordDecoder): Buffer {
  return Buffer.concat(
    records.map((record) =>
      record.format === 'zipkin-proto3' && !hasEdits(record.edits)
        ? record.payload
        : encodeSpanList(decode.spans(record)),
    ),
  );
}
