import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpRoute } from '../contract/http.ts';
import type { Clock, Logger } from '../contract/runtime.ts';
import type { AccessPolicy } from './access.ts';
import { acceptOf } from './frames.ts';
import { statusOf } from './status.ts';
import { closeCodes, WebSocketStream } from './web-socket.ts';

export interface StreamServerOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly access: AccessPolicy;
}

/** More would be somebody's mistake. */
const maxStreams = 256;
const noParams: Readonly<Record<string, string>> = {};

/** Takes the requests of one listener that ask for a WebSocket; all other upgrades are answered as if none had been asked for. */
export class StreamServer {
  readonly #options: StreamServerOptions;
  readonly #routes: ReadonlyMap<string, HttpRoute>;
  readonly #streams = new Set<WebSocketStream>();
  #isClosing = false;

  constructor(server: Server, routes: readonly HttpRoute[], options: StreamServerOptions) {
    this.#options = options;
    const streaming = routes.filter(({ openStream }) => openStream !== undefined);
    this.#routes = new Map(streaming.map((route) => [route.path, route]));
    server.on('upgrade', (request, socket, head) => {
      const route = this.#routes.get(pathOf(request));
      if (route !== undefined && isWebSocket(request)) {
        socket.on('error', () => socket.destroy());
        void this.#open(route, request, socket, head);
      } else {
        withoutUpgrade(server, request, socket, head);
      }
    });
  }

  /** Says goodbye to all. */
  close(): void {
    this.#isClosing = true;
    for (const stream of this.#streams) {
      stream.close(closeCodes.goingAway, 'the server stops');
    }
  }

  async #open(route: HttpRoute, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.once('close', () => gone.abort(new Error('the caller went away')));
    const asked = requestOf(request, gone.signal);
    const refusal = route.access === 'open' ? undefined : this.#options.access.refusal(asked, route.access);
    if (refusal !== undefined) {
      refuse(socket, refusal.status, refusal.message);
      return;
    }
    if (this.#isClosing || this.#streams.size >= maxStreams) {
      refuse(socket, 503, 'too many streams are open');
      return;
    }
    try {
      const run = await route.openStream?.(asked);
      if (run !== undefined && !gone.signal.aborted) {
        await this.#run(run, request, socket, head);
      }
    } catch (error) {
      refuse(socket, error instanceof BridgeError ? statusOf(error.code) : 500, this.#reason(error, route));
    }
  }

  async #run(
    run: (stream: WebSocketStream) => Promise<void>,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const accept = acceptOf(request.headers['sec-websocket-key'] ?? '');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    if (head.length > 0) {
      socket.unshift(head);
    }
    const stream = new WebSocketStream(socket, this.#options.clock);
    this.#streams.add(stream);
    stream.closed.addEventListener('abort', () => this.#streams.delete(stream), { once: true });
    try {
      await run(stream);
      stream.close(closeCodes.normal, '');
    } catch (error) {
      if (!stream.closed.aborted) {
        stream.close(closeCodes.failed, error instanceof BridgeError ? error.message : 'an internal error');
        this.#options.log.warn({ path: pathOf(request), error }, 'A stream broke off.');
      }
    }
  }

  #reason(error: unknown, { path }: HttpRoute): string {
    if (error instanceof BridgeError) {
      return error.message;
    }
    this.#options.log.error({ route: path, error }, 'A request failed unexpectedly.');
    return 'Internal error; the log of meshbridge has the reason';
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

function isWebSocket({ method, headers }: IncomingMessage): boolean {
  const key = Buffer.from(headers['sec-websocket-key'] ?? '', 'base64');
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    key.length === 16
  );
}

function requestOf(request: IncomingMessage, signal: AbortSignal): HttpRequest {
  const url = request.url ?? '/';
  const start = url.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: pathOf(request),
    params: noParams,
    query: new URLSearchParams(start < 0 ? '' : url.slice(start + 1)),
    headers: request.headers as Readonly<Record<string, string | undefined>>,
    body: Buffer.alloc(0),
    remoteAddress: request.socket.remoteAddress ?? '',
    signal,
  };
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  503: 'Service Unavailable',
};

function refuse(socket: Duplex, status: number, message: string): void {
  const body = `${message}\n`;
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}`,
    'content-type: text/plain; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Java's client asks every server for HTTP/2 at first: it is served as the others are. */
function withoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { rawHeaders, method = 'GET', url = '/' } = request;
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (!/^(?:upgrade|connection|http2-settings)$/i.test(name)) {
      lines.push(`${name}: ${value}`);
    }
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
