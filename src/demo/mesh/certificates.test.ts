import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { expect, test } from '@jest/globals';
import { Authority } from './certificates.ts';

const nowMs = Date.now();
const uri = 'spiffe://cluster.local/ns/default/sa/bookinfo-reviews';

test('a certificate names its holder by URI alone, and is signed by the authority', () => {
  const authority = new Authority('cluster.local', nowMs);
  const root = new X509Certificate(authority.certificate);
  const leaf = new X509Certificate(authority.issue(uri).certificate);
  expect(root.ca).toBe(true);
  expect(root.subject).toBe('O=cluster.local');
  expect(leaf.ca).toBe(false);
  expect(leaf.subjectAltName).toBe(`URI:${uri}`);
  expect(leaf.subject).toBeUndefined();
  expect(leaf.checkIssued(root)).toBe(true);
  expect(leaf.verify(root.publicKey)).toBe(true);
  expect(root.verify(root.publicKey)).toBe(true);
  expect(leaf.verify(new X509Certificate(new Authority('cluster.local', nowMs).certificate).publicKey)).toBe(false);
});

test('it is good from an hour ago for a year, and no two have the same number', () => {
  const authority = new Authority('cluster.local', Date.UTC(2026, 10, 21, 12));
  const [one, other] = [authority.issue(uri), authority.issue(uri)].map(
    ({ certificate }) => new X509Certificate(certificate),
  );
  expect(one?.validFrom).toBe('Nov 21 11:00:00 2026 GMT');
  expect(one?.validTo).toBe('Nov 21 12:00:00 2027 GMT');
  expect(one?.serialNumber).not.toBe(other?.serialNumber);
});

test('two holders know each other by it over TLS, and a stranger is refused', async () => {
  const authority = new Authority('cluster.local', nowMs);
  const { certificate: cert, key } = authority.issue(uri);
  const server = createServer({ cert, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true });
  server.on('secureConnection', (socket) => socket.end(socket.getPeerX509Certificate()?.subjectAltName ?? 'nobody'));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const said = async (from: Authority): Promise<string> => {
    const own = from.issue(`${uri}-client`);
    const socket = connect({
      host: '127.0.0.1',
      port,
      cert: own.certificate,
      key: own.key,
      ca: authority.certificate,
      checkServerIdentity: () => undefined,
    });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.on('close', resolve));
    return text;
  };
  try {
    expect(await said(authority)).toBe(`URI:${uri}-client`);
    expect(await said(new Authority('cluster.local', nowMs))).toBe('');
  } finally {
    server.close();
  }
});
