import { writeFile } from 'node:fs/promises';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { selfSignedCertificate } from '../../test/fakes/certificate.ts';
import { type FakeFarSide, withFakeFarSide } from '../../test/fakes/far-side.ts';
import { listening, withForwardProxy } from '../../test/fakes/forward-proxy.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { type Posted, Poster, type PosterOptions } from './poster.ts';
import type { ClientTls } from './reach.ts';
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

describe('over TLS', () => {
  const [own, client, stranger] = [selfSignedCertificate(), selfSignedCertificate(), selfSignedCertificate()];

  /** A server that lets in whoever shows the client's certificate, and how it is asked with these texts of files. */
  async function withStrictServer(
    options: ServerOptions,
    run: (ask: (tls: Partial<ClientTls>) => Promise<string>, write: Write) => Promise<void>,
  ): Promise<void> {
    const strict = { ...own, ca: client.cert, requestCert: true, rejectUnauthorized: true, ...options };
    const server = createSecureServer(strict, (request, response) => request.pipe(response));
    const url = (await listening(server)).replace('http:', 'https:');
    try {
      await inTempDir(async (path) => {
        const write: Write = async (name, text) => {
          await writeFile(join(path, name), text);
          return join(path, name);
        };
        const ca_file = await write('ca.crt', own.cert);
        await run(async (tls) => {
          const asked = posted({ url, tls: { ca_file, insecure_skip_verify: false, ...tls } });
          return asked.then(
            ({ status }) => String(status),
            (error) => {
              const { status, ...facts } = resultOfNoAnswer(error);
              return `${status}: ${Object.values(facts).toReversed().join(': ')}`;
            },
          );
        }, write);
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  type Write = (name: string, text: string) => Promise<string>;

  const wanted = /wants a certificate that it trusts: "cert_file" and "key_file" in "tls"/;

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a server that wants a certificate (%s) takes the right one, and refuses none and another with what to do',
    (maxVersion) =>
      withStrictServer({ maxVersion }, async (ask, write) => {
        const right = { cert_file: await write('a.crt', client.cert), key_file: await write('a.key', client.key) };
        const other = { cert_file: await write('b.crt', stranger.cert), key_file: await write('b.key', stranger.key) };
        expect(await ask(right)).toBe('200');
        for (const tls of [{}, other]) {
          expect(await ask(tls)).toMatch(/^retry: /);
          expect(await ask(tls)).toMatch(wanted);
        }
      }),
  );

  test('a certificate that is renewed in its file is shown with the next request', () =>
    withStrictServer({}, async (ask, write) => {
      const tls = { cert_file: await write('a.crt', stranger.cert), key_file: await write('a.key', stranger.key) };
      expect(await ask(tls)).toMatch(wanted);
      await write('a.crt', client.cert);
      await write('a.key', client.key);
      expect(await ask(tls)).toBe('200');
    }));

  test('what is wrong with the files or the names is said with what to do', () =>
    withStrictServer({}, async (ask, write) => {
      const cert_file = await write('a.crt', client.cert);
      const key_file = await write('a.key', client.key);
      const junk = await write('junk', 'no PEM');
      const said = await Promise.all([
        ask({ cert_file, key_file: await write('b.key', stranger.key) }),
        ask({ cert_file: junk, key_file }),
        ask({ cert_file, key_file, ca_file: await write('b.crt', stranger.cert) }),
        ask({ cert_file, key_file, server_name: 'else.example' }),
      ]);
      expect(said).toEqual([
        'retry: misconfigured: "cert_file" and "key_file" in "tls" do not belong together',
        'retry: misconfigured: a file of "tls" cannot be used (no start line): it must be PEM',
        'retry: misconfigured: the far side\'s certificate is not trusted (self-signed certificate): write the authority that signed it as "ca_file" in "tls"',
        'retry: misconfigured: the far side\'s certificate is for other names (DNS:localhost, IP Address:127.0.0.1): use one of its names in the URL, or as "server_name" in "tls"',
      ]);
    }));

  test('a server that speaks none is named as such', () =>
    withFakeFarSide(async (far) => {
      const error = await posted({ url: far.url.replace('http:', 'https:') }).catch((thrown) => thrown);
      expect(resultOfNoAnswer(error)).toEqual({
        status: 'retry',
        reason: 'the far side speaks no TLS on this port: write "http://", or another port',
        cause: 'misconfigured',
      });
    }));
});

test.each([
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    '40:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:x.c:918:SSL alert number 116\n',
    /^the far side refuses TLS \("certificate required"\), .* "key_file" in "tls"$/,
  ],
  [
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    '40:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:x.c:918:SSL alert number 48\n',
    /^the far side refuses TLS \("unknown ca"\)/,
  ],
  [
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    '40:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:x.c:918:SSL alert number 70\n',
    /^TLS fails: protocol version$/,
  ],
  ['CERT_HAS_EXPIRED', 'certificate has expired', /out of its time \(certificate has expired\): renew it there/],
])('%s says what to do, on one line', (code, message, words) => {
  const result = resultOfNoAnswer(Object.assign(new Error(message), { code }));
  expect(result).toMatchObject({ status: 'retry', cause: 'misconfigured', reason: expect.stringMatching(words) });
});
