import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as askTls, createServer, Agent as TlsAgent } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { Cluster } from './api-server.ts';

export interface ApiProxy {
  readonly port: number;
  /** Verb and path of what was asked. */
  readonly asked: readonly string[];
  /** Open watches stay open from now on and bring nothing more, whatever the server does; new ones are as they should be. */
  hangWatches(): void;
  /** The next `count` requests for pods get 429 with this Retry-After. */
  tooManyRequests(count: number, retryAfterSeconds: number): void;
  stop(): Promise<void>;
}

/** Stands before the API server, with its certificate, and makes trouble on demand. */
export async function apiProxy(cluster: Cluster): Promise<ApiProxy> {
  const [cert, key] = await Promise.all(['ca.crt', 'server.key'].map((name) => readFile(join(cluster.dir, name))));
  const agent = new TlsAgent({ ca: cert, keepAlive: true });
  const asked: string[] = [];
  const watches = new Map<IncomingMessage, ServerResponse>();
  const sockets = new Set<Socket>();
  const refusals: number[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    asked.push(`${request.method} ${request.url}`);
    const retryAfterSeconds = request.url?.startsWith('/api/v1/pods?') === true ? refusals.shift() : undefined;
    if (retryAfterSeconds !== undefined) {
      response.writeHead(429, { 'retry-after': String(retryAfterSeconds), 'content-type': 'text/plain' });
      response.end('Too many requests, please try again later.\n');
      return;
    }
    const { method, url, headers } = request;
    const onward = askTls(cluster.url + url, { method, headers, agent }, (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      response.flushHeaders();
      if (url?.includes('watch=') === true) {
        watches.set(incoming, response);
        incoming.once('close', () => watches.delete(incoming));
      }
      incoming.on('error', () => response.destroy());
      incoming.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  };
  const server = createServer({ cert, key }, answer);
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    hangWatches: () => {
      for (const [incoming, response] of watches) {
        incoming.unpipe(response);
        incoming.removeAllListeners('error');
        incoming.on('error', () => undefined);
        incoming.resume();
      }
    },
    tooManyRequests: (count, retryAfterSeconds) => {
      refusals.push(...Array.from({ length: count }, () => retryAfterSeconds));
    },
    stop: async () => {
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) {
        socket.destroy();
      }
      agent.destroy();
      await ended;
    },
  };
}
