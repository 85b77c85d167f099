import { type ClientHttp2Session, connect, constants, type SecureClientSessionOptions } from 'node:http2';
import { isIP, type Socket } from 'node:net';
import { connect as secure } from 'node:tls';
import { BridgeError } from '../../contract/errors.ts';
import { tunnelTo } from '../tunnel.ts';
import { framed, onlyMessage } from './messages.ts';
import { codes } from './status.ts';

export interface GrpcClientOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** Lower-case names. Asked for each call. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  /** Read for each connection. */
  readonly tls: () => Promise<SecureClientSessionOptions>;
  /** An HTTP proxy that lets us through by CONNECT. */
  readonly proxyUrl?: string | undefined;
}

export interface GrpcAnswer {
  /** google.rpc.Code. */
  readonly code: number;
  readonly text: string;
  readonly message: Buffer;
}

const maxAnswerBytes = 64 * 1024;
const pingMs = 30_000;

/** Unary calls to one server over one connection. One attempt a call. */
export class GrpcClient {
  readonly #options: GrpcClientOptions;
  #session: Promise<ClientHttp2Session> | undefined;

  constructor(options: GrpcClientOptions) {
    this.#options = options;
  }

  /** Rejects when there is no answer, and with the reason of an aborted signal. */
  async call(path: string, message: Uint8Array, signal: AbortSignal): Promise<GrpcAnswer> {
    signal.throwIfAborted();
    const [session, headers] = await Promise.all([this.#connected(), this.#options.headers()]);
    const stream = session.request({
      ...headers,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const cut = (): void => stream.close(constants.NGHTTP2_CANCEL);
    signal.addEventListener('abort', cut, { once: true });
    try {
      stream.end(framed(message));
      return await answered(stream);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', cut);
    }
  }

  /** Cuts what is under way. May be called more than once. */
  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    session?.destroy();
  }

  #connected(): Promise<ClientHttp2Session> {
    this.#session ??= this.#connect().catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { url, proxyUrl } = this.#options;
    const tls = await this.#options.tls();
    const tunnel = proxyUrl === undefined ? undefined : await tunnelTo(new URL(url), proxyUrl);
    const session = connect(
      url,
      tunnel === undefined ? tls : { ...tls, createConnection: () => secured(new URL(url), tls, tunnel) },
    );
    const gone = (): void => {
      this.#session = undefined;
    };
    session.once('close', gone);
    session.once('goaway', gone);
    // A far side that vanished without a word is noticed by the ping that it does not answer.
    session.setTimeout(pingMs, () => session.ping(() => undefined) || session.destroy());
    return await new Promise((resolve, reject) => {
      session.once('connect', () => {
        session.off('error', reject);
        session.on('error', gone);
        resolve(session);
      });
      session.once('error', reject);
    });
  }
}

/** HTTP/2 through a tunnel: as it is, or over TLS inside it. */
function secured({ protocol, hostname }: URL, tls: SecureClientSessionOptions, tunnel: Socket): Socket {
  if (protocol !== 'https:') {
    return tunnel;
  }
  const servername = isIP(hostname) === 0 ? { servername: hostname } : {};
  return secure({ ...servername, ...tls, socket: tunnel, ALPNProtocols: ['h2'] });
}

type Stream = ReturnType<ClientHttp2Session['request']>;
type Headers = Readonly<Record<string, string | string[] | undefined>>;

function answered(stream: Stream): Promise<GrpcAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  let head: Headers = {};
  let trailers: Headers | undefined;
  return new Promise((resolve, reject) => {
    stream.on('response', (headers) => {
      head = headers as Headers;
    });
    stream.on('trailers', (headers) => {
      trailers = headers as Headers;
    });
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxAnswerBytes) {
        chunks.push(chunk);
      }
    });
    stream.on('error', reject);
    stream.on('close', () => {
      const status = (trailers ?? head)['grpc-status'];
      if (status === undefined) {
        reject(new Error(whatInstead(head)));
        return;
      }
      const text = decoded(String((trailers ?? head)['grpc-message'] ?? ''));
      resolve({ code: Number(status), text, message: messageOf(Buffer.concat(chunks)) });
    });
  });
}

function whatInstead(head: Headers): string {
  const status = head[':status'];
  return status === undefined ? 'the connection ended before the answer' : `HTTP ${status} and no gRPC status`;
}

function messageOf(body: Buffer): Buffer {
  try {
    return onlyMessage(body).bytes;
  } catch (error) {
    if (error instanceof BridgeError) {
      return Buffer.alloc(0);
    }
    throw error;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Codes that say "not now" (opentelemetry-proto, docs/specification.md, "OTLP/gRPC failures"). */
export const passingCodes: ReadonlySet<number> = new Set([
  1,
  codes.deadlineExceeded,
  codes.resourceExhausted,
  10,
  11,
  codes.unavailable,
  15,
]);
/** Codes that speak about the address or the credentials. */
export const misconfiguredCodes: ReadonlySet<number> = new Set([
  codes.permissionDenied,
  codes.unimplemented,
  codes.unauthenticated,
]);
