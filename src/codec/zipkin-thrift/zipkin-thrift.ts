import type { Decoder } from '../../contract/codec.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Span } from '../../model/span.ts';
import { SpanFault, within } from '../zipkin-json/json-value.ts';
import type { Salvage, SpanListCheck } from '../zipkin-json/span-list.ts';
import { convertV1 } from '../zipkin-json-v1/convert.ts';
import { BinaryReader, types } from './binary.ts';
import { type Parts, readParts, readSpan, spanOf } from './span.ts';

/** The byte that every list of structs begins with; an old reporter wrote the one of texts in its place. */
const firstBytes: readonly (number | undefined)[] = [types.struct, types.text];
/** The smallest struct is its end. */
const leastSpanBytes = 1;

/** Calls `read` where each struct stands, which must step behind it; the result is where the list ends. Throws SpanFault. */
function readList(bytes: Uint8Array, read: (reader: BinaryReader) => void): number {
  if (!firstBytes.includes(bytes[0])) {
    throw new SpanFault('', 'is not a thrift list of spans, which begins with the byte 0c');
  }
  const reader = new BinaryReader(bytes);
  reader.at = 1;
  const count = reader.count(leastSpanBytes);
  for (let index = 0; index < count; index += 1) {
    try {
      read(reader);
    } catch (error) {
      throw within(`[${index}]`, error);
    }
  }
  return reader.at;
}

function faultText(fault: SpanFault): string {
  return `$${fault.path} ${fault.message}`;
}

/**
 * A list of zipkinCore.Span in TBinaryProtocol (zipkin-api, zipkinCore.thrift), converted to v2 as the JSON of v1 is:
 * spec/tracing.md §1.5 and §1.7. Fields that are not known are stepped over. Decoding only: what is sent on is v2.
 */
export const zipkinThrift: Decoder<readonly Span[]> = {
  decode: (bytes) => {
    const spans: Span[] = [];
    try {
      readList(bytes, (reader) => spans.push(...convertV1(readSpan(reader))));
    } catch (error) {
      if (error instanceof SpanFault) {
        throw new BridgeError('BRIDGE_DECODE', faultText(error));
      }
      throw error;
    }
    return spans;
  },
};

/** Whether `zipkinThrift.decode` would take these bytes, and how many v1 spans there are. */
export function checkZipkinThrift(bytes: Uint8Array): SpanListCheck {
  let items = 0;
  try {
    const end = readList(bytes, (reader) => {
      readSpan(reader);
      items += 1;
    });
    return { ok: true, items, payload: bytes.subarray(0, end) };
  } catch (error) {
    if (error instanceof SpanFault) {
      return { ok: false, items: items + 1, reason: faultText(error) };
    }
    throw error;
  }
}

/** Reads each span by itself. Throws BRIDGE_DECODE where it cannot be told where one ends. */
export function salvageZipkinThrift(bytes: Uint8Array): Salvage<readonly Span[]> {
  const all: Parts[] = [];
  try {
    readList(bytes, (reader) => all.push(readParts(reader)));
  } catch (error) {
    if (error instanceof SpanFault) {
      throw new BridgeError('BRIDGE_DECODE', faultText(error));
    }
    throw error;
  }
  const good: (readonly Span[])[] = [];
  let reason: string | undefined;
  for (const [index, parts] of all.entries()) {
    try {
      good.push(convertV1(spanOf(parts)));
    } catch (error) {
      if (!(error instanceof SpanFault)) {
        throw error;
      }
      reason ??= faultText(new SpanFault(`[${index}]${error.path}`, error.message));
    }
  }
  return { good, bad: all.length - good.length, reason };
}
