import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../lib/clock.ts';

/** Headers that a service of a mesh passes on, so that its calls stay in the caller's trace. */
const passedOn = ['x-request-id', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags'];

/** What each product of the demo is for. */
const products = {
  withoutRatings: 2,
  slowRatings: 3,
  brokenReviews: 4,
} as const;

export interface BookinfoLog {
  readonly level: 'info' | 'error';
  readonly msg: string;
  readonly trace_id: string;
  readonly path: string;
  readonly status: number;
  readonly duration_ms: number;
}

/** Two small services of Bookinfo: `reviews`, and `ratings`, which reviews calls. */
export class Bookinfo {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #log: (line: BookinfoLog) => void;
  readonly #reviews: Server;
  readonly #ratings: Server;
  /** Where reviews reaches ratings: the sidecar's way out. */
  #ratingsVia: number | undefined;

  constructor(log: (line: BookinfoLog) => void) {
    this.#log = log;
    this.#reviews = createServer((incoming, response) => void this.#answerReviews(incoming, response));
    this.#ratings = createServer((incoming, response) => void answerRatings(incoming, response));
  }

  /** The ports that the two got. */
  async start(): Promise<{ readonly reviewsPort: number; readonly ratingsPort: number }> {
    return { reviewsPort: await listen(this.#reviews), ratingsPort: await listen(this.#ratings) };
  }

  reachRatingsVia(port: number): void {
    this.#ratingsVia = port;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await Promise.all([this.#reviews, this.#ratings].map(close));
  }

  async #answerReviews(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const path = incoming.url ?? '/';
    const { status, body } = await this.#reviewsOf(productOf(path), incoming);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    this.#log({
      level: status === 500 ? 'error' : 'info',
      msg: status === 500 ? 'the reviews of this product cannot be read' : 'reviews answered',
      trace_id: String(incoming.headers['x-b3-traceid'] ?? ''),
      path,
      status,
      duration_ms: Math.round(performance.now() - startedMs),
    });
  }

  async #reviewsOf(product: number, incoming: IncomingMessage): Promise<{ status: number; body: object }> {
    if (product === products.brokenReviews) {
      return { status: 500, body: { error: 'the reviews of this product cannot be read' } };
    }
    const stars = await this.#starsOf(product, incoming);
    const rating = stars === undefined ? { error: 'ratings are not to be had now' } : { stars };
    return { status: 200, body: { id: product, reviews: [{ text: 'A play worth two evenings.', rating }] } };
  }

  async #starsOf(product: number, incoming: IncomingMessage): Promise<number | undefined> {
    const headers = Object.fromEntries(
      passedOn.flatMap((name) => (incoming.headers[name] === undefined ? [] : [[name, incoming.headers[name]]])),
    );
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    const call = request(
      {
        host: '127.0.0.1',
        port: this.#ratingsVia,
        path: `/ratings/${product}`,
        headers: { ...headers, host: 'ratings:9080', 'user-agent': 'reviews-v1' },
        agent: this.#agent,
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode === 200 ? 5 - (product % 3) : undefined));
      },
    );
    call.on('error', () => resolve(undefined));
    call.end();
    return promise;
  }
}

async function answerRatings(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const product = productOf(incoming.url ?? '/');
  await systemClock.sleep(product === products.slowRatings ? 700 : 10);
  const status = product === products.withoutRatings ? 503 : 200;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ id: product }));
}

function productOf(path: string): number {
  return Number(/\/(\d+)$/.exec(path)?.[1] ?? 0);
}

async function listen(server: Server): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  return port;
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
