import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import { type Answer, get } from '../mesh/http-get.ts';
import { close, listen } from '../mesh/listening.ts';
import { servicePort, type Workload } from '../mesh/topology.ts';

/** Headers that a service passes on with its calls: they keep the calls in the caller's trace, and say for whom they are. */
const passedOn = [
  'x-request-id',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'b3',
  'traceparent',
  'tracestate',
  'end-user',
  'user-agent',
];
const callWithinMs = 3000;

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Reply {
  readonly status: number;
  readonly type?: 'application/json' | 'text/html; charset=utf-8' | 'text/plain; charset=utf-8';
  readonly body: string;
  /** What went wrong behind an answer that is good all the same; for the log. */
  readonly problem?: string;
}

export interface Visit {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Asks another service by way of the own sidecar. Undefined where no answer came within 3 s. */
  call(service: string, path: string): Promise<Answer | undefined>;
}

/** What the application of a pod does. It writes its log lines itself, as each language does in its own way. */
export interface Application {
  answer(visit: Visit): Promise<Reply>;
  /** Called when the reply has gone out. */
  served(visit: Visit, reply: Reply, durationMs: number): void;
}

export type WriteLine = (stream: 'stdout' | 'stderr', line: string) => void;
export type MakeApplication = (workload: Workload, write: WriteLine) => Application;

/** The container beside a sidecar. */
export class Service {
  readonly #application: Application;
  readonly #sidecar: Place;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;

  /** `sidecar` is the way out. */
  constructor(application: Application, sidecar: Place) {
    this.#application = application;
    this.#sidecar = sidecar;
    this.#server = createServer((request, response) => {
      void this.#serve(request).then(({ status, type = 'application/json', body }) =>
        response.writeHead(status, { 'content-type': type }).end(body),
      );
    });
  }

  async start(at: Place): Promise<void> {
    await listen(this.#server, at.host, at.port);
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await close(this.#server);
  }

  async #serve(request: IncomingMessage): Promise<Reply> {
    const startedMs = performance.now();
    request.resume();
    const { method = 'GET', url: path = '/', headers } = request;
    const visit: Visit = { method, path, headers, call: (service, at) => this.#call(headers, service, at) };
    const reply = await this.#application.answer(visit);
    this.#application.served(visit, reply, performance.now() - startedMs);
    return reply;
  }

  async #call(incoming: IncomingHttpHeaders, service: string, path: string): Promise<Answer | undefined> {
    const headers = Object.fromEntries(
      passedOn.flatMap((name) => (incoming[name] === undefined ? [] : [[name, incoming[name]]])),
    );
    return get({
      ...this.#sidecar,
      path,
      headers: { ...headers, host: `${service}:${servicePort}` },
      agent: this.#agent,
      timeoutMs: callWithinMs,
    });
  }
}

/** The number at the end of a path; undefined where there is none. */
export function numberIn(path: string): number | undefined {
  const digits = /\/(\d+)(?:\/\w+)?$/.exec(path)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
