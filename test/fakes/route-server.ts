import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { BridgeError, type ErrorCode } from '../../src/contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute, ListenerName } from '../../src/contract/http.ts';

const inflated = promisify(gunzip);
const statusOf: Readonly<Record<ErrorCode, number>> = {
  BRIDGE_CONFIG: 500,
  BRIDGE_DECODE: 400,
  BRIDGE_TOO_LARGE: 413,
  BRIDGE_OVERLOADED: 503,
  BRIDGE_CORRUPT: 500,
  BRIDGE_NOT_FOUND: 404,
  BRIDGE_UNSUPPORTED: 422,
  BRIDGE_START: 500,
};

export interface ServedRoutes {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Answers routes on a free loopback port with the least that contract/http.ts promises; it checks no access. */
export async function serveRoutes(routes: readonly HttpRoute[], listener: ListenerName): Promise<ServedRoutes> {
  const server = createServer((request, response) => {
    answer(routes, listener, request)
      .catch((error: unknown) => errorResponse(error))
      .then((result) => send(result, request, response))
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url: `http://127.0.0.1:${port}`, port, close };
}

async function answer(
  routes: readonly HttpRoute[],
  listener: ListenerName,
  request: IncomingMessage,
): Promise<HttpResponse> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const found = routes
    .filter((route) => route.method === method && route.listeners.includes(listener))
    .map((route) => ({ route, params: match(route.path, url.pathname) }))
    .find((candidate) => candidate.params !== undefined);
  if (found?.params === undefined) {
    return { status: 404, body: 'not found' };
  }
  const gone = new AbortController();
  request.once('close', () => !request.complete && gone.abort());
  const call: HttpRequest = {
    method: method ?? 'GET',
    path: url.pathname,
    params: found.params,
    query: url.searchParams,
    headers: Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)])),
    body: await bodyOf(request, found.route),
    remoteAddress: request.socket.remoteAddress ?? '',
    signal: gone.signal,
  };
  return found.route.handle(call);
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split('/');
  const have = path.split('/');
  const params: Record<string, string> = {};
  for (const [index, part] of want.entries()) {
    if (part === '*') {
      params['*'] = have.slice(index).join('/');
      return params;
    }
    const value = have[index];
    if (value === undefined || (!part.startsWith(':') && part !== value)) {
      return undefined;
    }
    if (part.startsWith(':')) {
      params[part.slice(1)] = decodeURIComponent(value);
    }
  }
  return want.length === have.length ? params : undefined;
}

async function bodyOf(request: IncomingMessage, route: HttpRoute): Promise<Buffer> {
  const cap = route.maxBodyBytes ?? 0;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > cap) {
      throw new BridgeError('BRIDGE_TOO_LARGE', `the body is larger than ${cap} bytes`);
    }
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const encoding = request.headers['content-encoding'];
  if (route.inflate !== true || (encoding !== 'gzip' && encoding !== 'x-gzip')) {
    return body;
  }
  try {
    return await inflated(body, { maxOutputLength: cap * 10 });
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', 'the body is not gzip', { cause });
  }
}

function errorResponse(error: unknown): HttpResponse {
  if (!(error instanceof BridgeError)) {
    return { status: 500, body: String(error) };
  }
  const status = statusOf[error.code];
  return { status, body: error.message, ...(status === 503 ? { headers: { 'retry-after': '1' } } : {}) };
}

async function send(result: HttpResponse, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(result.status, { ...result.headers });
  if (request.method === 'HEAD' || result.body === undefined) {
    response.end();
    return;
  }
  if (typeof result.body === 'string' || result.body instanceof Uint8Array) {
    response.end(result.body);
    return;
  }
  for await (const chunk of result.body) {
    response.write(chunk);
  }
  response.end();
}
