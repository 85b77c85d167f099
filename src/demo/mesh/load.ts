import { Agent } from 'node:http';
import { systemClock } from '../../lib/clock.ts';
import { type Answer, type GetPlan, get } from './http-get.ts';
import type { Place } from './place.ts';

const answerWithinMs = 20_000;
/** One page in so many is asked for by somebody who has signed in. */
const signedInEvery = 5;
const signedInAs = 'jason';
/** With every so many pages goes one of these: products that are there and not, and a path that the gateway does not let in. */
const otherEvery = 3;
const others = [
  '/api/v1/products',
  '/api/v1/products/0/ratings',
  '/api/v1/products/7',
  '/api/v1/products/0/reviews',
  '/favicon.ico',
];
/** Requests under way: no more than for so many seconds. */
const patienceSeconds = 8;
const leastWaiting = 16;

/** Asks for pages through the gateway, in an order that does not change, until `stop`. */
export class Load {
  readonly #gateway: Place;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #stop = new AbortController();
  #changed = new AbortController();
  #pagesPerSecond = 0;
  #sending: Promise<void> | undefined;
  #waiting = 0;
  #cookie: string | undefined;

  constructor(gateway: Place) {
    this.#gateway = gateway;
  }

  set pagesPerSecond(rate: number) {
    if (rate !== this.#pagesPerSecond) {
      this.#pagesPerSecond = rate;
      this.#changed.abort();
      this.#changed = new AbortController();
    }
  }

  start(): void {
    this.#sending = this.#send(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#sending;
    this.#agent.destroy();
  }

  async #send(signal: AbortSignal): Promise<void> {
    for (let next = 0; !signal.aborted; ) {
      const rate = this.#pagesPerSecond;
      if (rate > 0 && this.#waiting < Math.max(leastWaiting, rate * patienceSeconds)) {
        void this.#page(next);
        if (next % otherEvery === 0) {
          void this.#get(others[(next / otherEvery) % others.length] ?? '/');
        }
        next += 1;
      }
      const pauseMs = rate > 0 ? 1000 / rate : 3_600_000;
      await systemClock.sleep(pauseMs, AbortSignal.any([signal, this.#changed.signal])).catch(() => {});
    }
  }

  async #page(n: number): Promise<void> {
    if (n % signedInEvery !== 0) {
      await this.#get('/productpage');
      return;
    }
    this.#cookie ??= await this.#signIn();
    const answer = await this.#get('/productpage', this.#cookie);
    if (answer?.status === 200 && !answer.body.includes(signedInAs)) {
      this.#cookie = undefined;
    }
  }

  async #signIn(): Promise<string | undefined> {
    const answer = await this.#ask({
      path: '/login',
      method: 'POST',
      body: new URLSearchParams({ username: signedInAs, passwd: '' }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    return answer?.headers['set-cookie']?.[0]?.split(';')[0];
  }

  #get(path: string, cookie?: string): Promise<Answer | undefined> {
    return this.#ask({ path, headers: cookie === undefined ? {} : { cookie } });
  }

  async #ask({ headers, ...plan }: Pick<GetPlan, 'path' | 'method' | 'body' | 'headers'>): Promise<Answer | undefined> {
    this.#waiting += 1;
    const answer = await get({
      ...this.#gateway,
      ...plan,
      agent: this.#agent,
      headers: { host: 'bookinfo.example', 'user-agent': 'meshbridge-demo', ...headers },
      timeoutMs: answerWithinMs,
    });
    this.#waiting -= 1;
    return answer;
  }
}
