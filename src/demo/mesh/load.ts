import { Agent } from 'node:http';
import { systemClock } from '../../lib/clock.ts';
import type { Place } from '../bookinfo/service.ts';
import { get } from './http-get.ts';

const everyMs = 350;
const atMostWaiting = 16;
const answerWithinMs = 15_000;

/** Mostly the page. One product that is not there, ratings that fail at times, and a path that the gateway does not let in. */
const paths = [
  '/productpage',
  '/productpage',
  '/api/v1/products',
  '/productpage',
  '/productpage',
  '/api/v1/products/0/ratings',
  '/productpage',
  '/productpage',
  '/api/v1/products/7',
  '/productpage',
  '/productpage',
  '/api/v1/products/0/reviews',
  '/productpage',
  '/favicon.ico',
];

/** A few requests a second through the gateway, in an order that does not change, until `stop`. */
export class Load {
  readonly #gateway: Place;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;
  #waiting = 0;

  constructor(gateway: Place) {
    this.#gateway = gateway;
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
    for (let next = 0; !signal.aborted; next++) {
      if (this.#waiting < atMostWaiting) {
        void this.#sendOne(paths[next % paths.length] ?? '/');
      }
      await systemClock.sleep(everyMs, signal).catch(() => {});
    }
  }

  async #sendOne(path: string): Promise<void> {
    this.#waiting += 1;
    await get({
      ...this.#gateway,
      path,
      agent: this.#agent,
      headers: { host: 'bookinfo.example', 'user-agent': 'meshbridge-demo' },
      timeoutMs: answerWithinMs,
    });
    this.#waiting -= 1;
  }
}
