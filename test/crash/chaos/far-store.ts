import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { idPattern, Page } from './feeds.ts';
import { Counter } from './oracle.ts';

/** A backend that takes OTLP as JSON, and DataKit's points, and keeps the ids of all that it took. */
export class FarStore {
  readonly counter = new Counter();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#take(request).then(
        () => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end('{}');
        },
        () => response.destroy(),
      );
    });
  }

  static async start(): Promise<FarStore> {
    const store = new FarStore();
    await new Promise<void>((resolve) => store.#server.listen(0, '127.0.0.1', resolve));
    return store;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks);
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('latin1');
    const samples = request.url?.includes('metrics') === true ? samplesIn(JSON.parse(text)) : [];
    const ids = [...(text.match(idPattern) ?? []), ...samples];
    this.counter.addRequest(ids);
  }
}

interface DataPoint {
  readonly asDouble?: number;
  /** Bit 0: no value recorded (a stale marker). */
  readonly flags?: number;
  readonly attributes?: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}

interface Export {
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics?: readonly {
      readonly metrics?: readonly {
        readonly name: string;
        readonly gauge?: { readonly dataPoints: readonly DataPoint[] };
      }[];
    }[];
  }[];
}

/** The samples of the scraped page. */
function samplesIn({ resourceMetrics = [] }: Export): readonly string[] {
  const metrics = resourceMetrics.flatMap(({ scopeMetrics = [] }) => scopeMetrics.flatMap((one) => one.metrics ?? []));
  return metrics
    .filter(({ name }) => name === 'chaos_scraped')
    .flatMap(({ gauge }) => gauge?.dataPoints ?? [])
    .filter(({ flags = 0 }) => (flags & 1) === 0)
    .map(({ attributes = [], asDouble = 0 }) => {
      const series = attributes.find(({ key }) => key === 'series')?.value.stringValue ?? '';
      return Page.idOf(series, asDouble);
    });
}
