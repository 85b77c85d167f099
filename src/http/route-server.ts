import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { BridgeError } from '../contract/errors.ts';
import type { HttpResponse, HttpRoute } from '../contract/http.ts';
import type { Logger } from '../contract/runtime.ts';
import type { AccessPolicy, Refusal } from './access.ts';
import { BodyBudget, CallerGone, inflateFactor, readBody } from './body.ts';
import { codingOf, inflated } from './content-coding.ts';
import { corsOf, originHeaders, preflight } from './cors.ts';
import { Exchange, plainText } from './exchange.ts';
import { loginPage } from './login.ts';
import type { QuickRequest } from './quick-request.ts';
import { statusOf } from './status.ts';

/** Bodies in memory at once, over all listeners: some twenty of the largest that a route takes. */
const maxHeldBytes = 256 * 1024 * 1024;
const stallMs = 60_000;
const retryAfterSeconds = '1';
const maxParamBytes = 1_024;
const writeMethods = ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'];

interface FixedRoute {
  readonly method: string[];
  readonly path: string;
  answer(headers: Exchange['headers']): HttpResponse;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

function unreached(): never {
  throw new Error('the request was answered by a hook');
}

async function refused({ status, message }: Refusal, exchange: Exchange, route: HttpRoute): Promise<HttpResponse> {
  if (status === 401 && exchange.method === 'GET' && exchange.headers['accept']?.includes('text/html') === true) {
    const own = await route.loginPage?.();
    return own?.status === 200 ? { ...own, status } : loginPage;
  }
  return plainText(status, message, status === 401 ? { 'www-authenticate': 'Bearer realm="meshbridge"' } : {});
}

/**
 * Answers the requests of routes. Fastify finds routes with parameters; a route without any is found by one look-up,
 * because senders of spans post a few at a time and the way to the handler is most of what they cost.
 */
export class RouteServer {
  readonly #log: Logger;
  readonly #access: AccessPolicy;
  readonly budget = new BodyBudget(maxHeldBytes);
  #isClosing = false;

  constructor(options: { readonly log: Logger; readonly access: AccessPolicy }) {
    this.#log = options.log;
    this.#access = options.access;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** From now on every answer ends its connection. */
  stopKeepAlive(): void {
    this.#isClosing = true;
  }

  build(routes: readonly HttpRoute[]): { readonly app: FastifyInstance; readonly onRequest: Listener } {
    const app = fastify({
      exposeHeadRoutes: false,
      routerOptions: { maxParamLength: maxParamBytes },
      frameworkErrors: (error, request, reply) => this.#fixed(request, reply, plainText(400, error.message)),
    });
    // Hooks come before Fastify looks at the body: it only finds the route.
    app.addHook('onRequest', (request, reply, next) => {
      if (request.is404) {
        this.#fixed(request, reply, plainText(404, '404 Not Found'));
      } else {
        next();
      }
    });
    for (const [path, group] of Map.groupBy(routes, (route) => route.path)) {
      this.#register(app, path, group);
    }
    const plain = routes.filter((route) => !/[:*]/.test(route.path));
    const direct = new Map(plain.map((route) => [`${route.method} ${route.path}`, route]));
    const onRequest: Listener = (request, response) => {
      const route = direct.get(`${request.method} ${request.url}`);
      if (route === undefined) {
        app.routing(request, response);
      } else {
        void this.#serve(route, new Exchange(request, response));
      }
    };
    return { app, onRequest };
  }

  #register(app: FastifyInstance, path: string, group: readonly HttpRoute[]): void {
    for (const route of group) {
      app.route({
        method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
        url: path,
        onRequest: (request, reply) => {
          reply.hijack();
          const params = request.params as Readonly<Record<string, string>>;
          void this.#serve(route, new Exchange(request.raw, reply.raw, params));
        },
        handler: unreached,
      });
    }
    const cors = group.map(corsOf).find((one) => one !== undefined);
    if (cors !== undefined) {
      this.#registerFixed(app, { method: ['OPTIONS'], path, answer: (headers) => preflight(cors, headers) });
    }
    // As the reference Zipkin server: a path that is only read says so, one that is written to does not exist for others.
    if (group.every((route) => route.method === 'GET')) {
      const method = cors === undefined ? [...writeMethods, 'OPTIONS'] : writeMethods;
      const answer = plainText(405, '405 Method Not Allowed', { allow: 'GET, HEAD' });
      this.#registerFixed(app, { method, path, answer: () => answer });
    }
  }

