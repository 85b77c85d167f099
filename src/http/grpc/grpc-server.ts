import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { HttpRoute } from '../../contract/http.ts';
import { GrpcCall, type GrpcDeps } from './grpc-call.ts';

/** How every HTTP/2 connection with prior knowledge begins (RFC 9113 §3.4). */
const preface = Buffer.from('PRI * HTTP/2.0');
const firstBytesMs = 10_000;
const mostStreams = 128;
const mostConnections = 1024;

/** gRPC over plain HTTP/2. What speaks HTTP/1 here is told so, in HTTP/1. */
export class GrpcServer {
  readonly server: Server;
  readonly #http2: Http2Server;
  #routes: ReadonlyMap<string, HttpRoute>;
  readonly #deps: GrpcDeps;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #waiting = new Set<Socket>();

  constructor(routes: readonly HttpRoute[], deps: GrpcDeps) {
    this.#routes = byPath(routes);
    this.#deps = deps;
    this.#http2 = createServer({ settings: { maxConcurrentStreams: mostStreams } });
    this.#http2.on('session', (session) => this.#keep(session));
    this.#http2.on('stream', (stream, headers) => {
      const call = new GrpcCall(stream, headers, deps);
      const address = stream.session?.socket.remoteAddress ?? '';
      this.#answer(call, String(headers['content-type'] ?? ''), address);
    });
    this.server = createTcpServer((socket) => this.#greet(socket));
    this.server.maxConnections = mostConnections;
  }

  /** From the next call on. */
  serve(routes: readonly HttpRoute[]): void {
    this.#routes = byPath(routes);
  }

  /** Lets calls in flight end. */
  closeIdleConnections(): void {
    for (const socket of this.#waiting) {
      socket.destroy();
    }
    for (const session of this.#sessions) {
      session.close();
    }
  }

  closeAllConnections(): void {
    for (const session of this.#sessions) {
      session.destroy();
    }
  }

  #answer(call: GrpcCall, contentType: string, remoteAddress: string): void {
    const route = this.#routes.get(call.path);
    if (!contentType.startsWith('application/grpc') || contentType.startsWith('application/grpc-web')) {
      call.unknown(`this port speaks gRPC, and content type ${JSON.stringify(contentType)} is not it`);
    } else if (route === undefined) {
      const known = [...this.#routes.keys()].join(', ') || 'nothing';
      call.unknown(`there is no method ${call.path}; this port answers ${known}`);
    } else {
      // `answer` never rejects.
      call.answer(route, remoteAddress).catch((error: unknown) => this.#deps.onFault(error, call.path));
    }
  }

  #keep(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on('error', () => session.destroy());
    session.on('close', () => this.#sessions.delete(session));
  }

  /** Looks at the first bytes of a connection, and hands it on with them. */
  #greet(socket: Socket): void {
    this.#waiting.add(socket);
    const onEnd = (): void => {
      this.#waiting.delete(socket);
      socket.destroy();
    };
    socket.setTimeout(firstBytesMs, onEnd);
    socket.on('error', onEnd);
    socket.on('close', onEnd);
    const onReadable = (): void => {
      const first: Buffer | null = socket.read();
      if (first === null) {
        return;
      }
      socket.unshift(first);
      const seen = first.subarray(0, preface.length);
      if (seen.length < preface.length && preface.subarray(0, seen.length).equals(seen)) {
        return;
      }
      for (const [event, listener] of [
        ['readable', onReadable],
        ['error', onEnd],
        ['close', onEnd],
      ] as const) {
        socket.off(event, listener);
      }
      socket.setTimeout(0);
      this.#waiting.delete(socket);
      this.#hand(socket, seen.equals(preface));
    };
    socket.on('readable', onReadable);
  }

  #hand(socket: Socket, isHttp2: boolean): void {
    if (isHttp2) {
      this.#http2.emit('connection', socket);
      return;
    }
    const text = 'This port speaks gRPC (HTTP/2 with prior knowledge). OTLP over HTTP is on 4318, all else on 9529.\n';
    this.#waiting.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#waiting.delete(socket));
    socket.setTimeout(firstBytesMs, () => socket.destroy());
    // What it sends on is read, so that its end is seen.
    socket.resume();
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
    );
  }
}

function byPath(routes: readonly HttpRoute[]): ReadonlyMap<string, HttpRoute> {
  return new Map(routes.map((route) => [route.path, route]));
}
