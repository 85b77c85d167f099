import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a pod answers to a GET of any path. `reads` counts the requests to that address, this one included. */
export type PodPage = (asked: { readonly address: string; readonly path: string; readonly reads: number }) => string;

/** A counter of its own requests: what an agent wrote can then be compared with what was asked. */
export const countingPage: PodPage = ({ address, reads }) =>
  `# TYPE page_reads counter\npage_reads{address="${address}"} ${reads}\n` +
  '# TYPE istio_requests_total counter\n' +
  `istio_requests_total{reporter="destination",response_code="200",address="${address}"} ${reads * 10}\n`;

/**
 * Pages of many pods, each at a loopback address of its own (Linux listens on all of 127.0.0.0/8), on the ports that
 * their annotations name.
 */
export class PodPages {
  /** No other test of this machine should have the same addresses. */
  readonly #network = 16 + Math.floor(Math.random() * 200);
  readonly #servers = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();
  readonly #reads = new Map<string, number>();
  readonly #connections = new Map<string, number>();

  /** The `index`th address. */
  address(index: number): string {
    return `127.${this.#network}.${index >> 8}.${index & 255}`;
  }

  async listen(ip: string, port: number, page: PodPage = countingPage): Promise<void> {
    const address = `${ip}:${port}`;
    const server = createServer((request, response) => this.#answer({ address, page, request, response }));
    server.keepAliveTimeout = 120_000;
    server.on('connection', (socket) => {
      this.#connections.set(address, this.connections(address) + 1);
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, ip, resolve);
    });
    this.#servers.set(address, server);
  }

  /** Requests to the address so far. */
  reads(address: string): number {
    return this.#reads.get(address) ?? 0;
  }

  /** Connections that were made to it so far. */
  connections(address: string): number {
    return this.#connections.get(address) ?? 0;
  }

  async stop(): Promise<void> {
    const ended = [...this.#servers.values()].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await Promise.all(ended);
  }

  #answer({ address, page, request, response }: Exchange): void {
    const reads = this.reads(address) + 1;
    this.#reads.set(address, reads);
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(page({ address, path: request.url ?? '', reads }));
  }
}

interface Exchange {
  readonly address: string;
  readonly page: PodPage;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}
