import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';

import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { selfSignedCertificate } from '../../test/fakes/certificate.ts';
import { fakeFarSide, refusedUrl, withFakeFarSide } from '../../test/fakes/far-side.ts';
import { listening, withForwardProxy } from '../../test/fakes/forward-proxy.ts';
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

describe('a page behind a proxy', () => {
  test('is asked for there by its whole address, with the login of the proxy and its own', () =>
    withFakeFarSide(async (far) => {
      const login = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
      far.answer({ status: 200, body: 'a 1\n' });
      await withForwardProxy(login, async ({ url, asked }) => {
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
      await withForwardProxy(undefined, async ({ url: proxy, asked }) => {
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
      await withForwardProxy('Basic other', async ({ url }) => {
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
