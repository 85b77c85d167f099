import { checkOtlpTraces, checkOtlpTracesJson, type OtlpCheck } from '../../codec/otlp/otlp-traces.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import { plainText } from '../../http/exchange.ts';
import type { Batch, Format } from '../../model/batch.ts';
import { type Encoding, failure, success } from './answers.ts';

/** What a request brought, and what its sender is told once that is on disk. */
export interface Received {
  readonly batch?: Pick<Batch, 'format' | 'items'> & { readonly payload: Uint8Array };
  readonly refused?: {
    readonly items: number;
    readonly reason: 'malformed' | 'unsupported';
    readonly message: string;
  };
  readonly response: HttpResponse;
}

interface Reader {
  readonly encoding: Encoding;
  readonly format: Format;
  readonly check: (bytes: Uint8Array) => OtlpCheck;
}

const readers: readonly Reader[] = [
  { encoding: 'application/x-protobuf', format: 'otlp-traces', check: checkOtlpTraces },
  { encoding: 'application/grpc', format: 'otlp-traces', check: checkOtlpTraces },
  { encoding: 'application/json', format: 'otlp-traces-json', check: checkOtlpTracesJson },
];

/** Reads a request to the end of what can be said without storing it. Synchronous and pure. */
export function receive(request: HttpRequest): Received {
  const { body } = request;
  const type = (request.headers['content-type'] ?? '').toLowerCase();
  const reader = readers.find(({ encoding }) => type.startsWith(encoding));
  if (reader === undefined) {
    const message = `the content type ${JSON.stringify(type)} is not OTLP's: application/x-protobuf or application/json`;
    return { refused: { items: 1, reason: 'unsupported', message }, response: plainText(415, message) };
  }
  const { encoding, format } = reader;
  const checked = reader.check(body);
  if (!checked.ok) {
    const message = checked.reason;
    return { refused: { items: 1, reason: 'malformed', message }, response: failure(encoding, message) };
  }
  const { items, rejected, firstFault: message = '' } = checked;
  return {
    ...(items > 0 && { batch: { format, payload: body, items } }),
    ...(rejected > 0 && { refused: { items: rejected, reason: 'malformed', message } }),
    response: success(encoding, rejected, message),
  };
}
