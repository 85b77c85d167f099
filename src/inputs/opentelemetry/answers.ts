import type { HttpResponse } from '../../contract/http.ts';
import type { OtlpSignal } from './readers.ts';

/** Content types by which a request comes and its answer goes. */
export type Answering = 'application/x-protobuf' | 'application/grpc' | 'application/json';

/** google.rpc.Code. */
const invalidArgument = 3;

/** What `partial_success` calls the items of a signal in JSON; in protobuf its numbers are the same for all. */
const rejectedNames: Readonly<Record<OtlpSignal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
};

/** The signal's ExportServiceResponse; `partial_success` only where something was rejected, as the specification asks. */
export function success(
  encoding: Answering,
  signal: OtlpSignal,
  { rejected, message }: { readonly rejected: number; readonly message: string },
): HttpResponse {
  if (encoding === 'application/json') {
    const partialSuccess = { [rejectedNames[signal]]: String(rejected), errorMessage: message };
    return answer(200, encoding, JSON.stringify(rejected === 0 ? {} : { partialSuccess }));
  }
  if (rejected === 0) {
    return answer(200, encoding, Buffer.alloc(0));
  }
  const partial = Buffer.concat([Buffer.from([0x08, ...varint(rejected)]), textField(0x12, message)]);
  return answer(200, encoding, Buffer.concat([Buffer.from([0x0a, ...varint(partial.length)]), partial]));
}

/** google.rpc.Status with 400: the sender must not repeat it. Over gRPC the status is the call's own. */
export function failure(encoding: Answering, message: string): HttpResponse {
  if (encoding === 'application/grpc') {
    return { status: 400, body: message };
  }
  if (encoding === 'application/json') {
    return answer(400, encoding, JSON.stringify({ code: invalidArgument, message }));
  }
  return answer(400, encoding, Buffer.concat([Buffer.from([0x08, invalidArgument]), textField(0x12, message)]));
}

function answer(status: number, encoding: Answering, body: string | Uint8Array): HttpResponse {
  return { status, headers: { 'content-type': encoding }, body };
}

function textField(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}
