import type { Decoder } from '../../contract/codec.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Span } from '../../model/span.ts';
import { SpanFault } from '../zipkin-json/json-value.ts';
import { WireReader } from '../zipkin-proto/wire.ts';
import { readJsonRequest } from './json-traces.ts';
import { type OtlpSource, type OtlpSpan, zipkinSpan } from './otlp-span.ts';
import { readRequest } from './proto-traces.ts';

/** What is known of a request without keeping what it says. */
export type OtlpCheck =
  | {
      readonly ok: true;
      /** Spans that decoding will give. */
      readonly items: number;
      /** Spans without a valid id, which decoding leaves out, and what is wrong with the first of them. */
      readonly rejected: number;
      readonly firstFault?: string;
    }
  | { readonly ok: false; readonly reason: string };

type Read = (bytes: Uint8Array, take: (span: OtlpSpan, source: OtlpSource) => void) => void;

const readProto: Read = (bytes, take) => readRequest(new WireReader(bytes), take);
const readJson: Read = (bytes, take) =>
  readJsonRequest(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'), take);

function decode(bytes: Uint8Array, read: Read): Span[] {
  const spans: Span[] = [];
  try {
    read(bytes, (span, source) => {
      try {
        spans.push(zipkinSpan(span, source));
      } catch (error) {
        if (!(error instanceof SpanFault)) {
          throw error;
        }
      }
    });
  } catch (error) {
    if (error instanceof SpanFault) {
      throw new BridgeError('BRIDGE_DECODE', faultText(error));
    }
    throw error;
  }
  return spans;
}

function check(bytes: Uint8Array, read: Read): OtlpCheck {
  let items = 0;
  let rejected = 0;
  let firstFault: string | undefined;
  try {
    read(bytes, (span, source) => {
      try {
        zipkinSpan(span, source);
        items += 1;
      } catch (error) {
        if (!(error instanceof SpanFault)) {
          throw error;
        }
        rejected += 1;
        firstFault ??= `span ${items + rejected}: ${error.path.slice(1)} ${error.message}`;
      }
    });
  } catch (error) {
    if (error instanceof SpanFault) {
      return { ok: false, reason: faultText(error) };
    }
    throw error;
  }
  return { ok: true, items, rejected, ...(firstFault !== undefined && { firstFault }) };
}

function faultText(fault: SpanFault): string {
  return `$${fault.path} ${fault.message}`;
}

/**
 * opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest, as the Zipkin spans that it stands for
 * (OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation"). A span without valid ids is left out.
 */
export const otlpTraces: Decoder<readonly Span[]> = { decode: (bytes) => decode(bytes, readProto) };
/** The same in OTLP's JSON encoding. */
export const otlpTracesJson: Decoder<readonly Span[]> = { decode: (bytes) => decode(bytes, readJson) };

export function checkOtlpTraces(bytes: Uint8Array): OtlpCheck {
  return check(bytes, readProto);
}

export function checkOtlpTracesJson(bytes: Uint8Array): OtlpCheck {
  return check(bytes, readJson);
}
