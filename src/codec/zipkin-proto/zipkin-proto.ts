import type { Decoder } from '../../contract/codec.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Span } from '../../model/span.ts';
import { SpanFault, within } from '../zipkin-json/json-value.ts';
import type { Salvage, SpanListCheck } from '../zipkin-json/span-list.ts';
import { SpanReader, type Texts } from './span.ts';
import { WireReader, wireTypes } from './wire.ts';

const spansField = 1;
const firstByte = (spansField << 3) | wireTypes.bytes;

/** Calls `take` for each span of a zipkin.proto3.ListOfSpans. Throws SpanFault. */
function readList(bytes: Uint8Array, texts: Texts, take: (span: Span) => void): void {
  if (bytes.length > 0 && (bytes[0] !== firstByte || bytes[1] === 0)) {
    throw new SpanFault('', 'is not a zipkin.proto3.ListOfSpans, which begins with the byte 0a');
  }
  const wire = new WireReader(bytes);
  const reader = new SpanReader(wire, texts);
  let index = 0;
  try {
    while (wire.next()) {
      if (wire.is(spansField, wireTypes.bytes)) {
        take(reader.span());
        index += 1;
      } else {
        wire.skip();
      }
    }
  } catch (error) {
    throw within(`[${index}]`, error);
  }
}

function faultText(fault: SpanFault): string {
  return `$${fault.path} ${fault.message}`;
}

/**
 * zipkin.proto3.ListOfSpans (zipkin-api, zipkin.proto), read with the tolerances of the reference server: spec/tracing.md
 * §1.6. `encodeSpanList` is the way back.
 */
export const zipkinProto: Decoder<readonly Span[]> = {
  decode: (bytes) => {
    const spans: Span[] = [];
    try {
      readList(bytes, 'make', (span) => spans.push(span));
    } catch (error) {
      if (error instanceof SpanFault) {
        throw new BridgeError('BRIDGE_DECODE', faultText(error));
      }
      throw error;
    }
    return spans;
  },
};

/** Whether `zipkinProto.decode` would take these bytes, and how many spans it would give, at a fraction of its cost. */
export function checkZipkinProto(bytes: Uint8Array): SpanListCheck {
  let items = 0;
  try {
    readList(bytes, 'check', () => {
      items += 1;
    });
    return { ok: true, items, payload: bytes };
  } catch (error) {
    if (error instanceof SpanFault) {
      return { ok: false, items: items + 1, reason: faultText(error) };
    }
    throw error;
  }
}

/** Reads each span by itself. Throws BRIDGE_DECODE where it cannot be told where one ends. */
export function salvageZipkinProto(bytes: Uint8Array): Salvage<readonly Span[]> {
  const good: Span[][] = [];
  let bad = 0;
  let reason: string | undefined;
  try {
    for (const [index, one] of spansIn(bytes).entries()) {
      try {
        good.push([new SpanReader(one, 'make').span()]);
      } catch (error) {
        if (!(error instanceof SpanFault)) {
          throw error;
        }
        bad += 1;
        reason ??= faultText(new SpanFault(`[${index}]${error.path}`, error.message));
      }
    }
  } catch (error) {
    if (error instanceof SpanFault) {
      throw new BridgeError('BRIDGE_DECODE', faultText(error));
    }
    throw error;
  }
  return { good, bad, reason };
}

/** Each span of the list, still with its length. Throws SpanFault. */
function spansIn(bytes: Uint8Array): WireReader[] {
  const wire = new WireReader(bytes);
  const found: WireReader[] = [];
  while (wire.next()) {
    const start = wire.at;
    const isSpan = wire.is(spansField, wireTypes.bytes);
    wire.skip();
    if (isSpan) {
      found.push(new WireReader(bytes.subarray(start, wire.at)));
    }
  }
  return found;
}
