import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Access } from '../contract/http.ts';
import { type AccessOptions, AccessPolicy, isLoopbackPeer, sessionCookie } from './access.ts';

const token = 'the-token-of-this-daemon';
const ingestToken = 'the-token-for-records-only';

function policy(options: Partial<AccessOptions> = {}): AccessPolicy {
  return new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token, ingestToken, ...options });
}

interface Asked {
  readonly from?: string;
  readonly access?: Access;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: Partial<AccessOptions>;
}

function ask({ from = '127.0.0.1', access = 'reader', headers = {}, options = {} }: Asked) {
  return policy(options).refusal(
    { method: 'GET', remoteAddress: from, headers: { host: '127.0.0.1:9529', ...headers } },
    access,
  );
}

describe('peers', () => {
  test.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['127.0.0.6', false],
    ['127.0.0.2', false],
    ['::ffff:127.0.0.6', false],
    ['::2', false],
    ['10.0.0.1', false],
    ['', false],
  ])('%s is loopback: %s', (address, isLoopback) => {
    expect(isLoopbackPeer(address)).toBe(isLoopback);
    expect(ask({ from: address })?.status).toBe(isLoopback ? undefined : 401);
  });

  test.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-envoy-external-address', 'via'])(
    'on loopback are strangers when the header %s says that somebody stands behind them',
    (name) => {
      expect(ask({ headers: { [name]: '' } })).toMatchObject({ status: 401, message: expect.stringContaining(name) });
    },
  );

  test.each([
    ['10.1.2.3', ['10.0.0.0/8'], true],
    ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
    ['11.1.2.3', ['10.0.0.0/8'], false],
    ['fd00::5', ['fd00::/8'], true],
    ['fe80::5%eth0', ['fe80::/10'], true],
    ['192.0.2.7', ['192.0.2.7'], true],
    ['192.0.2.8', ['192.0.2.7'], false],
    ['2001:db8::1', ['0.0.0.0/0'], false],
    ['not an address', ['0.0.0.0/0', '::/0'], false],
  ])('%s under trusted = %j may read: %s', (from, trusted, may) => {
    expect(ask({ from, options: { trusted } }) === undefined).toBe(may);
  });

  test('that are trusted may stand before others', () => {
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    expect(ask({ from: '10.1.2.3', headers, options: { trusted: ['10.0.0.0/8'] } })).toBeUndefined();
  });

  test.each(['10.0.0.0/33', 'fd00::/129', '10.0.0', 'mesh', '', '10.0.0.0/8/9', '10.0.0.0/'])(
    'trusted = "%s" is a fault of the configuration',
    (cidr) => {
      expect(() => policy({ trusted: [cidr] })).toThrow(expect.objectContaining({ code: 'BRIDGE_CONFIG' }));
    },
  );
});

describe('routes', () => {
  test('that are open ask nothing of anybody', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.string()), (remoteAddress, headers) => {
        expect(policy().refusal({ method: 'POST', remoteAddress, headers }, 'open')).toBeUndefined();
      }),
    );
  });

  test.each([
    ['reader', token, true],
    ['ingest', token, true],
    ['ingest', ingestToken, true],
    ['reader', ingestToken, false],
    ['reader', `${token}x`, false],
    ['reader', '', false],
  ] as const)('%s with the bearer token "%s" may be called from anywhere: %s', (access, bearer, may) => {
    const headers = { authorization: `Bearer ${bearer}`, host: 'anything.example' };
    expect(ask({ from: '203.0.113.9', access, headers }) === undefined).toBe(may);
  });

  test('say which setting opens them', () => {
    expect(ask({ from: '203.0.113.9' })?.message).toBe(
      '203.0.113.9 needs a token: send "Authorization: Bearer TOKEN" with the one of [server] token_file or the data directory, or add the peer\'s CIDR to [server] trusted',
    );
    expect(ask({ from: '203.0.113.9', access: 'ingest', headers: { authorization: 'Bearer nope' } })?.message).toMatch(
      /sent a token that is not known.*ingest_token_file/,
    );
  });

  test('are open to all with auth = "none"', () => {
    expect(ask({ from: '203.0.113.9', options: { auth: 'none' } })).toBeUndefined();
  });

  test('never open to a stranger without a secret, whatever headers he sends', () => {
    const name = fc.constantFrom('authorization', 'cookie', 'host', 'origin', 'x-forwarded-for', 'sec-fetch-site');
    fc.assert(
      fc.property(fc.dictionary(name, fc.string()), (headers) => {
        expect(ask({ from: '203.0.113.9', headers })?.status).toBe(401);
      }),
    );
  });
});

describe('browsers', () => {
  test.each([
    ['127.0.0.1:9529', true],
    ['[::1]:9529', true],
    ['localhost', true],
    ['LOCALHOST:9529', true],
    ['meshbridge', true],
    ['meshbridge.meshbridge.svc:9529', true],
    ['meshbridge.meshbridge.svc.cluster.local.', true],
    ['evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['localhost.evil.example:9529', false],
    ['svc.evil.example', false],
  ])('are led by the host name %s: that is allowed: %s', (host, may) => {
    expect(ask({ headers: { host } })?.status).toBe(may ? undefined : 403);
  });

  test('may use the host names of allowed_hosts, and records may come under any', () => {
    const headers = { host: 'mesh.corp.example:443' };
    expect(ask({ headers })?.message).toContain('[server] allowed_hosts');
    for (const allowedHosts of [['mesh.corp.example'], ['*.Corp.example'], ['*']]) {
      expect(ask({ headers, options: { allowedHosts } })).toBeUndefined();
    }
    expect(ask({ headers, options: { allowedHosts: ['*.other.example', 'corp.example'] } })?.status).toBe(403);
    expect(ask({ headers, access: 'ingest' })).toBeUndefined();
  });

  test.each([
    [{ origin: 'http://127.0.0.1:9529' }, true],
    [{ origin: 'http://127.0.0.1:3000' }, false],
    [{ origin: 'https://evil.example' }, false],
    [{ origin: 'null' }, false],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, false],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, true],
    [{ 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }, true],
  ])('with %j on loopback may call: %s', (headers, may) => {
    for (const access of ['reader', 'ingest'] as const) {
      expect(ask({ access, headers: headers as Record<string, string> })?.status).toBe(may ? undefined : 403);
    }
  });

  test('are known by the cookie of the login, but not when another origin sends it along', () => {
    const session = policy().session(token);
    expect(session).toEqual(expect.any(String));
    expect(session).not.toContain(token);
    expect(policy().session('wrong')).toBeUndefined();
    const cookie = `a=b; ${sessionCookie}=${session}; c=d`;
    expect(ask({ from: '203.0.113.9', headers: { cookie } })).toBeUndefined();
    expect(ask({ from: '203.0.113.9', headers: { cookie: `${sessionCookie}=x${session}` } })?.status).toBe(401);
    expect(ask({ from: '203.0.113.9', headers: { cookie, origin: 'https://evil.example' } })?.status).toBe(401);
  });
});
