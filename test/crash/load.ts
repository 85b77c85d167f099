import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { Agent, createServer, request, type Server } from 'node:http';
import { join } from 'node:path';

/** Posts spans over a few connections and remembers, span by span, what was answered 202. */
export class SpanSender {
  /** trace id of each span that was acknowledged. Every span is a trace of its own. */
  readonly acknowledged: string[] = [];
  /** Spans whose request failed or was refused: they may or may not be stored. */
  readonly unknown: string[] = [];
  readonly #stop = new AbortController();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async run(connections: number): Promise<void> {
    await Promise.all(Array.from({ length: connections }, () => this.#connection()));
    this.#agent.destroy();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #connection(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const ids = Array.from({ length: 1 + Math.floor(Math.random() * 5) }, () => randomBytes(16).toString('hex'));
      const status = await this.#post(JSON.stringify(ids.map(span))).catch(() => 0);
      (status === 202 ? this.acknowledged : this.unknown).push(...ids);
      if (status === 0) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  #post(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
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

function span(traceId: string): object {
  return {
    traceId,
    id: traceId.slice(16),
    name: 'reviews.prod.svc.cluster.local:9080/*',
    kind: 'SERVER',
    timestamp: Date.now() * 1000,
    duration: 1_500,
    localEndpoint: { serviceName: 'reviews.prod' },
    tags: { component: 'proxy', 'http.status_code': '200', 'guid:x-request-id': traceId },
  };
}

/** A target whose every page tells how often it was asked: `scrape_number{series="i"}`. */
export class CountingTarget {
  static readonly seriesPerPage = 50;
  pages = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<CountingTarget> {
    const server = createServer((_request, response) => {
      target.pages += 1;
      const lines = ['# TYPE scrape_number counter'];
      for (let i = 0; i < CountingTarget.seriesPerPage; i += 1) {
        lines.push(`scrape_number{series="${i}"} ${target.pages}`);
      }
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`${lines.join('\n')}\n`);
    });
    const target = new CountingTarget(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return target;
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}/metrics` : '';
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** So long that one block of what is read, 256 KiB, holds fewer of them than a request of 500 lines. */
export function ledgerLine(number: number): string {
  return `line ${number} of the ledger ${'.'.repeat(600)}`;
}

/** Writes numbered lines as containerd does, in the kubelet's layout, and renames the file now and then. */
export class LineWriter {
  written = 0;
  readonly #path: string;
  #rotations = 0;
  #stopped = false;

  constructor(root: string, pod = 'reviews-v1-0') {
    this.#path = join(root, `prod_${pod}_9c1f0000-0000-4000-8000-000000000001`, 'reviews', '0.log');
  }

  async run(): Promise<void> {
    await mkdir(join(this.#path, '..'), { recursive: true });
    await writeFile(this.#path, '');
    while (!this.#stopped) {
      const lines = Array.from({ length: 20 }, () => this.#line());
      await appendFile(this.#path, lines.join(''));
      if (this.written % 4000 === 0) {
        this.#rotations += 1;
        await rename(this.#path, `${this.#path}.20261121-${String(this.#rotations).padStart(6, '0')}`);
        await writeFile(this.#path, '');
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #line(): string {
    this.written += 1;
    return `${new Date().toISOString().replace('Z', '000000Z')} stdout F ${ledgerLine(this.written)}\n`;
  }
}
