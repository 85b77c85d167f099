import { writeFile } from 'node:fs/promises';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { selfSignedCertificate } from '../../test/fakes/certificate.ts';
import { type FakeFarSide, withFakeFarSide } from '../../test/fakes/far-side.ts';
import { listening, withForwardProxy } from '../../test/fakes/forward-proxy.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { type Posted, Poster, type PosterOptions } from './poster.ts';
import { resultOfNoAnswer } from './status.ts';

const never = new AbortController().signal;
const body = Buffer.from('body');

async function withPoster<T>(options: Partial<PosterOptions>, run: (poster: Poster) => Promise<T>): Promise<T> {
  const poster = new Poster({ url: '', headers: {}, protocolHeaders: {}, userAgent: 'test', ...options });
  try {
    return await run(poster);
  } finally {
    await poster.close();
  }
}

function posted(options: Partial<PosterOptions>): Promise<Posted> {
  return withPoster(options, (poster) => poster.post(body, never));
}

function logins(far: FakeFarSide): readonly (string | undefined)[] {
  return far.requests.map(({ headers }) => headers.authorization);
}

describe('who it says that we are', () => {
  test('is the user and password of the URL, or of `basic_auth`', () =>
    withFakeFarSide(async (far) => {
      await posted({ url: far.url.replace('//', '//me:p%40ss@') });
      await posted({ url: far.url, basic_auth: { username: 'me', password: 'p@ss' } });
      expect(logins(far)).toEqual(['Basic bWU6cEBzcw==', 'Basic bWU6cEBzcw==']);
    }));

  test('is the token of a file as the file has it at that moment', () =>
    withFakeFarSide((far) =>
      inTempDir(async (path) => {
        const bearer_token_file = join(path, 'token');
        await writeFile(bearer_token_file, 'one\n');
        await withPoster({ url: far.url, bearer_token_file }, async (poster) => {
          await poster.post(body, never);
          await writeFile(bearer_token_file, 'two\n');
          await poster.post(body, never);
        });
        expect(logins(far)).toEqual(['Bearer one', 'Bearer two']);
      }),
    ));

  test('a file of a token that is not there is a fault of the settings, which names it', () =>
    inTempDir(async (path) => {
      const missing = join(path, 'token');
      const error = await posted({ url: 'http://127.0.0.1:1', bearer_token_file: missing }).catch((thrown) => thrown);
      expect(resultOfNoAnswer(error)).toMatchObject({ status: 'retry', cause: 'misconfigured' });
      expect(resultOfNoAnswer(error)).toHaveProperty('reason', expect.stringContaining(missing));
    }));

  test("is overridden by the user's own headers, and those by the protocol's", () =>
    withFakeFarSide(async (far) => {
      const headers = { Authorization: 'Token mine', 'Content-Type': 'mine', 'X-Scope': 'a' };
      const login = { username: 'me', password: 'p' };
      await posted({ url: far.url, headers, basic_auth: login, protocolHeaders: { 'content-type': 'text/plain' } });
      expect(far.requests[0]?.headers).toMatchObject({
        authorization: 'Token mine',
        'content-type': 'text/plain',
        'x-scope': 'a',
        'user-agent': 'test',
      });
    }));
});

describe('behind a proxy', () => {
  test('a server without TLS is asked for by its whole address, with the login of the proxy and our own', () =>
    withFakeFarSide((far) =>
      withForwardProxy('Basic bWU6cEBzcw==', async ({ url, asked }) => {
        const { status } = await posted({
          url: `${far.url}/write?a=b`,
          proxy_url: url.replace('//', '//me:p%40ss@'),
          basic_auth: { username: 'you', password: 'x' },
        });
        expect(status).toBe(200);
        expect(asked).toEqual([`POST ${far.url}/write?a=b Basic bWU6cEBzcw==`]);
        expect(far.requests.map((one) => one.body.toString())).toEqual(['body']);
        expect(logins(far)).toEqual(['Basic eW91Ong=']);
      }),
    ));

  test('a server with TLS is reached through a tunnel in which its certificate is checked', () =>
    inTempDir(async (path) => {
      const certificate = selfSignedCertificate();
      const server = createSecureServer(certificate, (request, response) => request.pipe(response));
      const address = (await listening(server)).replace('http:', 'https:');
      const ca_file = join(path, 'ca.crt');
      await writeFile(ca_file, certificate.cert);
      try {
        await withForwardProxy(undefined, async ({ url, asked }) => {
          const way = { url: address, proxy_url: url };
          await expect(posted(way)).rejects.toThrow('self-signed');
          expect((await posted({ ...way, tls: { ca_file, insecure_skip_verify: false } })).body.toString()).toBe(
            'body',
          );
          expect(new Set(asked)).toEqual(new Set([`CONNECT ${new URL(address).host} nobody`]));
        });
      } finally {
        server.closeAllConnections();
        server.close();
      }
    }));

  test('a proxy that refuses is an attempt without an answer', () =>
    withForwardProxy('Basic allowed', async ({ url }) => {
      await expect(posted({ url: 'https://127.0.0.1:1/', proxy_url: url })).rejects.toThrow();
    }));
});
