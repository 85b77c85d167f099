import type { BridgeError } from './errors.ts';

/** Which listeners answer a route: `main` is 9529, `zipkin` 9411, `otlp` 4318, `otlp_grpc` 4317, `jaeger_grpc` 16685. */
export type ListenerName = 'main' | 'zipkin' | 'otlp' | GrpcListenerName;
/**
 * A route on one of these is a method of a gRPC service: POST, and the path `/package.Service/Method`. Its request's body is
 * the message, without framing; the response's body is the message that is answered, or a stream of them. Statuses that are
 * not 200, and errors, become gRPC's codes.
 */
export type GrpcListenerName = 'otlp_grpc' | 'jaeger_grpc';

/**
 * Who may call (design.md §9). `open`: everyone. `ingest`: trusted peers, the token, or the ingest token.
 * `reader`: loopback without forwarding headers, `[server] trusted`, or the token.
 */
export type Access = 'open' | 'ingest' | 'reader';

export interface HttpRequest {
  readonly method: string;
  /** Without the query string, as matched. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Lower-case names; repeated headers are joined by a comma. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Inflated where the route says so. Empty when there was none. Its memory may be used again once the request is answered. */
  readonly body: Buffer;
  /** Length of the body as it came over the wire, before inflating. */
  readonly wireBytes?: number;
  readonly remoteAddress: string;
  /** Aborted when the caller went away. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is UTF-8; an AsyncIterable is streamed. */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/**
 * One route. A BridgeError that `handle` throws becomes its status (contract/errors.ts) with the message as plain text;
 * anything else is a 500 that is logged.
 */
export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Fastify's syntax: `/api/v2/trace/:id`, `/ui/*`. GET routes answer HEAD too. */
  readonly path: string;
  readonly listeners: readonly ListenerName[];
  readonly access: Access;
  /** Cap of the body as it comes over the wire; past it 413. Default 0: the route takes no body. */
  readonly maxBodyBytes?: number;
  /** Undo `Content-Encoding: gzip` (also `x-gzip`), up to 10 × the body cap; a body that is not gzip is 400. */
  /** `any`: also deflate, br and zstd, named in `Content-Encoding` or, as DataKit's senders do, in `?encoding=`. */
  readonly inflate?: boolean | 'any';
  /** Allow browser origins: every one (Zipkin's query API, as the reference server does), or as the policy says. Open routes only. */
  readonly cors?: boolean | CorsPolicy;
  handle(request: HttpRequest): Promise<HttpResponse>;
  /** What a browser that may not call it is shown with the 401, in place of a plain form for the token. It holds no data. */
  loginPage?(): Promise<HttpResponse>;
  /**
   * The other way to call it: as a WebSocket (RFC 6455). What it resolves with runs when the connection stands, until it
   * resolves or the stream is closed; a BridgeError thrown before that is answered as one of `handle`. GET, without parameters in the path.
   */
  openStream?(request: HttpRequest): Promise<(stream: MessageStream) => Promise<void>>;
  /** Told when the body was refused before `handle` could see it: too large, not gzip, too much at once. */
  onRefused?(error: BridgeError): void;
  /** What a BridgeError is answered with in place of plain text, whoever threw it; `status` is the one of its code. */
  errorResponse?(error: BridgeError, status: number): HttpResponse;
}

/** CORS as DataKit answers it: the caller's origin is named, and credentials are allowed. */
export interface CorsPolicy {
  /** Exactly these, such as `https://shop.example`; empty: every one. */
  readonly origins: readonly string[];
}

/** A WebSocket to which messages are sent. */
export interface MessageStream {
  /** Aborted when the other side has gone, or the listener closes. */
  readonly closed: AbortSignal;
  /** Resolves when the other side keeps up. Rejects when it has gone. */
  send(text: string): Promise<void>;
  /** Resolves after so many ms, or when the stream is closed. */
  pause(ms: number): Promise<void>;
}

/** Where inputs and the api put their routes. Adding is possible until the listeners are open. */
export interface Routes {
  add(route: HttpRoute): void;
}
