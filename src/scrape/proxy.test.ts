import { createServer, type IncomingMessage, request } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { selfSignedCertificate } from '../../test/fakes/certificate.ts';
import { fakeFarSide, refusedUrl, withFakeFarSide } from '../../test/fakes/far-side.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { promConfig } from './config.ts';
import { PageBuffers } from './page-buffers.ts';
import { PageFetcher } from './page-fetcher.ts';

const never = new AbortController().signal;
const certificate = selfSignedCertificate();

/** What a scrape with these settings comes to: the page, or what is wrong. */
async function fetched(config: object): Promise<string> {
  const checked = promConfig.parse(config);
  const fetcher = new PageFetcher({
    url: checked.url ?? '',
    config: checked,
    timeoutMs: 5_000,
    userAgent: 'test',
    buffers: new PageBuffers(),
  });
  try {
    return await fetcher.fetch((page) => (page.ok ? page.body.toString() : page.error), never);
  } finally {
    await fetcher.close();
  }
}

interface Proxy {
  readonly url: string;
  /** First line and authorization of what it was asked. */
  readonly asked: string[];
}

/** A forward proxy that wants the authorization `allowed`, if there is one. */
async function withProxy(allowed: string | undefined, run: (proxy: Proxy) => Promise<void>): Promise<void> {
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
    request(incoming.url ?? '', { headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    }).end();
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

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a page behind a proxy', () => {
  test('is asked for there by its whole address, with the login of the proxy and its own', () =>
    withFakeFarSide(async (far) => {
      const login = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
      far.answer({ status: 200, body: 'a 1\n' });
      await withProxy(login, async ({ url, asked }) => {
        const proxyUrl = url.replace('//', '//me:p%40ss@');
        const config = { url: `${far.url}/metrics?usedonly`, proxy_url: proxyUrl, auth: { token: 'mine' } };
        expect(await fetched(config)).toBe('a 1\n');
        expect(asked).toEqual([`GET ${far.url}/metrics?usedonly ${login}`]);
        expect(far.requests[0]?.headers).toMatchObject({ host: `127.0.0.1:${far.port}`, authorization: 'Bearer mine' });
        expect(far.requests[0]?.headers).not.toHaveProperty('proxy-authorization');
      });
    }));

  test('over TLS is asked for through a tunnel, and its certificate is checked', async () => {
    const secure = createSecureServer(certificate, (_, response) => response.end('secret 1\n'));
    const address = (await listening(secure)).replace('http:', 'https:');
    try {
      await withProxy(undefined, async ({ url: proxy, asked }) => {
        const url = `${address}/metrics`;
        const ca = Buffer.from(certificate.cert).toString('base64');
        const trusting = { url, proxy_url: proxy, ca_certs_base64: [ca], server_name: 'localhost' };
        expect(await fetched(trusting)).toBe('secret 1\n');
        expect(asked).toEqual([`CONNECT ${address.slice('https://'.length)} nobody`]);
        expect(await fetched({ url, proxy_url: proxy })).toMatch(/signed by itself.* by way of the proxy 127\.0\.0\.1/);
      });
    } finally {
      secure.closeAllConnections();
      await new Promise((resolve) => secure.close(resolve));
    }
  });

  test('that lets nobody in, or is not there, is named in the error', () =>
    withFakeFarSide(async (far) => {
      await withProxy('Basic other', async ({ url }) => {
        const { host } = new URL(url);
        expect(await fetched({ url: far.url, proxy_url: url })).toBe(
          `Proxy Authentication Required (407), by way of the proxy ${host}`,
        );
        expect(await fetched({ url: 'https://127.0.0.1:1/', proxy_url: url })).toMatch(
          new RegExp(`\\(407\\).*, by way of the proxy ${host}$`),
        );
      });
      const gone = await refusedUrl();
      expect(await fetched({ url: far.url, proxy_url: gone })).toMatch(
        /^the connection was refused .*, by way of the proxy 127\.0\.0\.1:\d+$/,
      );
      expect(far.requests).toEqual([]);
    }));

  test('cannot be on a unix socket, where no proxy is asked', () =>
    inTempDir(async (dir) => {
      const socketPath = join(dir, 'socket');
      const server = createServer((_, response) => response.end('local 1\n'));
      await new Promise<void>((resolve) => server.listen(socketPath, resolve));
      const gone = await refusedUrl();
      try {
        expect(await fetched({ url: 'http://x/', proxy_url: gone, uds_path: socketPath })).toBe('local 1\n');
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }));

  test('must have the address of a proxy over HTTP', () => {
    const wrong = promConfig.safeParse({ url: 'http://x', proxy_url: 'socks5://y' });
    expect(wrong.error?.issues[0]?.message).toContain('is not an address');
  });
});

describe('a redirect', () => {
  test.each([
    ['to itself', () => '/', /^the target redirects in a circle, back to http:\/\/127\.0\.0\.1:\d+\/$/],
    [
      'there and back',
      (path: string) => (path === '/' ? '/b' : '/'),
      /^the target redirects in a circle, back to .*\/$/,
    ],
    ['ever on', (path: string) => `/${path.length}${path.slice(1)}`, /^the target redirects more than 5 times$/],
    ['to another protocol', () => 'ftp://x/', /^the target redirects to ftp:\/\/x, which is neither http nor https$/],
  ])('%s ends with the reason', (_, next, message) =>
    withFakeFarSide(async (far) => {
      far.answer(({ path }) => ({ status: 302, headers: { location: next(path) } }));
      expect(await fetched({ url: `${far.url}/` })).toMatch(message);
      expect(far.requests.length).toBeLessThanOrEqual(8);
    }),
  );

  test('of five steps is followed to its end, and one that leads nowhere is what it is', () =>
    withFakeFarSide(async (far) => {
      far.answer(({ path }) =>
        path === '/5'
          ? { status: 200, body: 'a 1\n' }
          : { status: 308, headers: { location: `/${Number(path.slice(1)) + 1}` } },
      );
      expect(await fetched({ url: `${far.url}/0` })).toBe('a 1\n');
      far.answer({ status: 302 });
      expect(await fetched({ url: `${far.url}/0` })).toBe('HTTP 302');
    }));

  test('to a page over TLS is followed', async () => {
    const secure = createSecureServer(certificate, (_, response) => response.end('secret 1\n'));
    const address = (await listening(secure)).replace('http:', 'https:');
    const far = await fakeFarSide();
    try {
      far.answer({ status: 301, headers: { location: `${address}/metrics` } });
      expect(await fetched({ url: far.url, insecure_skip_verify: true })).toBe('secret 1\n');
    } finally {
      await far.close();
      secure.closeAllConnections();
      await new Promise((resolve) => secure.close(resolve));
    }
  });
});
