import { writeFile } from 'node:fs/promises';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { selfSignedCertificate } from '../../test/fakes/certificate.ts';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { promConfig } from './config.ts';
import { PageBuffers } from './page-buffers.ts';
import { PageFetcher } from './page-fetcher.ts';

const server = selfSignedCertificate();
const client = selfSignedCertificate();
const never = new AbortController().signal;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A page over TLS, and what a fetch with these settings comes to: the page, or what is wrong. */
async function withPage(options: ServerOptions, run: (get: (config: object) => Promise<string>) => Promise<void>) {
  const secure = createServer({ ...server, ...options }, (_, response) => response.end('a 1\n'));
  const listener: Server = secure;
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}/metrics`;
  const get = async (config: object): Promise<string> => {
    const checked = promConfig.parse({ url, ...config });
    const fetcher = new PageFetcher({
      url,
      config: checked,
      timeoutMs: 5_000,
      userAgent: 'test',
      buffers: new PageBuffers(),
    });
    try {
      return await fetcher.fetch((page) => (page.ok ? page.body.toString() : `${page.error}; ${page.hint}`), never);
    } finally {
      await fetcher.close();
    }
  };
  try {
    await run(get);
  } finally {
    secure.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  }
}

describe('a page over TLS', () => {
  test('of an unknown authority is refused, unless any certificate will do', () =>
    withPage({}, async (get) => {
      expect(await get({})).toContain('the certificate is signed by itself');
      expect(await get({ insecure_skip_verify: true })).toBe('a 1\n');
      expect(await get({ tls_open: true })).toBe('a 1\n');
    }));

  test('is trusted by an authority in a file or in the configuration, under the new keys and the old', () =>
    inTempDir((dir) =>
      withPage({}, async (get) => {
        const file = join(dir, 'ca.pem');
        expect(await get({ ca_certs: [file] })).toContain('a file of the configuration is not there');
        await writeFile(file, server.cert);
        expect(await get({ ca_certs: [file] })).toBe('a 1\n');
        expect(await get({ ca_certs_base64: [base64(server.cert)] })).toBe('a 1\n');
        expect(await get({ tls_open: true, tls_ca: file })).toBe('a 1\n');
        expect(await get({ tls_ca: file })).toContain('the certificate is signed by itself');
        expect(await get({ ca_certs_base64: [base64(client.cert)] })).toContain('certificate');
      }),
    ));

  test('must carry the name that was asked for', () =>
    withPage({}, async (get) => {
      const ca = { ca_certs_base64: [base64(server.cert)] };
      expect(await get({ ...ca, server_name: 'localhost' })).toBe('a 1\n');
      expect(await get({ ...ca, server_name: 'istiod.istio-system.svc' })).toContain('set server_name');
    }));

  test('gets our own certificate where it asks for one', () =>
    inTempDir((dir) =>
      withPage({ requestCert: true, ca: client.cert }, async (get) => {
        const ca = { ca_certs_base64: [base64(server.cert)] };
        expect(await get(ca)).not.toBe('a 1\n');
        await writeFile(join(dir, 'cert.pem'), client.cert);
        await writeFile(join(dir, 'key.pem'), client.key);
        const files = [join(dir, 'cert.pem'), join(dir, 'key.pem')] as const;
        expect(await get({ ...ca, cert: files[0], cert_key: files[1] })).toBe('a 1\n');
        expect(await get({ ...ca, cert_base64: base64(client.cert), cert_key_base64: base64(client.key) })).toBe(
          'a 1\n',
        );
        expect(await get({ ...ca, tls_open: true, tls_cert: files[0], tls_key: files[1] })).toBe('a 1\n');
      }),
    ));

  test('may come over a unix socket', () =>
    inTempDir(async (dir) => {
      const socketPath = join(dir, 'socket');
      const secure = createServer(server, (request, response) =>
        response.end(`host{name="${request.headers.host}"} 1\n`),
      );
      await new Promise<void>((resolve) => secure.listen(socketPath, resolve));
      const config = promConfig.parse({
        url: 'https://localhost/metrics',
        uds_path: socketPath,
        ca_certs_base64: [base64(server.cert)],
      });
      const fetcher = new PageFetcher({
        url: 'https://localhost/metrics',
        config,
        timeoutMs: 5_000,
        userAgent: 'test',
        buffers: new PageBuffers(),
      });
      try {
        expect(await fetcher.fetch((page) => (page.ok ? page.body.toString() : page.error), never)).toBe(
          'host{name="localhost"} 1\n',
        );
      } finally {
        await fetcher.close();
        secure.closeAllConnections();
        await new Promise((resolve) => secure.close(resolve));
      }
    }));
});
