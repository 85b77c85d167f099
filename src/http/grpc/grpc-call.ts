import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { BridgeError } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../../contract/http.ts';
import type { AccessPolicy } from '../access.ts';
import { type BodyBudget, CallerGone, inflateFactor } from '../body.ts';
import { inflated, isGzip } from '../content-coding.ts';
import { framed, onlyMessage } from './messages.ts';
import { codeOf, codeOfStatus, codes, type GrpcCode, messageHeader } from './status.ts';

const noQuery = new URLSearchParams();
const msOf: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 };
/** A call without a deadline of its own ends by then, and so does one on which nothing moves. */
const longestMs = 60_000;

export interface GrpcDeps {
  readonly access: AccessPolicy;
  readonly budget: BodyBudget;
  /** Told of what no caller can be blamed for. */
  readonly onFault: (error: unknown, path: string) => void;
}

/** One call: a request message, and one message back, or a stream of them. Never rejects. */
export class GrpcCall {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #deps: GrpcDeps;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, deps: GrpcDeps) {
    this.#stream = stream;
    this.#headers = headers;
    this.#deps = deps;
    stream.on('error', () => stream.destroy());
    stream.setTimeout(longestMs, () => stream.close(constants.NGHTTP2_CANCEL));
  }

  get path(): string {
    return String(this.#headers[':path'] ?? '');
  }

  /** Says that nothing of that name can be called here. */
  unknown(why: string): void {
    this.#end(codes.unimplemented, why);
  }

  async answer(route: HttpRoute, remoteAddress: string): Promise<void> {
    const caller = { method: 'POST', remoteAddress, headers: plainHeaders(this.#headers) };
    const refusal = this.#deps.access.refusal(caller, route.access);
    if (refusal !== undefined) {
      this.#end(codeOfStatus(refusal.status), refusal.message);
      return;
    }
    try {
      await this.#answered(route, caller);
    } catch (error) {
      if (error instanceof CallerGone) {
        return;
      }
      if (error instanceof BridgeError) {
        this.#end(codeOf(error.code), error.message);
      } else {
        this.#deps.onFault(error, route.path);
        this.#end(codes.internal, 'an error inside of meshbridge; its log says more');
      }
    }
  }

  async #answered(route: HttpRoute, caller: Pick<HttpRequest, 'method' | 'remoteAddress' | 'headers'>): Promise<void> {
    const gone = new AbortController();
    this.#stream.once('close', () => gone.abort(new Error('the caller went away')));
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(deadlineMs(this.#headers['grpc-timeout']))]);
    const body = await this.#message(route.maxBodyBytes ?? 0).catch((error: unknown) => {
      if (error instanceof BridgeError) {
        route.onRefused?.(error);
      }
      throw error;
    });
    try {
      const request = { ...caller, path: route.path, params: {}, query: noQuery, body, signal };
      await this.#write(await handled(route, request));
    } finally {
      this.#deps.budget.release(body.length);
    }
  }

  /** The request's message, inflated, and held in the budget. */
  async #message(maxBytes: number): Promise<Buffer> {
    const { budget } = this.#deps;
    const whole = await this.#body(maxBytes);
    let keepsBytes = 0;
    try {
      const { isCompressed, bytes } = onlyMessage(whole);
      if (!isCompressed) {
        keepsBytes = bytes.length;
        return bytes;
      }
      const encoding = String(this.#headers['grpc-encoding'] ?? '');
      if (!isGzip(encoding)) {
        throw new BridgeError('BRIDGE_UNSUPPORTED', `grpc-encoding ${encoding || 'is missing'}; send gzip or identity`);
      }
      return await inflated(bytes, 'gzip', maxBytes * inflateFactor, budget);
    } finally {
      budget.release(whole.length - keepsBytes);
    }
  }

  /** All that the caller sends; held in the budget. What comes after a fault is read and dropped, so that it is heard. */
  #body(maxBytes: number): Promise<Buffer> {
    const { budget } = this.#deps;
    const chunks: Buffer[] = [];
    let bytes = 0;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        this.#stream.off('data', take);
        this.#stream.resume();
        budget.release(bytes);
        bytes = 0;
        reject(error);
      };
      const take = (chunk: Buffer): void => {
        if (bytes + chunk.length > maxBytes) {
          fail(new BridgeError('BRIDGE_TOO_LARGE', `the message is larger than ${maxBytes} bytes`));
        } else if (budget.tryHold(chunk.length)) {
          bytes += chunk.length;
          chunks.push(chunk);
        } else {
          fail(new BridgeError('BRIDGE_OVERLOADED', 'too many request bodies at once; try again later'));
        }
      };
      this.#stream.on('data', take);
      this.#stream.once('end', () => resolve(Buffer.concat(chunks, bytes)));
      this.#stream.once('aborted', () => fail(new CallerGone()));
    });
  }

  async #write({ status, body }: HttpResponse): Promise<void> {
    const code = codeOfStatus(status);
    if (code !== codes.ok) {
      this.#end(code, typeof body === 'string' ? body.trim() : '');
      return;
    }
    const messages = isStream(body) ? body : [body ?? ''];
    for await (const message of messages) {
      this.#open();
      const bytes = typeof message === 'string' ? Buffer.from(message) : message;
      if (!this.#stream.write(framed(bytes))) {
        await this.#drained();
      }
    }
    this.#end(codes.ok, '');
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#stream.off('drain', done);
        this.#stream.off('close', done);
        resolve();
      };
      this.#stream.on('drain', done);
      this.#stream.on('close', done);
    });
  }

  #open(): void {
    if (!this.#stream.headersSent && !this.#stream.destroyed) {
      this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    }
  }

  /** The status goes behind the messages, or, where there are none, at once. */
  #end(code: GrpcCode, message: string): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) {
      return;
    }
    const status = { 'grpc-status': code, ...(message !== '' && { 'grpc-message': messageHeader(message) }) };
    if (!stream.headersSent) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true });
      if (!stream.readableEnded) {
        // Nothing more is wanted of this call; its status went out before.
        stream.close(constants.NGHTTP2_NO_ERROR);
      }
      return;
    }
    stream.once('wantTrailers', () => stream.sendTrailers(status));
    stream.end();
  }
}

/** A deadline that passes while the route works is the route's own rejection, or ours. */
async function handled(route: HttpRoute, request: HttpRequest): Promise<HttpResponse> {
  const { signal } = request;
  const late = new Promise<HttpResponse>((resolve) => {
    signal.addEventListener('abort', () => resolve({ status: 504, body: 'the deadline of the call has passed' }), {
      once: true,
    });
  });
  return await Promise.race([route.handle(request), late]);
}

function isStream(body: HttpResponse['body']): body is AsyncIterable<string | Uint8Array> {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

/** gRPC has no `host`: what stands for it is `:authority`. */
function plainHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string | undefined>> {
  const plain: Record<string, string | undefined> = { host: String(headers[':authority'] ?? '') };
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(':')) {
      plain[name] = Array.isArray(value) ? value.join(', ') : value;
    }
  }
  return plain;
}

/** `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP2, "Timeout"). */
function deadlineMs(timeout: string | string[] | undefined): number {
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(timeout ?? '')) ?? [];
  const factor = msOf[unit];
  return factor === undefined ? longestMs : Math.min(longestMs, Math.ceil(Number(digits) * factor));
}
