import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import { type Answer, get } from '../mesh/http-get.ts';
import { close, listen } from '../mesh/listening.ts';
import type { Place } from '../mesh/place.ts';
import { servicePort } from '../mesh/topology.ts';
import type { AppContext, Application, Call, MakeApplication, Reply, Visit, WaysOut } from './application.ts';

/** They keep the calls of a service in its caller's trace. */
const traceHeaders = [
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'b3',
  'traceparent',
  'tracestate',
];
/** What else a service passes on with its calls. */
const otherHeaders = ['x-request-id', 'end-user', 'user-agent'];
const maxBodyBytes = 64 * 1024;

/** The container beside a sidecar. */
export class Service {
  readonly #context: AppContext;
  readonly #out: WaysOut;
  readonly #application: Application;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;
  readonly #answered = new Map<number, number>();

  constructor(make: MakeApplication, context: AppContext, out: WaysOut) {
    this.#context = context;
    this.#out = out;
    this.#application = make(context);
    this.#server = createServer((request, response) => {
      void this.#serve(request).then(({ status, type = 'application/json', headers = {}, body }) =>
        response.writeHead(status, { 'content-type': type, ...headers }).end(body),
      );
    });
  }

  async start(at: Place): Promise<void> {
    await listen(this.#server, at.host, at.port);
    this.#application.start?.(this.#out);
  }

  /** Requests under way are cut off. */
  async stop(): Promise<void> {
    await this.#application.stop?.();
    this.#agent.destroy();
    await close(this.#server);
  }

  async #serve(request: IncomingMessage): Promise<Reply> {
    const { method = 'GET', url: path = '/', headers } = request;
    if (path === '/metrics') {
      request.resume();
      return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: this.#metrics() };
    }
    const startedMs = performance.now();
    const body = await bodyOf(request);
    const visit: Visit = { method, path, headers, body, call: (call) => this.#call(headers, call) };
    const reply = await this.#application.answer(visit);
    this.#application.served(visit, reply, performance.now() - startedMs);
    this.#answered.set(reply.status, (this.#answered.get(reply.status) ?? 0) + 1);
    return reply;
  }

  /** The page that applications have themselves, which the agent of the pod merges with its own. */
  #metrics(): string {
    const { app, version } = this.#context.workload;
    const lines = [...this.#answered].map(
      ([code, count]) => `bookinfo_answers_total{service="${app}",revision="${version}",code="${code}"} ${count}`,
    );
    const help = '# HELP bookinfo_answers_total Requests that the application has answered.';
    return `${[help, '# TYPE bookinfo_answers_total counter', ...lines].join('\n')}\n`;
  }

  async #call(incoming: IncomingHttpHeaders, call: Call): Promise<Answer | undefined> {
    const isTraced = !this.#context.conditions().appsWithoutTraceHeaders.includes(this.#context.workload.app);
    const passedOn = (isTraced ? [...traceHeaders, ...otherHeaders] : otherHeaders).flatMap((name) =>
      incoming[name] === undefined ? [] : [[name, incoming[name]]],
    );
    const all: IncomingHttpHeaders = {
      ...Object.fromEntries(passedOn),
      ...call.headers,
      host: `${call.service}:${servicePort}`,
    };
    const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return get({
      ...this.#out.http,
      path: call.path,
      headers,
      agent: this.#agent,
      timeoutMs: call.withinMs,
    });
  }
}

/** Of what is longer, the beginning; empty where the sender went away. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) {
      chunks.push(chunk);
    }
  });
  request.on('end', () => resolve(Buffer.concat(chunks).toString()));
  request.on('error', () => resolve(''));
  return promise;
}
