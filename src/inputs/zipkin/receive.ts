import { decodeSpans } from '../../codec/spans.ts';
import {
  checkZipkinJson,
  encodeSpan,
  type Salvage,
  type SpanListCheck,
  salvageZipkinJson,
} from '../../codec/zipkin-json/zipkin-json.ts';
import { checkZipkinJsonV1, salvageZipkinJsonV1 } from '../../codec/zipkin-json-v1/zipkin-json-v1.ts';
import { checkZipkinProto, salvageZipkinProto } from '../../codec/zipkin-proto/zipkin-proto.ts';
import { checkZipkinThrift, salvageZipkinThrift } from '../../codec/zipkin-thrift/zipkin-thrift.ts';
import { hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import { plainText } from '../../http/exchange.ts';
import type { Format } from '../../model/batch.ts';
import type { Span } from '../../model/span.ts';

/** Which of the two paths a request came to. */
export type Version = 'v1' | 'v2';

/** What a request brought. `refused` carries what its sender is told. */
export type Received =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'spans';
      readonly format: Format;
      readonly payload: Uint8Array;
      readonly items: number;
      /** What was left out of a batch that was taken in part. */
      readonly refused?: { readonly items: number; readonly message: string };
    }
  | {
      readonly kind: 'refused';
      readonly items: number;
      readonly reason: 'malformed';
      readonly message: string;
      readonly response: HttpResponse;
    };

interface Reader {
  readonly format: Format;
  readonly check: (bytes: Uint8Array) => SpanListCheck;
  /** What is good of a list that is not good as a whole. */
  readonly salvage: (bytes: Uint8Array) => Salvage<readonly Span[]>;
}

const jsonV1: Reader = { format: 'zipkin-json-v1', check: checkZipkinJsonV1, salvage: salvageZipkinJsonV1 };
const jsonV2: Reader = { format: 'zipkin-json-v2', check: checkZipkinJson, salvage: salvageZipkinJson };
const proto3: Reader = { format: 'zipkin-proto3', check: checkZipkinProto, salvage: salvageZipkinProto };
const thrift: Reader = { format: 'zipkin-thrift', check: checkZipkinThrift, salvage: salvageZipkinThrift };
/** Where the members of one version are unknown ones of the other. */
const texts: readonly Reader[] = [jsonV1, jsonV2];

const nothing: Received = { kind: 'nothing' };

/** Marks of the other version, which unknown members would hide: the bytes are looked for first, then the member. */
const marks: Readonly<Record<Version, { readonly bytes: readonly Buffer[]; readonly member: RegExp }>> = {
  v1: { bytes: [Buffer.from('Endpoint"'), Buffer.from('"tags"')], member: /"(localEndpoint|remoteEndpoint|tags)"\s*:/ },
  v2: { bytes: [Buffer.from('yAnnotations"')], member: /"binaryAnnotations"\s*:/ },
};

function refused(items: number, message: string): Received {
  return { kind: 'refused', items, reason: 'malformed', message, response: plainText(400, message) };
}

/** The content type chooses only on the path that it belongs to; any other, and none, is JSON. */
function readerFor(version: Version, contentType: string): Reader {
  if (version === 'v2') {
    return contentType.startsWith('application/x-protobuf') ? proto3 : jsonV2;
  }
  return contentType.startsWith('application/x-thrift') ? thrift : jsonV1;
}

function isOtherVersion(body: Buffer, version: Version): boolean {
  const { bytes, member } = marks[version];
  return bytes.some((mark) => body.includes(mark)) && member.test(body.toString('latin1'));
}

/** `whole`: a batch is taken or refused as one. `partial`: what is good of it is taken. */
export type Strictness = 'whole' | 'partial';

/** Reads a request to the end of what can be said without storing it. Synchronous and pure. */
export function receive(request: HttpRequest, version: Version, strictness: Strictness): Received {
  const { body } = request;
  if (body.length === 0) {
    const isEmptyGzip = (request.wireBytes ?? 0) > 0;
    return isEmptyGzip ? refused(1, 'the body is gzip of nothing') : nothing;
  }
  const reader = readerFor(version, (request.headers['content-type'] ?? '').toLowerCase());
  const list = reader.check(body);
  const ofOther = texts.includes(reader) && !(list.ok && list.pure === true) && isOtherVersion(body, version);
  if (ofOther) {
    const other = version === 'v1' ? 'v2' : 'v1';
    const message = `these are ${other} spans, and this is the path of ${version}; send them to the other one`;
    return refused(list.items, message);
  }
  return list.ok ? spansOf(list, reader) : (inPart(body, reader, strictness) ?? refused(list.items, list.reason));
}

function spansOf({ items, payload }: Extract<SpanListCheck, { readonly ok: true }>, { format }: Reader): Received {
  return items === 0 ? nothing : { kind: 'spans', format, payload, items };
}

function inPart(body: Buffer, reader: Reader, strictness: Strictness): Received | undefined {
  return strictness === 'partial' ? salvaged(body, reader) : undefined;
}

/** The good spans, printed anew. Undefined where nothing is good. */
function salvaged(body: Buffer, reader: Reader): Received | undefined {
  let found: Salvage<readonly Span[]> | undefined;
  try {
    found = reader.salvage(body);
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
  }
  const spans = found?.good.flat() ?? [];
  if (found === undefined || spans.length === 0) {
    return undefined;
  }
  const { bad, reason: message = '' } = found;
  return { kind: 'spans', ...printed(spans), refused: { items: bad, message } };
}

type Spans = Extract<Received, { readonly kind: 'spans' }>;

/** What is left when `keep` has chosen; undefined where nothing is. */
export function filtered(received: Spans, keep: (spans: readonly Span[]) => readonly Span[]): Spans | undefined {
  const { format, payload } = received;
  const kept = keep(decodeSpans({ format, payload }));
  return kept.length === 0 ? undefined : { ...received, ...printed(kept) };
}

/** Spans in our own words, with their names as they were sent. */
function printed(spans: readonly Span[]): { format: Format; payload: Uint8Array; items: number } {
  const list = spans.map((span) => encodeSpan({ ...span, ...(span.rawName !== undefined && { name: span.rawName }) }));
  return { format: 'zipkin-json-v2', payload: Buffer.from(`[${list.join(',')}]`), items: spans.length };
}
