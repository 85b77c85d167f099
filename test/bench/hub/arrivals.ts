/** How long a span takes from its sending until an output of the store's keeper has brought it on. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrivals {
  readonly url: string;
  /** Of a span's id. */
  sent(id: string): void;
  /** Those that arrived, in ms. */
  readonly delaysMs: readonly number[];
  close(): Promise<void>;
}

export async function awaitArrivals(): Promise<Arrivals> {
  const sentMs = new Map<string, number>();
  const delaysMs: number[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const nowMs = performance.now();
    for (const { id } of JSON.parse(Buffer.concat(chunks).toString()) as readonly { id: string }[]) {
      const atMs = sentMs.get(id);
      if (atMs !== undefined && sentMs.delete(id)) {
        delaysMs.push(nowMs - atMs);
      }
    }
    response.writeHead(202).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/api/v2/spans`,
    sent: (id) => sentMs.set(id, performance.now()),
    delaysMs,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
