import { createServer, type IncomingMessage, request as requestOf, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { uncompressSync } from 'snappy';
import type { Certificate } from './certificate.ts';
import { freePort } from './free-port.ts';

/** What happens to a request on its way to the server, and to the answer on its way back. */
export type Fault =
  | { readonly kind: 'pass' }
  /** Nobody listens, and connections that stood are reset. */
  | { readonly kind: 'refuse' }
  /** A part of the request reaches the server, then both connections are reset. */
  | { readonly kind: 'cut request' }
  /** The server takes the request; a part of its answer comes back, then the connection is reset. */
  | { readonly kind: 'cut answer' }
  /** The server takes the request; nothing comes back for as long as the client waits. */
  | { readonly kind: 'slow' }
  /** The request ends here, and nothing comes back for as long as the client waits. */
  | { readonly kind: 'hang' }
  /** The request ends here, with this answer. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** A request whose body holds one of these texts is answered 400; all others pass. */
  | { readonly kind: 'poison'; readonly texts: readonly string[] };

export interface Seen {
  /** Of the monotonic clock. */
  readonly atMs: number;
  /** The body without its compression, one character a byte. */
  readonly text: string;
  /** That the client was answered by us. */
  readonly status?: number;
  /** The server answered 2xx. */
  taken: boolean;
  /** The whole answer went to the client, be it ours or the server's. */
  told: boolean;
}

type HttpServer = ReturnType<typeof createTlsServer> | ReturnType<typeof createServer>;

export interface FaultProxyOptions {
  /** `http://host:port` of the server behind it. */
  readonly upstream: string;
  /** Picks the places of the cuts: an integer from 0, below the limit. */
  readonly below: (limit: number) => number;
  /** Of a long run not every body can be kept. Default: they are. */
  readonly forgetful?: true;
  /** Serves TLS, with this certificate at first. */
  readonly certificate?: Certificate;
}

/** Stands before a real HTTP server on a free loopback port, and does to the traffic what it is told. */
export class FaultProxy {
  readonly seen: Seen[] = [];
  readonly port: number;
  readonly url: string;
  readonly #options: FaultProxyOptions;
  /** By the client's port. Under TLS they are what carries the connection, which alone can be reset. */
  readonly #sockets: Map<number, Socket>;
  readonly #server: HttpServer;
  #fault: Fault = { kind: 'pass' };

  private constructor(server: HttpServer, sockets: Map<number, Socket>, options: FaultProxyOptions) {
    this.#server = server;
    this.#sockets = sockets;
    this.#options = options;
    this.port = (server.address() as AddressInfo).port;
    this.url = `${options.certificate === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      // A client that goes away in the middle is what this is for.
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const { certificate } = options;
    const server = certificate === undefined ? createServer() : createTlsServer({ ...certificate });
    const sockets = new Map<number, Socket>();
    server.on('connection', (socket: Socket) => {
      const port = socket.remotePort ?? 0;
      sockets.set(port, socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(port));
    });
    await listening(server, await freePort());
    return new FaultProxy(server, sockets, options);
  }

  /** From the next request on. */
  async set(fault: Fault): Promise<void> {
    const wasAway = this.#fault.kind === 'refuse';
    this.#fault = fault;
    if (fault.kind === 'refuse' && !wasAway) {
      const closed = new Promise((resolve) => this.#server.close(resolve));
      this.resetAll();
      await closed;
    } else if (fault.kind !== 'refuse' && wasAway) {
      await listening(this.#server, this.port);
    }
  }

  /** For new connections; those that stand are reset, so that all are new. */
  present(certificate: Certificate): void {
    if ('setSecureContext' in this.#server) {
      this.#server.setSecureContext({ ...certificate });
    }
    this.resetAll();
  }

  /** Resets the connections that stand, as a server does that starts again: who waits for an answer there waits no more. */
  resetAll(): void {
    for (const socket of this.#sockets.values()) {
      socket.resetAndDestroy();
    }
  }

  /** Bodies that the server took and that hold the text. */
  copies(text: string): number {
    return this.seen.filter((one) => one.taken && one.text.includes(text)).length;
  }

  /** Of those, the ones whose answer did not reach the client, so that it had to ask again. */
  lostAnswers(text: string): number {
    return this.seen.filter((one) => one.taken && !one.told && one.text.includes(text)).length;
  }

  /**
   * How soon after a 429 the same request came again, in ms, where that was sooner than was asked for; a timer may be a little
   * early. Only of requests that hold this text: each signal has requests of its own in between.
   */
  impatient(retryAfterMs: number, text: string): readonly number[] {
    const some = this.seen.filter((one) => one.text.includes(text));
    const waits = some.flatMap(({ status, atMs, text: asked }, i) => {
      const again = some.slice(i + 1).find((one) => one.text === asked);
      return status === 429 && again !== undefined ? [again.atMs - atMs] : [];
    });
    return waits.filter((ms) => ms < retryAfterMs - 5);
  }

  async close(): Promise<void> {
    await this.set({ kind: 'refuse' });
  }

  #reset({ remotePort = 0 }: Socket): void {
    this.#sockets.get(remotePort)?.resetAndDestroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const fault = this.#fault;
    const text = plain(body, request).toString('latin1');
    const status = fault.kind === 'answer' ? { status: fault.status } : {};
    const seen: Seen = {
      atMs: performance.now(),
      ...status,
      text: this.#options.forgetful === true ? '' : text,
      taken: false,
      told: false,
    };
    this.seen.push(seen);
    response.once('finish', () => {
      seen.told = !request.socket.destroyed;
    });
    switch (fault.kind) {
      case 'answer':
        response.writeHead(fault.status, fault.headers).end(fault.body);
        return;
      case 'poison':
        if (fault.texts.some((one) => text.includes(one))) {
          response.writeHead(400).end('one of these is poisoned');
          return;
        }
        break;
      case 'hang':
        return;
      case 'cut request':
        await this.#cutRequest(request, body);
        return;
      default:
    }
    const answer = await this.#forwarded(request, body).catch(() => undefined);
    if (answer === undefined) {
      this.#reset(request.socket);
      return;
    }
    seen.taken = answer.status >= 200 && answer.status < 300;
    if (fault.kind === 'slow') {
      return;
    }
    if (fault.kind === 'cut answer') {
      this.#cutAnswer(request.socket, answer);
      return;
    }
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  async #cutRequest(request: IncomingMessage, body: Buffer): Promise<void> {
    const onward = this.#onward(request, body.length);
    onward.on('error', () => undefined);
    onward.flushHeaders();
    const end = this.#options.below(Math.max(1, body.length));
    if (end > 0) {
      await new Promise<void>((resolve) => onward.write(body.subarray(0, end), () => resolve()));
    }
    onward.socket?.resetAndDestroy();
    onward.destroy();
    this.#reset(request.socket);
  }

  #cutAnswer(socket: Socket, { status, headers, body }: Answered): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const whole = Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Cut\r\n${lines.join('')}\r\n`), body]);
    const part = whole.subarray(0, this.#options.below(whole.length));
    socket.write(part, () => this.#reset(socket));
  }

  #onward(request: IncomingMessage, bytes: number): ReturnType<typeof requestOf> {
    const { host: _host, connection: _connection, 'transfer-encoding': _coding, ...headers } = request.headers;
    return requestOf(new URL(request.url ?? '/', this.#options.upstream), {
      method: request.method ?? 'POST',
      headers: { ...headers, 'content-length': bytes },
      agent: false,
    });
  }

  #forwarded(request: IncomingMessage, body: Buffer): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const onward = this.#onward(request, body.length);
      onward.once('error', reject);
      onward.once('response', (answer) => {
        bodyOf(answer).then((content) => {
          const { connection: _connection, 'transfer-encoding': _coding, ...headers } = answer.headers;
          const length = answer.statusCode === 204 ? {} : { 'content-length': String(content.length) };
          const kept = Object.entries({ ...headers, ...length }).map(([name, value]) => [name, String(value)]);
          resolve({ status: answer.statusCode ?? 0, headers: Object.fromEntries(kept), body: content });
        }, reject);
      });
      onward.end(body);
    });
  }
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

async function listening(server: HttpServer, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function plain(body: Buffer, { headers, url }: IncomingMessage): Buffer {
  // Loki says nothing of the snappy that its protobuf is packed in.
  const encoding = url?.endsWith('/push') === true ? 'snappy' : undefined;
  switch (headers['content-encoding'] ?? encoding) {
    case 'snappy':
      return Buffer.from(uncompressSync(body));
    case 'gzip':
      return gunzipSync(body);
    case 'zstd':
      return zstdDecompressSync(body);
    case 'deflate':
      return inflateSync(body);
    default:
      return body;
  }
}
