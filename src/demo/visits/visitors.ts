import { systemClock } from '../../lib/clock.ts';
import { get } from '../mesh/http-get.ts';
import type { Place } from '../mesh/place.ts';
import { rumLine } from './rum-lines.ts';
import { Visit, type Visitor } from './visit.ts';

const firstAfterMs = 10_000;
const everyMs = 60_000;
const answerWithinMs = 10_000;
const people = 12;
const browsers = ['Chrome', 'Firefox', 'Safari', 'Edge'] as const;
const systems = ['Windows', 'Mac OS', 'Linux', 'Android'] as const;

export interface VisitorsPlan {
  readonly gateway: Place;
  /** Listener that takes `POST /v1/write/rum`. */
  readonly rum: Place;
  /** Default: one visit after 10 s, and then one a minute. */
  readonly pace?: { readonly firstAfterMs: number; readonly everyMs: number };
}

/** People who visit the shop with their browsers, one a minute, until `stop`. */
export class Visitors {
  readonly #plan: VisitorsPlan;
  readonly #stop = new AbortController();
  #visiting: Promise<void> | undefined;

  constructor(plan: VisitorsPlan) {
    this.#plan = plan;
  }

  start(): void {
    this.#visiting = this.#visit(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#visiting;
  }

  async #visit(signal: AbortSignal): Promise<void> {
    const { pace = { firstAfterMs, everyMs } } = this.#plan;
    await pause(pace.firstAfterMs, signal);
    for (let n = 0; !signal.aborted; n++) {
      await this.#one(visitorOf(n));
      await pause(pace.everyMs, signal);
    }
  }

  async #one(visitor: Visitor): Promise<void> {
    const visit = new Visit(this.#plan.gateway, visitor);
    await visit.make();
    const body = visit.points.map(rumLine).join('\n');
    await get({
      ...this.#plan.rum,
      path: '/v1/write/rum?precision=ms',
      method: 'POST',
      headers: { 'content-type': 'text/plain;charset=UTF-8', 'content-length': String(Buffer.byteLength(body)) },
      body,
      timeoutMs: answerWithinMs,
    });
  }
}

/** The same people in the same order. Every third signs in, and every fourth meets a fault of the page's script. */
export function visitorOf(n: number): Visitor {
  return {
    user: `visitor-${(n % people) + 1}`,
    signsInAs: n % 3 === 1 ? 'jason' : undefined,
    browser: browsers[n % browsers.length] ?? '',
    os: systems[Math.floor(n / 2) % systems.length] ?? '',
    meetsError: n % 4 === 2,
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await systemClock.sleep(ms, signal).catch(() => {});
}
