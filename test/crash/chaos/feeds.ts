import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeShape } from '../../../src/codec/metric-frame/metric-frame.ts';
import { WriteRequestEncoder } from '../../../src/codec/remote-write/remote-write.ts';
import type { Series } from '../../../src/model/metric.ts';
import type { Sent } from './oracle.ts';

const everyMs = 50;
const answerWithinMs = 10_000;

export const idPattern = /chaos-[a-z]+-\d{7}/g;

export function idOf(kind: string, number: number): string {
  return `chaos-${kind}-${String(number).padStart(7, '0')}`;
}

export function traceIdOf(id: string): string {
  return `c${id.slice(-7).padStart(31, '0')}`;
}

interface FeedBody {
  readonly path: string;
  readonly type: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** Posts items at a steady rate to whoever listens, and notes which were taken. */
export class Feed implements Sent {
  readonly kind: string;
  readonly acknowledged: string[] = [];
  readonly unknown: string[] = [];
  readonly #each: number;
  readonly #bodyOf: (ids: readonly string[]) => FeedBody;
  #made = 0;
  #stopped = false;

  constructor(kind: string, each: number, bodyOf: (ids: readonly string[]) => FeedBody) {
    this.kind = kind;
    this.#each = each;
    this.#bodyOf = bodyOf;
  }

  async run(url: string): Promise<void> {
    for (let next = performance.now(); !this.#stopped; next += everyMs) {
      const ids = Array.from({ length: this.#each }, () => {
        this.#made += 1;
        return idOf(this.kind, this.#made);
      });
      const taken = await this.#post(url, ids).catch(() => false);
      (taken ? this.acknowledged : this.unknown).push(...ids);
      next = Math.max(next, performance.now() - everyMs);
      await delay(Math.max(1, next + everyMs - performance.now()));
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async #post(url: string, ids: readonly string[]): Promise<boolean> {
    const { path, type, body } = this.#bodyOf(ids);
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
      signal: AbortSignal.timeout(answerWithinMs),
    });
    const text = await answer.text();
    // OTLP says of a part that it is not wanted with a 200.
    return answer.ok && !text.includes('rejected');
  }
}

const json = (path: string, body: object): FeedBody => ({ path, type: 'application/json', body: JSON.stringify(body) });
const nanos = (): string => `${Date.now()}000000`;
const attribute = (key: string, value: string): object => ({ key, value: { stringValue: value } });
const resource = { attributes: [attribute('service.name', 'chaos')] };

const encoder = new WriteRequestEncoder({ maxRequestBytes: 1024 * 1024, maxTemplateBytes: 0 });

function writeRequest(ids: readonly string[]): Uint8Array<ArrayBuffer> {
  const family = { name: 'chaos_written', type: 'gauge', measurement: 'chaos', field: 'written' } as const;
  const series = ids.map((id): Series => ({ ...family, labels: [['id', id]] }));
  const shape = { id: encodeShape(series).id, series };
  const [request] = encoder.encode([{ shape, timestampMs: Date.now(), values: new Float64Array(ids.length) }]);
  return new Uint8Array(request ?? []);
}

/** One for each input that is posted to. */
export function allFeeds(): readonly Feed[] {
  return [
    new Feed('span', 5, (ids) =>
      json(
        '/api/v2/spans',
        ids.map((id) => ({
          traceId: traceIdOf(id),
          id: traceIdOf(id).slice(16),
          name: id,
          kind: 'SERVER',
          timestamp: Date.now() * 1000,
          duration: 1500,
          localEndpoint: { serviceName: 'chaos' },
        })),
      ),
    ),
    new Feed('record', 2, (ids) => {
      const logRecords = ids.map((id) => ({ timeUnixNano: nanos(), body: { stringValue: `${id} over OTLP` } }));
      return json('/v1/logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
    }),
    new Feed('point', 1, (ids) => {
      const dataPoints = ids.map((id) => ({ attributes: [attribute('id', id)], timeUnixNano: nanos(), asDouble: 1 }));
      const metrics = [{ name: 'chaos_measured', gauge: { dataPoints } }];
      return json('/v1/metrics', { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] });
    }),
    new Feed('pushed', 2, (ids) => {
      const values = ids.map((id) => [nanos(), `${id} over Loki`]);
      return json('/loki/api/v1/push', { streams: [{ stream: { app: 'chaos' }, values }] });
    }),
    new Feed('written', 2, (ids) => ({
      path: '/api/v1/write',
      type: 'application/x-protobuf',
      body: writeRequest(ids),
    })),
    new Feed('view', 1, (ids) => ({
      path: '/v1/write/rum?precision=ms',
      type: 'text/plain',
      body: ids.map((id) => `view,app_id=a,session_id=s,view_id=${id} time_spent=1 ${Date.now()}`).join('\n'),
    })),
  ];
}

/** Writes lines of a container at a steady rate, as containerd does, and renames the file now and then. */
export class Container implements Sent {
  readonly kind = 'line';
  /** What stands in a file is never lost. */
  readonly acknowledged: string[] = [];
  readonly unknown: readonly string[] = [];
  readonly #path: string;
  #rotations = 0;
  #stopped = false;

  constructor(root: string) {
    this.#path = join(root, 'prod_chaos-0_9c1f0000-0000-4000-8000-000000000001', 'chaos', '0.log');
  }

  async run(): Promise<void> {
    await mkdir(join(this.#path, '..'), { recursive: true });
    await writeFile(this.#path, '');
    for (let rounds = 1; !this.#stopped; rounds += 1) {
      const ids = Array.from({ length: 10 }, (_, i) => idOf(this.kind, this.acknowledged.length + i + 1));
      const time = new Date().toISOString().replace('Z', '000000Z');
      await appendFile(this.#path, ids.map((id) => `${time} stdout F ${id} ${'.'.repeat(300)}\n`).join(''));
      this.acknowledged.push(...ids);
      if (rounds % 200 === 0) {
        this.#rotations += 1;
        await rename(this.#path, `${this.#path}.20261121-${String(this.#rotations).padStart(6, '0')}`);
        await writeFile(this.#path, '');
      }
      await delay(everyMs);
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** A page of ten series, all with the number of the page as their value. */
export class Page {
  static readonly series = 10;
  pages = 0;
  /** From then on there is nothing to scrape. */
  isOver = false;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((_, response) => {
      if (this.isOver) {
        response.writeHead(503).end();
        return;
      }
      this.pages += 1;
      const lines = Array.from({ length: Page.series }, (_none, i) => `chaos_scraped{series="${i}"} ${this.pages}\n`);
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
      response.end(`# TYPE chaos_scraped gauge\n${lines.join('')}`);
    });
  }

  static async start(): Promise<Page> {
    const page = new Page();
    await new Promise<void>((resolve) => page.#server.listen(0, '127.0.0.1', resolve));
    return page;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/metrics`;
  }

  /** Every sample that it ever gave out; which of them the daemon kept, nobody was told. */
  sent(): Sent {
    const numbers = Array.from({ length: this.pages * Page.series }, (_, i) => i + 1);
    return {
      kind: 'sample',
      acknowledged: [],
      leastAcknowledged: 0,
      unknown: numbers.map((number) => idOf('sample', number)),
    };
  }

  static idOf(series: string, value: number): string {
    return idOf('sample', (value - 1) * Page.series + Number(series) + 1);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
