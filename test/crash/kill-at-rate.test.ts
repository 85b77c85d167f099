import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { expect, test } from '@jest/globals';
import { type Daemon, startDaemon } from '../e2e/daemon.ts';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';

const offeredPerSecond = 50_000;
const bodySpans = 100;
const connections = 64;
const kills = 3;
const lifeMs = 2_500;
const askAtOnce = 40;

test(
  `kill -9 while ${offeredPerSecond} spans a second are offered leaves every span that was answered 202 in the store once`,
  () => inTempDir(killAtRate),
  240_000,
);

/** A body of one trace; the trace id stands where the mark does. */
const mark = 'f'.repeat(32);
const template = JSON.stringify(
  Array.from({ length: bodySpans }, (_, i) => ({
    traceId: mark,
    id: (i + 1).toString(16).padStart(16, '0'),
    ...(i === 0 ? {} : { parentId: '0000000000000001' }),
    name: 'reviews.prod.svc.cluster.local:9080/*',
    kind: i % 2 === 0 ? 'SERVER' : 'CLIENT',
    timestamp: 1_790_000_000_000_000 + i,
    duration: 1_500 + i,
    localEndpoint: { serviceName: 'reviews.prod', ipv4: '10.0.0.7', port: 0 },
    tags: { component: 'proxy', 'http.status_code': '200', 'http.method': 'GET', upstream_cluster: 'inbound|9080||' },
  })),
);

/** Offers bodies at a fixed rate, whoever listens, and notes what became of each. */
class Offer {
  /** Trace ids. */
  readonly acknowledged: string[] = [];
  /** Cut off or refused: they may be stored or not. */
  readonly unknown: string[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: connections });
  readonly #port: number;
  #underWay = 0;
  #stopped = false;

  constructor(port: number) {
    this.#port = port;
  }

  /** Ends when it was stopped and nothing is under way. What finds no connection free is not offered. */
  async run(): Promise<void> {
    const startMs = performance.now();
    for (let offered = 0; !this.#stopped; await new Promise((resolve) => setTimeout(resolve, 2))) {
      const due = ((performance.now() - startMs) / 1000) * (offeredPerSecond / bodySpans);
      for (; offered < due; offered += 1) {
        if (this.#underWay < connections) {
          this.#underWay += 1;
          void this.#one();
        }
      }
    }
    await until(() => this.#underWay === 0, { what: 'all requests answered' });
    this.#agent.destroy();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #one(): Promise<void> {
    const traceId = randomBytes(16).toString('hex');
    const status = await this.#post(template.replaceAll(mark, traceId)).catch(() => 0);
    (status === 202 ? this.acknowledged : this.unknown).push(traceId);
    this.#underWay -= 1;
  }

  #post(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': body.length };
      const out = request(
        { host: '127.0.0.1', port: this.#port, path: '/api/v2/spans', method: 'POST', agent: this.#agent, headers },
        (response) => {
          response.resume();
          response.once('end', () => resolve(response.statusCode ?? 0));
          response.once('error', reject);
        },
      );
      out.once('error', reject);
      out.end(body);
    });
  }
}

async function killAtRate(dir: string): Promise<void> {
  const port = await freePort();
  const start = (): Promise<Daemon> => startDaemon({ dir, port, readyMs: 90_000 });
  let daemon = await start();
  const offer = new Offer(port);
  const offering = offer.run();
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const before = offer.acknowledged.length;
      await new Promise((resolve) => setTimeout(resolve, lifeMs));
      expect(await daemon.end('SIGKILL')).toBe('SIGKILL');
      expect(offer.acknowledged.length).toBeGreaterThan(before + 20);
      daemon = await start();
    }
    offer.stop();
    await offering;
    await until(async () => isStored(await daemon.status()), { withinMs: 120_000, what: 'everything in the store' });
    const copies = await copiesOf(daemon, [...offer.acknowledged, ...offer.unknown]);
    const notOnce = offer.acknowledged.filter((id) => copies.get(id) !== 'once');
    expect(notOnce.map((id) => [id, copies.get(id)])).toEqual([]);
    const half = offer.unknown.filter((id) => !['once', undefined].includes(copies.get(id)));
    expect(half.map((id) => [id, copies.get(id)])).toEqual([]);
  } finally {
    offer.stop();
    await daemon.end('SIGKILL');
    await offering.catch(() => undefined);
  }
}

type Status = Awaited<ReturnType<Daemon['status']>>;

function isStored({ lanes }: Status): boolean {
  const store = lanes.find(({ signal }) => signal === 'traces')?.outputs.find(({ output }) => output === 'store');
  return store?.queuedItems === 0;
}

/** Of each trace that the store knows: whether it has each of its spans once. */
async function copiesOf(daemon: Daemon, ids: readonly string[]): Promise<Map<string, string>> {
  const copies = new Map<string, string>();
  for (let i = 0; i < ids.length; i += askAtOnce) {
    // One more that nobody sent, since a single id is not asked for in this way.
    const traceIds = [...ids.slice(i, i + askAtOnce), mark].join(',');
    const response = await fetch(`${daemon.url}/api/v2/traceMany?traceIds=${traceIds}`);
    expect(response.status).toBe(200);
    const traces: readonly (readonly { readonly traceId: string; readonly id: string }[])[] = JSON.parse(
      await response.text(),
    );
    for (const trace of traces) {
      const different = new Set(trace.map(({ id }) => id)).size;
      const isWhole = trace.length === bodySpans && different === bodySpans;
      copies.set(trace[0]?.traceId ?? '', isWhole ? 'once' : `${trace.length} spans, ${different} different`);
    }
  }
  return copies;
}
