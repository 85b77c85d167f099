import protobuf from 'protobufjs/minimal.js';
import { paddedTraceId, type Span } from '../../model/span.ts';
import { type JaegerSpan, jaegerTrace, type KeyValue } from './jaeger-trace.ts';

/** As many as Jaeger's own server sends at once; clients take 4 MiB a message by default. */
const spansPerChunk = 10;
const microsPerSecond = 1_000_000;
const nanosPerMicro = 1000;
const valueTypes = { string: 0, bool: 1, int64: 2 } as const;

/** Field numbers of model.proto and query.proto (jaeger-idl, api_v2), shifted by hand where they are written. */
const spanFields = {
  traceId: 1,
  spanId: 2,
  operationName: 3,
  reference: 4,
  flags: 5,
  startTime: 6,
  duration: 7,
  tag: 8,
  log: 9,
  process: 10,
  warning: 12,
} as const;

const bytesType = 2;
const varintType = 0;

type Writer = protobuf.Writer;

/** The spans of a trace as SpansResponseChunk messages of jaeger.api_v2.QueryService. */
export function jaegerChunks(spans: readonly Span[]): readonly Uint8Array[] {
  const trace = jaegerTrace(spans);
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < trace.length; from += spansPerChunk) {
    const writer = protobuf.Writer.create();
    for (const span of trace.slice(from, from + spansPerChunk)) {
      message(writer, 1, () => writeSpan(writer, span));
    }
    chunks.push(writer.finish());
  }
  return chunks;
}

function message(writer: Writer, field: number, write: () => void): void {
  writer.uint32((field << 3) | bytesType).fork();
  write();
  writer.ldelim();
}

function textField(writer: Writer, field: number, text: string): void {
  writer.uint32((field << 3) | bytesType).string(text);
}

function writeSpan(writer: Writer, span: JaegerSpan): void {
  const traceId = Buffer.from(paddedTraceId(span.traceId), 'hex');
  writer.uint32((spanFields.traceId << 3) | bytesType).bytes(traceId);
  writer.uint32((spanFields.spanId << 3) | bytesType).bytes(Buffer.from(span.spanId, 'hex'));
  textField(writer, spanFields.operationName, span.operationName);
  const { parentId } = span;
  if (parentId !== undefined) {
    message(writer, spanFields.reference, () => {
      writer.uint32((1 << 3) | bytesType).bytes(traceId);
      writer.uint32((2 << 3) | bytesType).bytes(Buffer.from(parentId, 'hex'));
    });
  }
  writer.uint32((spanFields.flags << 3) | varintType).uint32(span.isDebug ? 3 : 1);
  message(writer, spanFields.startTime, () => writeTime(writer, span.startTime));
  message(writer, spanFields.duration, () => writeTime(writer, span.duration));
  for (const tag of span.tags) {
    message(writer, spanFields.tag, () => writeTag(writer, tag));
  }
  for (const log of span.logs) {
    message(writer, spanFields.log, () => {
      message(writer, 1, () => writeTime(writer, log.timestamp));
      for (const field of log.fields) {
        message(writer, 2, () => writeTag(writer, field));
      }
    });
  }
  message(writer, spanFields.process, () => {
    textField(writer, 1, span.process.serviceName);
    for (const tag of span.process.tags) {
      message(writer, 2, () => writeTag(writer, tag));
    }
  });
  for (const warning of span.warnings) {
    textField(writer, spanFields.warning, warning);
  }
}

/** google.protobuf.Timestamp and Duration: seconds and ns. */
function writeTime(writer: Writer, micros: number): void {
  writer.uint32((1 << 3) | varintType).int64(Math.floor(micros / microsPerSecond));
  writer.uint32((2 << 3) | varintType).int32((micros % microsPerSecond) * nanosPerMicro);
}

function writeTag(writer: Writer, tag: KeyValue): void {
  textField(writer, 1, tag.key);
  writer.uint32((2 << 3) | varintType).uint32(valueTypes[tag.type]);
  switch (tag.type) {
    case 'string':
      textField(writer, 3, tag.value);
      break;
    case 'bool':
      writer.uint32((4 << 3) | varintType).bool(tag.value);
      break;
    case 'int64':
      writer.uint32((5 << 3) | varintType).int64(tag.value);
      break;
    default:
      tag satisfies never;
  }
}
