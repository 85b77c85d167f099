import { Agent, request } from 'node:http';
import { systemClock } from '../lib/clock.ts';

const everyMs = 300;
const atMostWaiting = 16;

/** Mostly good requests, some slow ones, some that fail. */
const paths = [0, 1, 5, 0, 3, 1, 0, 2, 5, 1, 0, 4].map((product) => `/reviews/${product}`);

/** A few requests a second, in an order that does not change, until `stop`. */
export class Load {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;
  #waiting = 0;

  constructor(port: number) {
    this.#port = port;
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
        this.#sendOne(paths[next % paths.length] ?? '/');
      }
      await systemClock.sleep(everyMs, signal).catch(() => {});
    }
  }

  #sendOne(path: string): void {
    this.#waiting += 1;
    const done = () => {
      this.#waiting -= 1;
    };
    const sent = request(
      {
        host: '127.0.0.1',
        port: this.#port,
        path,
        agent: this.#agent,
        headers: { host: 'reviews:9080', 'user-agent': 'meshbridge-demo' },
      },
      (answer) => answer.resume(),
    );
    sent.on('error', () => {});
    sent.on('close', done);
    sent.end();
  }
}
