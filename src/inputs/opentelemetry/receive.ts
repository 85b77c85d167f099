import { hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import { plainText } from '../../http/exchange.ts';
import { type Answering, failure, success } from './answers.ts';
import { type Content, type OtlpSignal, type ReadOptions, readers } from './readers.ts';

/** What a request brought, and what its sender is told once that is on disk. */
export interface Received {
  readonly batches: Content['batches'];
  readonly refused?: {
    readonly items: number;
    readonly reason: 'malformed' | 'unsupported';
    readonly message: string;
  };
  readonly response: HttpResponse;
  /** As `Content.converted`. */
  readonly converted?: number;
}

const encodings: readonly Answering[] = ['application/x-protobuf', 'application/grpc', 'application/json'];

/** Reads a request to the end of what can be said without storing it. Synchronous and pure. */
export function receive(signal: OtlpSignal, request: HttpRequest, options: ReadOptions): Received {
  const type = (request.headers['content-type'] ?? '').toLowerCase();
  const encoding = encodings.find((one) => type.startsWith(one));
  if (encoding === undefined) {
    const message = `the content type ${JSON.stringify(type)} is not OTLP's: application/x-protobuf or application/json`;
    return refusal('unsupported', message, plainText(415, message));
  }
  try {
    const read = readers[signal];
    const content = read(request.body, encoding === 'application/json' ? 'json' : 'protobuf', options);
    const { batches, rejected, firstFault: message = '', converted = 0 } = content;
    return {
      batches,
      converted,
      ...(rejected > 0 && { refused: { items: rejected, reason: 'malformed', message } }),
      response: success(encoding, signal, { rejected, message }),
    };
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
    return refusal('malformed', error.message, failure(encoding, error.message));
  }
}

function refusal(reason: 'malformed' | 'unsupported', message: string, response: HttpResponse): Received {
  return { batches: [], refused: { items: 1, reason, message }, response };
}
