import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { BridgeError } from '../contract/errors.ts';
import type { GrpcListenerName, HttpRoute, ListenerName, Routes } from '../contract/http.ts';
import type { Clock, Logger } from '../contract/runtime.ts';
import type { ListenerStatus } from '../contract/status.ts';
import type { AccessPolicy } from './access.ts';
import { http2Refusal, isHttp2 } from './http2-refusal.ts';
import { QuickListener } from './quick-listener.ts';
import { RouteServer } from './route-server.ts';
import { StreamServer } from './stream-server.ts';

export interface ListenerSpec {
  readonly name: ListenerName;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** A default port that is taken is a warning, a written one is BRIDGE_START. */
  readonly onTaken: 'warn' | 'fail';
  /** PEM. Without it the listener speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface ListenersOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly access: AccessPolicy;
}

/** Time that a caller has for its headers, and for its whole request. A slow one costs a connection, nothing else. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
const timeoutCheckMs = 5_000;
/** Longer than senders that post now and then (Envoy: every 5 s) wait, so that a post seldom meets a closing connection. */
const keepAliveMs = 300_000;
const maxConnections = 4_096;
const closeGraceMs = 10_000;

interface OpenListener {
  readonly server: TcpServer;
  readonly connections: { closeIdleConnections(): void; closeAllConnections(): void };
  /** Called once nothing is under way any more. */
  close(): Promise<void>;
}

const grpcNames: Readonly<Record<GrpcListenerName, true>> = { otlp_grpc: true, jaeger_grpc: true };

function listen(server: TcpServer, spec: ListenerSpec): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: spec.host, port: spec.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function boundAddress(server: TcpServer): string {
  const { address, port } = server.address() as AddressInfo;
  return hostPort(address, port);
}

const whyNotBound: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not bind that port',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'that name is not known',
};

function bindFault(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  return whyNotBound[code] ?? code;
}

/** Answers what is not HTTP, or not in time; what is wrong with it is the status. */
function onClientError(error: Error & { code?: string }, socket: import('node:stream').Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  if (isHttp2(error)) {
    socket.end(http2Refusal());
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

function createHttpServer(
  tls: ListenerSpec['tls'],
  onRequest: (q: IncomingMessage, s: ServerResponse) => void,
): Server {
  const options = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    keepAliveTimeout: keepAliveMs,
    noDelay: true,
  };
  const server =
    tls === undefined ? createServer(options, onRequest) : createTlsServer({ ...options, ...tls }, onRequest);
  server.maxConnections = maxConnections;
  server.on('clientError', onClientError);
  return server;
}

/** All HTTP ports of the process: one table of routes, put on each listener that a route names. */
export class Listeners implements Routes {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #access: AccessPolicy;
  readonly #server: RouteServer;
  readonly #routes = new Map<string, HttpRoute>();
  #open: OpenListener[] = [];
  #isTableClosed = false;

  constructor(options: ListenersOptions) {
    this.#log = options.log;
    this.#clock = options.clock;
    this.#access = options.access;
    this.#server = new RouteServer(options);
  }

  /** Throws BRIDGE_CONFIG when the route is there already, and an Error once the listeners are open. */
  add(route: HttpRoute): void {
    if (this.#isTableClosed) {
      throw new Error(`${route.method} ${route.path} comes too late: the listeners are open`);
    }
    const key = `${route.method} ${route.path}`;
    if (this.#routes.has(key)) {
      throw new BridgeError('BRIDGE_CONFIG', `two components want to answer ${key}; give one of them another path`);
    }
    this.#routes.set(key, route);
  }

  /** Opens what can be opened. Rejects with BRIDGE_START, and leaves nothing open, when a port with `onTaken: 'fail'` is taken. */
  async open(specs: readonly ListenerSpec[]): Promise<ListenerStatus[]> {
    this.#isTableClosed = true;
    const statuses: ListenerStatus[] = [];
    try {
      for (const spec of specs) {
        statuses.push(await this.#openOne(spec));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    return statuses;
  }

  async #openOne(spec: ListenerSpec): Promise<ListenerStatus> {
    const routes = [...this.#routes.values()].filter((route) => route.listeners.includes(spec.name));
    const listener = spec.name in grpcNames ? await this.#grpc(routes) : await this.#http(routes, spec);
    const { server } = listener;
    try {
      await listen(server, spec);
    } catch (cause) {
      await listener.close();
      const address = hostPort(spec.host, spec.port);
      const off = `${address} cannot be opened: ${bindFault(cause)}`;
      if (spec.onTaken === 'fail') {
        throw new BridgeError('BRIDGE_START', `${off}; free it or write another address in [server]`, { cause });
      }
      this.#log.warn(
        { listener: spec.name, address, reason: bindFault(cause) },
        'A default port is taken and stays off.',
      );
      return { name: spec.name, off };
    }
    server.on('error', (error) => this.#log.error({ listener: spec.name, error }, 'A listener failed.'));
    this.#open.push(listener);
    return { name: spec.name, address: boundAddress(server) };
  }

  /** Stops accepting, lets requests in flight finish for a while, then cuts what is left. May be called more than once. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    this.#server.stopKeepAlive();
    await Promise.all(open.map((listener) => this.#closeOne(listener)));
  }

  async #http(routes: readonly HttpRoute[], spec: ListenerSpec): Promise<OpenListener> {
    const { app, onRequest } = this.#server.build(routes);
    const server = createHttpServer(spec.tls, onRequest);
    await app.ready();
    const quick = spec.tls === undefined ? this.#quick(server, routes) : undefined;
    const streams = routes.some(({ openStream }) => openStream !== undefined)
      ? new StreamServer(server, routes, { log: this.#log, clock: this.#clock, access: this.#access })
      : undefined;
    const close = async (): Promise<void> => {
      quick?.stop();
      await app.close();
    };
    const plain = quick ?? server;
    const connections = {
      closeIdleConnections: () => {
        streams?.close();
        plain.closeIdleConnections();
      },
      closeAllConnections: () => plain.closeAllConnections(),
    };
    return { server, connections, close };
  }

  async #grpc(routes: readonly HttpRoute[]): Promise<OpenListener> {
    const { GrpcServer } = await import('./grpc/grpc-server.ts');
    const connections = new GrpcServer(routes, {
      access: this.#access,
      budget: this.#server.budget,
      onFault: (error, path) => this.#log.error({ path, error }, 'A call failed.'),
    });
    return { server: connections.server, connections, close: () => Promise.resolve() };
  }

  #quick(server: Server, routes: readonly HttpRoute[]): QuickListener {
    const times = { headersMs: headersTimeoutMs, requestMs: requestTimeoutMs, keepAliveMs };
    return new QuickListener({
      server,
      routes,
      answers: this.#server,
      clock: this.#clock,
      times,
      checkMs: timeoutCheckMs,
    });
  }

  async #closeOne({ server, connections, close }: OpenListener): Promise<void> {
    const grace = new AbortController();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    connections.closeIdleConnections();
    const cut = this.#clock.sleep(closeGraceMs, grace.signal).then(
      () => connections.closeAllConnections(),
      () => undefined,
    );
    await closed;
    grace.abort();
    await cut;
    await close();
  }
}
