import { BridgeError } from '../contract/errors.ts';
import type { QueueRecord, TagEdits } from '../model/batch.ts';
import type { Span } from '../model/span.ts';
import { otlpTraces, otlpTracesJson } from './otlp/otlp-traces.ts';
import { zipkinJson } from './zipkin-json/zipkin-json.ts';
import { zipkinJsonV1 } from './zipkin-json-v1/zipkin-json-v1.ts';
import { zipkinProto } from './zipkin-proto/zipkin-proto.ts';
import { zipkinThrift } from './zipkin-thrift/zipkin-thrift.ts';

/** The parts of a record that its spans depend on. */
export type SpanRecord = Pick<QueueRecord, 'format' | 'payload' | 'edits'>;

type Tags = Readonly<Record<string, string>>;

function decodePayload(record: SpanRecord): readonly Span[] {
  switch (record.format) {
    case 'zipkin-json-v2':
      return zipkinJson.decode(record.payload);
    case 'zipkin-json-v1':
      return zipkinJsonV1.decode(record.payload);
    case 'zipkin-proto3':
      return zipkinProto.decode(record.payload);
    case 'otlp-traces':
      return otlpTraces.decode(record.payload);
    case 'otlp-traces-json':
      return otlpTracesJson.decode(record.payload);
    case 'zipkin-thrift':
      return zipkinThrift.decode(record.payload);
    default:
      throw new BridgeError(
        'BRIDGE_DECODE',
        `this version cannot read spans from a record of the format ${record.format}`,
      );
  }
}

export function hasEdits(edits: TagEdits | undefined): boolean {
  return edits !== undefined && ((edits.drop?.length ?? 0) > 0 || Object.keys(edits.add ?? {}).length > 0);
}

function editedTags(tags: Tags | undefined, edits: TagEdits): Tags | undefined {
  const dropped = new Set(edits.drop);
  const kept = Object.entries(tags ?? {}).filter(([key]) => !dropped.has(key));
  // The item's own tags win, so they come last.
  const edited = Object.fromEntries([...Object.entries(edits.add ?? {}), ...kept]);
  return Object.keys(edited).length === 0 ? undefined : edited;
}

function edited(span: Span, edits: TagEdits): Span {
  const { tags, ...rest } = span;
  const next = editedTags(tags, edits);
  return next === undefined ? rest : { ...rest, tags: next };
}

/**
 * The spans of a record, whatever format they came in, with the header's tag edits applied: `drop` first, then `add` where
 * a span lacks the key. Throws BRIDGE_DECODE.
 */
export function decodeSpans(record: SpanRecord): readonly Span[] {
  const spans = decodePayload(record);
  const { edits } = record;
  return edits === undefined || !hasEdits(edits) ? spans : spans.map((span) => edited(span, edits));
}
