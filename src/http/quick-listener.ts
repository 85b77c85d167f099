import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpResponse, HttpRoute } from '../contract/http.ts';
import type { Clock } from '../contract/runtime.ts';
import { BodyMemory } from './body-memory.ts';
import { QuickConnection, type QuickHost, type QuickTimes } from './quick-connection.ts';
import type { QuickRequest } from './quick-request.ts';
import type { RouteServer } from './route-server.ts';

export interface QuickListenerOptions {
  readonly server: Server;
  readonly routes: readonly HttpRoute[];
  readonly answers: RouteServer;
  readonly clock: Clock;
  readonly times: QuickTimes;
  readonly checkMs: number;
}

/**
 * Stands before node's HTTP server and reads what is plain by itself: posts to open routes, which come by the ten thousand a
 * second and cost more to read than to handle. All other connections, and these from the first unusual request on, are node's.
 */
export class QuickListener implements QuickHost {
  readonly routes = new Map<string, HttpRoute>();
  readonly times: QuickTimes;
  readonly memory = new BodyMemory();
  readonly #server: Server;
  readonly #answers: RouteServer;
  readonly #clock: Clock;
  readonly #connections = new Set<QuickConnection>();
  readonly #own: readonly ((socket: Socket) => void)[];
  readonly #timer: NodeJS.Timeout;
  #dateSecond = 0;
  #date = '';

  constructor({ server, routes, answers, clock, times, checkMs }: QuickListenerOptions) {
    this.serve(routes);
    this.times = times;
    this.#server = server;
    this.#answers = answers;
    this.#clock = clock;
    this.#own = server.listeners('connection').map((listener) => (socket) => listener.call(server, socket));
    server.removeAllListeners('connection');
    server.on('connection', (socket) => this.#connections.add(new QuickConnection(socket, this)));
    this.#timer = setInterval(() => this.#check(), checkMs).unref();
  }

  /** From the next request on. The connections look into the same table. */
  serve(routes: readonly HttpRoute[]): void {
    const open = routes.filter(
      ({ method, path, access }) => method === 'POST' && access === 'open' && !/[:*]/.test(path),
    );
    this.routes.clear();
    for (const route of open) {
      this.routes.set(`${route.method} ${route.path}`, route);
    }
  }

  get budget(): QuickHost['budget'] {
    return this.#answers.budget;
  }

  nowMs(): number {
    return this.#clock.now();
  }

  date(): string {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(second * 1000).toUTCString();
    }
    return this.#date;
  }

  answer(route: HttpRoute, request: QuickRequest): Promise<HttpResponse | undefined> {
    return this.#answers.answerQuick(route, request);
  }

  isClosing(): boolean {
    return this.#answers.isClosing;
  }

  handOver(connection: QuickConnection, socket: Socket): void {
    this.#connections.delete(connection);
    for (const listener of this.#own) {
      listener(socket);
    }
  }

  closed(connection: QuickConnection): void {
    this.#connections.delete(connection);
  }

  closeIdleConnections(): void {
    this.#server.closeIdleConnections();
    for (const connection of this.#connections) {
      if (connection.isIdle) {
        connection.end();
      }
    }
  }

  closeAllConnections(): void {
    this.#server.closeAllConnections();
    for (const connection of this.#connections) {
      connection.cut();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const nowMs = this.#clock.now();
    for (const connection of this.#connections) {
      connection.check(nowMs);
    }
  }
}
