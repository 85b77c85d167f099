import type { Decoder } from '../../contract/codec.ts';
import type { Span } from '../../model/span.ts';
import { checkList, decodeList, type Salvage, type SpanListCheck, salvageList } from '../zipkin-json/span-list.ts';
import { convertV1 } from './convert.ts';
import { readV1Span } from './v1-span.ts';

/**
 * JSON list of Zipkin v1 spans, converted to v2 as the reference server does: spec/tracing.md §1.4 and §1.7. One v1 span
 * may become several. Decoding only: what is sent on is v2.
 */
export const zipkinJsonV1: Decoder<readonly Span[]> = {
  decode: (bytes) => decodeList(bytes, readV1Span).flatMap(convertV1),
};

/** Whether `zipkinJsonV1.decode` would take these bytes, and how many v1 spans there are. */
export function checkZipkinJsonV1(bytes: Uint8Array): SpanListCheck {
  return checkList(bytes, readV1Span);
}

/** The good ones of a list that may hold others; each v1 span gives a list of its own. Throws BRIDGE_DECODE. */
export function salvageZipkinJsonV1(bytes: Uint8Array): Salvage<readonly Span[]> {
  const found = salvageList(bytes, readV1Span);
  return { ...found, good: found.good.map(convertV1) };
}
