import type { Codec } from '../../contract/codec.ts';
import type { Span } from '../../model/span.ts';
import { encodeSpan } from './encode-span.ts';
import { readSpan } from './span.ts';
import { checkList, decodeList, type Salvage, type SpanListCheck, salvageList } from './span-list.ts';
import { SpanScan } from './span-scan.ts';

/**
 * JSON list of Zipkin v2 spans (zipkin-api, zipkin2-api.yaml), read with the tolerances and refusals of the reference
 * server: spec/tracing.md §1.3. White space before the list is accepted, and bytes behind it are ignored.
 */
export const zipkinJson: Codec<readonly Span[]> = {
  contentType: 'application/json',
  decode: (bytes) => decodeList(bytes, readSpan),
  encode: (spans) => Buffer.from(`[${spans.map(encodeSpan).join(',')}]`),
};

/**
 * Whether `zipkinJson.decode` would take these bytes, how many spans there are, and which bytes are the list. What proxies
 * send is gone over once; what that cannot vouch for is parsed.
 */
export function checkZipkinJson(bytes: Uint8Array): SpanListCheck {
  const items = new SpanScan(bytes).run();
  return items > 0 ? { ok: true, items, payload: bytes, pure: true } : checkList(bytes, readSpan);
}

/** The good ones of a list that may hold others. Throws BRIDGE_DECODE. */
export function salvageZipkinJson(bytes: Uint8Array): Salvage<readonly Span[]> {
  const found = salvageList(bytes, readSpan);
  return { ...found, good: [found.good] };
}

export { encodeSpan } from './encode-span.ts';
export type { Salvage, SpanListCheck } from './span-list.ts';
