import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Certificate, selfSignedCertificate } from './certificate.ts';

/** Status that requests get in place of a page. Undefined: pages. */
export type KubeletRefusal = 401 | 403 | 404 | 503 | undefined;

export interface FakeKubelet {
  /** `https://<host>:<port>` */
  readonly url: string;
  readonly port: number;
  readonly certificate: Certificate;
  /** Path and token of each request, in order. */
  readonly requests: readonly { readonly path: string; readonly token: string | undefined }[];
  /** What stands at that path from now on; a function is called for each request. */
  page(path: string, text: string | (() => string)): void;
  /** Tokens that are known. */
  tokens(...known: readonly string[]): void;
  /** What those who are known are told. */
  refuse(status: KubeletRefusal): void;
  /** Asks somebody else, in place of `tokens` and `refuse`: 401, 403, or undefined for pages. */
  decide(by: (token: string, path: string) => Promise<KubeletRefusal>): void;
  /** Nobody listens any more, until `restart`. */
  close(): Promise<void>;
  restart(): Promise<void>;
}

export interface FakeKubeletOptions {
  /** Default: a free port of 127.0.0.1. */
  readonly host?: string;
  readonly port?: number;
  /** What the paths begin with: those of an API server's proxy. */
  readonly prefix?: string;
}

/**
 * The metrics of a kubelet over HTTPS, on a free loopback port. As real ones it answers 401 to who has no token that it
 * knows, and 403 to who may not get nodes/metrics.
 */
export async function fakeKubelet(options: FakeKubeletOptions = {}): Promise<FakeKubelet> {
  const { prefix = '', host = '127.0.0.1' } = options;
  const certificate = selfSignedCertificate();
  const pages = new Map<string, string | (() => string)>();
  const requests: { path: string; token: string | undefined }[] = [];
  let known: readonly string[] = [];
  let refusal: KubeletRefusal;
  let decide: Parameters<FakeKubelet['decide']>[0] = async (token) => (known.includes(token) ? refusal : 401);
  const answered = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '';
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
    requests.push({ path, token });
    const page = path.startsWith(prefix) ? pages.get(path.slice(prefix.length)) : undefined;
    const decided: KubeletRefusal = token === undefined ? 401 : await decide(token, path);
    const status = decided ?? (page === undefined ? 404 : 200);
    response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(status !== 200 ? 'no\n' : typeof page === 'function' ? page() : page);
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    answered(request, response).catch(() => response.destroy());
  };
  let open = await listening(certificate, answer, { host, port: options.port ?? 0 });
  const { port } = open.server.address() as AddressInfo;
  return {
    url: `https://${host}:${port}`,
    port,
    certificate,
    requests,
    page: (path, text) => pages.set(path, text),
    tokens: (...tokens) => {
      known = tokens;
    },
    decide: (by) => {
      decide = by;
    },
    refuse: (status) => {
      refusal = status;
    },
    close: () => open.close(),
    restart: async () => {
      open = await listening(certificate, answer, { host, port });
    },
  };
}

interface Open {
  readonly server: Server;
  close(): Promise<void>;
}

async function listening(
  { cert, key }: Certificate,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Open> {
  const server = createServer({ cert, key }, answer);
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const close = async (): Promise<void> => {
    for (const socket of sockets) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { server, close };
}
