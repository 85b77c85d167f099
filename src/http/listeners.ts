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
  readonly name: ListenerName;
  readonly server: TcpServer;
  /** From the next request on these are answered, in place of those before. */
  serve(routes: readonly HttpRoute[]): Promise<void>;
  readonly connections: { closeIdleConnections(): void; closeAllConnections(): void };
  /** Called once nothing is under way any more. */
  close(): Promise<void>;
}

type Opened = Omit<OpenListener, 'name'>;

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
  #routes = new Map<string, HttpRoute>();
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
    this.#put(this.#routes, route);
  }

  /**
   * Takes routes away and puts others in their place, while the listeners are open: no connection is closed, and what is under
   * way is answered by the route that it came for. Throws BRIDGE_CONFIG, and changes nothing, when a route is there already.
   */
  async exchange(gone: readonly HttpRoute[], come: readonly HttpRoute[]): Promise<void> {
    this.#routes = this.#exchanged(gone, come);
    const touched = new Set([...gone, ...come].flatMap((route) => route.listeners));
    await Promise.all(
      this.#open
        .filter(({ name }) => touched.has(name))
        .map((listener) => listener.serve(this.#routesOf(listener.name))),
    );
  }

  /** Throws what `exchange` would. */
  checkExchange(gone: readonly HttpRoute[], come: readonly HttpRoute[]): void {
    this.#exchanged(gone, come);
  }

  #exchanged(gone: readonly HttpRoute[], come: readonly HttpRoute[]): Map<string, HttpRoute> {
    const without = new Set(gone);
    const routes = new Map([...this.#routes].filter(([, route]) => !without.has(route)));
    for (const route of come) {
      this.#put(routes, route);
    }
    return routes;
  }

  #put(into: Map<string, HttpRoute>, route: HttpRoute): void {
    const key = `${route.method} ${route.path}`;
    if (into.has(key)) {
      throw new BridgeError('BRIDGE_CONFIG', `two components want to answer ${key}; give one of them another path`);
    }
    into.set(key, route);
  }

  #routesOf(name: ListenerName): HttpRoute[] {
    return [...this.#routes.values()].filter((route) => route.listeners.includes(name));
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
    const routes = this.#routesOf(spec.name);
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
    this.#open.push({ ...listener, name: spec.name });
    return { name: spec.name, address: boundAddress(server) };
  }

  /** Stops accepting, lets requests in flight finish for a while, then cuts what is left. May be called more than once. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    this.#server.stopKeepAlive();
    await Promise.all(open.map((listener) => this.#closeOne(listener)));
  }

  async #http(routes: readonly HttpRoute[], spec: ListenerSpec): Promise<Opened> {
    let built = this.#server.build(routes);
    const server = createHttpServer(spec.tls, (request, response) => built.onRequest(request, response));
    await built.app.ready();
    const quick = spec.tls === undefined ? this.#quick(server, routes) : undefined;
    const streams = routes.some(({ openStream }) => openStream !== undefined)
      ? new StreamServer(server, routes, { log: this.#log, clock: this.#clock, access: this.#access })
      : undefined;
    const close = async (): Promise<void> => {
      quick?.stop();
      await built.app.close();
    };
    const serve = async (others: readonly HttpRoute[]): Promise<void> => {
      const { app: old } = built;
      const next = this.#server.build(others);
      await next.app.ready();
      built = next;
      quick?.serve(others);
      await old.close();
    };
    const plain = quick ?? server;
    const connections = {
      closeIdleConnections: () => {
        streams?.close();
        plain.closeIdleConnections();
      },
      closeAllConnections: () => plain.closeAllConnections(),
    };
    return { server, connections, serve, close };
  }

  async #grpc(routes: readonly HttpRoute[]): Promise<Opened> {
    const { GrpcServer } = await import('./grpc/grpc-server.ts');
    const connections = new GrpcServer(routes, {
      access: this.#access,
      budget: this.#server.budget,
      onFault: (error, path) => this.#log.error({ path, error }, 'A call failed.'),
    });
    const serve = (others: readonly HttpRoute[]): Promise<void> => Promise.resolve(connections.serve(others));
    return { server: connections.server, connections, serve, close: () => Promise.resolve() };
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
