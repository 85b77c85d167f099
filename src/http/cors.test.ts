import { afterEach, expect, test } from '@jest/globals';
import { fakeRuntime } from '../../test/fakes/runtime.ts';
import type { HttpRoute } from '../contract/http.ts';
import { systemClock } from '../lib/clock.ts';
import { AccessPolicy } from './access.ts';
import { Listeners } from './listeners.ts';

const closing: (() => Promise<void>)[] = [];
const shop = 'https://shop.example';

afterEach(async () => {
  for (const close of closing.splice(0)) {
    await close();
  }
});

async function serve(route: Partial<HttpRoute>): Promise<string> {
  const access = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token: 'not-asked-for-here' });
  const listeners = new Listeners({ log: fakeRuntime().log, clock: systemClock, access });
  listeners.add({
    method: 'POST',
    path: '/in',
    listeners: ['main'],
    access: 'open',
    maxBodyBytes: 100,
    handle: async () => ({ status: 200 }),
    ...route,
  });
  const [status] = await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
  closing.push(() => listeners.close());
  return `http://${status?.address}/in`;
}

async function corsOf(url: string, init: RequestInit): Promise<Record<string, string>> {
  const { status, headers } = await fetch(url, init);
  const named = [...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary');
  return {
    status: String(status),
    ...Object.fromEntries(named.map(([name, value]) => [name.replace('access-control-', ''), value])),
  };
}

const preflight = { method: 'OPTIONS', headers: { origin: shop, 'access-control-request-headers': 'x-mine' } };

test('a policy names the origin that asks, allows credentials, and repeats the headers that are wanted', async () => {
  const url = await serve({ cors: { origins: [] } });
  expect(await corsOf(url, preflight)).toEqual({
    status: '204',
    vary: 'Origin',
    'allow-origin': shop,
    'allow-credentials': 'true',
    'allow-methods': 'POST, OPTIONS, GET, PUT',
    'allow-headers': 'x-mine, Content-Type, Content-Encoding, X-Requested-With',
    'max-age': '7200',
  });
  const post = { method: 'POST', body: 'x', headers: { origin: shop } };
  expect(await corsOf(url, post)).toEqual({
    status: '200',
    vary: 'Origin',
    'allow-origin': shop,
    'allow-credentials': 'true',
  });
  expect(await corsOf(url, { method: 'POST', body: 'x' })).toEqual({
    status: '200',
    vary: 'Origin',
    'allow-origin': '*',
  });
});

test('a page of the internet may send to a private address, where its browser asks', async () => {
  const url = await serve({ cors: { origins: [] } });
  const headers = { origin: shop, 'access-control-request-private-network': 'true' };
  const answer = await fetch(url, { method: 'OPTIONS', headers });
  expect(answer.headers.get('access-control-allow-private-network')).toBe('true');
});

test('a policy with origins allows exactly these', async () => {
  const url = await serve({ cors: { origins: [shop] } });
  expect(await corsOf(url, preflight)).toMatchObject({ status: '204', 'allow-origin': shop });
  const other = { ...preflight, headers: { ...preflight.headers, origin: 'https://shop.example.evil' } };
  expect(await corsOf(url, other)).toEqual({ status: '204', vary: 'Origin' });
  expect(await corsOf(url, { ...other, method: 'POST', body: 'x' })).toEqual({ status: '200', vary: 'Origin' });
});

test('a refusal before the route saw the body is readable by the page too', async () => {
  const errorResponse: HttpRoute['errorResponse'] = ({ message }, status) => ({ status, body: `own: ${message}` });
  const url = await serve({ cors: { origins: [] }, errorResponse });
  const answer = await fetch(url, { method: 'POST', body: 'x'.repeat(101), headers: { origin: shop } });
  expect([answer.status, await answer.text(), answer.headers.get('access-control-allow-origin')]).toEqual([
    413,
    'own: the body is larger than 100 bytes',
    shop,
  ]);
});
