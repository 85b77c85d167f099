import { afterEach, describe, expect, test } from '@jest/globals';
import type { Logger } from '../contract/runtime.ts';
import { systemClock } from '../lib/clock.ts';
import { AccessPolicy } from './access.ts';
import { Listeners } from './listeners.ts';
import { loginRoutes } from './login.ts';

const token = 'the-token-of-this-daemon';
const note = (): void => undefined;
const log: Logger = { debug: note, info: note, warn: note, error: note };
let listeners: Listeners;

async function serve(): Promise<string> {
  const access = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token });
  listeners = new Listeners({ log, clock: systemClock, access });
  for (const route of loginRoutes(access, 'http')) {
    listeners.add(route);
  }
  const handle = async () => ({ status: 200, body: 'the page' });
  listeners.add({ method: 'GET', path: '/', listeners: ['main'], access: 'reader', handle });
  const [status] = await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
  return `http://${status?.address}`;
}

afterEach(() => listeners.close());

describe('the login', () => {
  const proxied = { 'x-forwarded-for': '203.0.113.9' };

  test.each([
    ['application/json', JSON.stringify({ token }), 204],
    ['application/x-www-form-urlencoded', `token=${token}`, 303],
  ])('takes the token as %s and opens the page', async (contentType, body, status) => {
    const base = await serve();
    expect((await fetch(base, { headers: proxied })).status).toBe(401);
    const headers = { ...proxied, 'content-type': contentType };
    const login = await fetch(`${base}/api/native/login`, { method: 'POST', body, headers, redirect: 'manual' });
    expect(login.status).toBe(status);
    const cookie = login.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(token);
    const page = await fetch(base, { headers: { ...proxied, cookie: cookie.split(';')[0] ?? '' } });
    expect(await page.text()).toBe('the page');
  });

  test.each([
    ['{"token":"wrong"}', 401],
    ['{"token":5}', 400],
    ['null', 400],
    ['hello', 400],
    ['', 400],
  ])('answers %j with %i and no cookie', async (body, status) => {
    const base = await serve();
    const login = await fetch(`${base}/api/native/login`, { method: 'POST', body });
    expect([login.status, login.headers.get('set-cookie')]).toEqual([status, null]);
  });

  test('is taken back by the logout', async () => {
    const base = await serve();
    const logout = await fetch(`${base}/api/native/logout`, { method: 'POST' });
    expect(logout.headers.get('set-cookie')).toMatch(/^meshbridge_session=; Path=\/; Max-Age=0/);
  });
});
