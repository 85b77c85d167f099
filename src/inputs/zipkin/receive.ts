import { checkZipkinJson, type SpanListCheck } from '../../codec/zipkin-json/zipkin-json.ts';
import { checkZipkinJsonV1 } from '../../codec/zipkin-json-v1/zipkin-json-v1.ts';
import { checkZipkinProto } from '../../codec/zipkin-proto/zipkin-proto.ts';
import { checkZipkinThrift } from '../../codec/zipkin-thrift/zipkin-thrift.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import { plainText } from '../../http/exchange.ts';
import type { Format } from '../../model/batch.ts';

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
    }
  | {
      readonly kind: 'refused';
      readonly items: number;
      readonly reason: 'malformed';
      readonly message: string;
      readonly response: HttpResponse;
    };

type Reader = { readonly format: Format; readonly check: (bytes: Uint8Array) => SpanListCheck };

const jsonV1: Reader = { format: 'zipkin-json-v1', check: checkZipkinJsonV1 };
const jsonV2: Reader = { format: 'zipkin-json-v2', check: checkZipkinJson };
const proto3: Reader = { format: 'zipkin-proto3', check: checkZipkinProto };
const thrift: Reader = { format: 'zipkin-thrift', check: checkZipkinThrift };

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

/** Reads a request to the end of what can be said without storing it. Synchronous and pure. */
export function receive(request: HttpRequest, version: Version): Received {
  const { body } = request;
  if (body.length === 0) {
    const isEmptyGzip = (request.wireBytes ?? 0) > 0;
    return isEmptyGzip ? refused(1, 'the body is gzip of nothing') : nothing;
  }
  const reader = readerFor(version, (request.headers['content-type'] ?? '').toLowerCase());
  const list = reader.check(body);
  const isJson = reader === jsonV1 || reader === jsonV2;
  const mayBeOther = isJson && !(list.ok && list.pure === true);
  if (mayBeOther && isOtherVersion(body, version)) {
    const other = version === 'v1' ? 'v2' : 'v1';
    return refused(
      list.items,
      `these are ${other} spans, and this is the path of ${version}; send them to the other one`,
    );
  }
  if (!list.ok) {
    return refused(list.items, list.reason);
  }
  const { items, payload } = list;
  return items === 0 ? nothing : { kind: 'spans', format: reader.format, payload, items };
}