  #registerFixed(app: FastifyInstance, route: FixedRoute): void {
    app.route({
      method: route.method,
      url: route.path,
      onRequest: (request, reply) =>
        this.#fixed(request, reply, route.answer(new Exchange(request.raw, reply.raw).headers)),
      handler: unreached,
    });
  }

  #fixed(request: FastifyRequest, reply: FastifyReply, answer: HttpResponse): void {
    reply.hijack();
    void this.#write(new Exchange(request.raw, reply.raw), answer);
  }

  async #serve(route: HttpRoute, exchange: Exchange): Promise<void> {
    try {
      const answer = await this.#answer(route, exchange);
      if (answer !== undefined) {
        await this.#write(exchange, this.#finished(answer, route, exchange));
      }
    } finally {
      this.budget.release(exchange.body.length);
    }
  }

  /** Undefined when nobody waits for an answer any more. */
  async #answer(route: HttpRoute, exchange: Exchange): Promise<HttpResponse | undefined> {
    const refusal = route.access === 'open' ? undefined : this.#access.refusal(exchange, route.access);
    if (refusal !== undefined) {
      return await refused(refusal, exchange, route);
    }
    try {
      await this.#readInto(exchange, route);
    } catch (error) {
      if (error instanceof BridgeError) {
        route.onRefused?.(error);
        exchange.endIfUnread();
      }
      return error instanceof CallerGone ? undefined : this.#fault(error, route);
    }
    try {
      return await route.handle(exchange);
    } catch (error) {
      return exchange.isGone ? undefined : this.#fault(error, route);
    }
  }

  async #readInto(exchange: Exchange, route: HttpRoute): Promise<void> {
    if (route.method === 'GET') {
      return;
    }
    const wire = await readBody(exchange.incoming, route.maxBodyBytes ?? 0, this.budget);
    exchange.body = wire;
    exchange.wireBytes = wire.length;
    await this.#inflate(exchange, route);
  }

  async #inflate(request: Exchange | QuickRequest, route: HttpRoute): Promise<void> {
    const wire = request.body;
    const coding = wire.length === 0 ? undefined : codingOf(request, route);
    if (coding !== undefined) {
      request.body = await inflated(wire, coding, (route.maxBodyBytes ?? 0) * inflateFactor, this.budget);
      this.budget.release(wire.length);
    }
  }

  /** Answers a post to an open route whose body is here. Never rejects; undefined when nobody waits for an answer any more. */
  async answerQuick(route: HttpRoute, request: QuickRequest): Promise<HttpResponse | undefined> {
    let held = 0;
    try {
      this.budget.hold(request.body.length);
      held = request.body.length;
      if (request.headers['content-encoding'] !== undefined) {
        await this.#inflate(request, route);
        held = request.body.length;
      }
    } catch (error) {
      this.budget.release(held);
      if (error instanceof BridgeError) {
        route.onRefused?.(error);
      }
      return this.#finished(this.#fault(error, route), route, request);
    }
    try {
      return this.#finished(await route.handle(request), route, request);
    } catch (error) {
      return request.isGone ? undefined : this.#finished(this.#fault(error, route), route, request);
    } finally {
      this.budget.release(held);
    }
  }

  #finished(answer: HttpResponse, route: HttpRoute, { headers }: Pick<Exchange, 'headers'>): HttpResponse {
    const cors = corsOf(route);
    return cors === undefined ? answer : { ...answer, headers: { ...answer.headers, ...originHeaders(cors, headers) } };
  }

  #fault(error: unknown, route: HttpRoute): HttpResponse {
    if (error instanceof BridgeError) {
      const status = statusOf(error.code);
      if (status !== 500) {
        const retry = status === 503 ? { 'retry-after': retryAfterSeconds } : {};
        const own = route.errorResponse?.(error, status);
        return own === undefined
          ? plainText(status, error.message, retry)
          : { ...own, headers: { ...retry, ...own.headers } };
      }
    }
    this.#log.error({ route: route.path, error }, 'A request failed unexpectedly.');
    return plainText(500, 'Internal error; the log of meshbridge has the reason');
  }

  async #write(exchange: Exchange, answer: HttpResponse): Promise<void> {
    try {
      if (this.#isClosing) {
        exchange.endConnection();
      }
      await exchange.write(answer, stallMs);
    } catch (error) {
      this.#log.error({ path: exchange.path, error }, 'A response broke off half-way.');
      exchange.cut();
    }
  }
}
