import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { zipEntries } from './zip-entries.ts';

export interface Lens {
  /** Where the page begins. */
  readonly url: string;
  /** Paths and queries that it asked our API for, each with the status of the answer. */
  readonly asked: readonly { readonly path: string; readonly status: number }[];
  stop(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css',
  js: 'text/javascript',
  png: 'image/png',
  ico: 'image/x-icon',
};

/** The page Lens out of the jar of the Zipkin server, in front of the API at `api`. */
export async function startLens(jar: string, api: string): Promise<Lens> {
  const library = [...zipEntries(readFileSync(jar))].find(([name]) => /\/zipkin-lens-[^/]*\.jar$/.test(name));
  if (library === undefined) {
    throw new Error(`there is no Lens in ${jar}`);
  }
  const files = zipEntries(library[1]());
  const asked: { path: string; status: number }[] = [];
  const give = (response: ServerResponse, path: string): void => {
    const isFile = /\.\w+$/.test(path) && files.has(`zipkin-lens/${path}`);
    const name = isFile ? path : 'index.html';
    const type = types[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type }).end(files.get(`zipkin-lens/${name}`)?.());
  };
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    if (path === '/zipkin/config.json' || path.startsWith('/zipkin/api/')) {
      const answer = await fetch(api + path);
      asked.push({ path, status: answer.status });
      const headers = { 'content-type': answer.headers.get('content-type') ?? '' };
      response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
    } else {
      give(response, new URL(path, api).pathname.replace('/zipkin/', ''));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/zipkin/`,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
