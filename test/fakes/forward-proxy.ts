import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';

export interface ForwardProxy {
  readonly url: string;
  /** First line and authorization of what it was asked. */
  readonly asked: string[];
}

/** A forward proxy that wants the authorization `allowed`, if there is one. */
export async function withForwardProxy(
  allowed: string | undefined,
  run: (proxy: ForwardProxy) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const refuses = (incoming: IncomingMessage): boolean => {
    const authorization = incoming.headers['proxy-authorization'];
    asked.push(`${incoming.method} ${incoming.url} ${authorization ?? 'nobody'}`);
    return allowed !== undefined && authorization !== allowed;
  };
  const proxy = createServer((incoming, response) => {
    if (refuses(incoming)) {
      response.writeHead(407).end();
      return;
    }
    const { 'proxy-authorization': _, ...headers } = incoming.headers;
    const asking = request(incoming.url ?? '', { method: incoming.method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(asking);
  });
  proxy.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    if (refuses(incoming)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const [host, port] = String(incoming.url).split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    sockets.add(upstream.on('error', () => socket.destroy()));
  });
  proxy.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
  const url = await listening(proxy);
  try {
    await run({ url, asked });
  } finally {
    for (const socket of sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => proxy.close(resolve));
  }
}

/** Its address, once it listens on a port of its own. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
