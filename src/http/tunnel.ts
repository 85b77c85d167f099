import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Socket } from 'node:net';
import { basic } from './reach.ts';

const connectWithinMs = 10_000;

/** A connection to `to`, made by an HTTP proxy (RFC 9110 §9.3.6, CONNECT). Rejects when the proxy refuses or does not answer. */
export async function tunnelTo(to: URL, proxyUrl: string): Promise<Socket> {
  const proxy = new URL(proxyUrl);
  const place = `${to.hostname}:${to.port === '' ? defaultPort(to) : to.port}`;
  const { username, password } = proxy;
  const asking = (proxy.protocol === 'https:' ? secureRequest : request)({
    host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: proxy.port === '' ? defaultPort(proxy) : proxy.port,
    method: 'CONNECT',
    path: place,
    headers: {
      host: place,
      ...(username !== '' && {
        'proxy-authorization': basic(decodeURIComponent(username), decodeURIComponent(password)),
      }),
    },
    agent: false,
    timeout: connectWithinMs,
  });
  asking.on('timeout', () => asking.destroy(new Error(`the proxy ${proxy.host} does not answer`)));
  asking.end();
  const [answer, socket, first] = (await once(asking, 'connect')) as [IncomingMessage, Socket, Buffer];
  if (answer.statusCode !== 200) {
    socket.destroy();
    throw new Error(`the proxy ${proxy.host} answers HTTP ${answer.statusCode} to CONNECT ${place}`);
  }
  socket.setTimeout(0);
  // What the server said before we asked anything, such as the settings of HTTP/2.
  socket.unshift(first);
  return socket;
}

function defaultPort({ protocol }: URL): number {
  return protocol === 'https:' ? 443 : 80;
}
