import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import { type AccessPolicy, sessionCookie } from './access.ts';
import { plainText } from './exchange.ts';

const maxLoginBytes = 4_096;
const sessionSeconds = 30 * 24 * 3_600;
export const loginPath = '/api/native/login';
export const logoutPath = '/api/native/logout';

function isForm(request: HttpRequest): boolean {
  return request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
}

function tokenIn(request: HttpRequest): string {
  const text = request.body.toString('utf8');
  if (isForm(request)) {
    return new URLSearchParams(text).get('token') ?? '';
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BridgeError('BRIDGE_DECODE', 'expected {"token": "..."} or the form field token', { cause });
  }
  const token = typeof value === 'object' && value !== null && 'token' in value ? value.token : undefined;
  if (typeof token !== 'string') {
    throw new BridgeError('BRIDGE_DECODE', '$.token: expected a string');
  }
  return token;
}

function cookie(value: string, seconds: number, transport: 'http' | 'https'): string {
  const secure = transport === 'https' ? '; Secure' : '';
  return `${sessionCookie}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/**
 * The page's login: `POST /api/native/login` with the token as JSON `{"token"}` (204) or as a form (303 to the page) sets
 * a cookie that stands for the token; `POST /api/native/logout` takes it back. `transport` is how browsers reach us.
 */
export function loginRoutes(access: AccessPolicy, transport: 'http' | 'https'): readonly HttpRoute[] {
  const login = async (request: HttpRequest): Promise<HttpResponse> => {
    const session = access.session(tokenIn(request).trim());
    if (session === undefined) {
      return plainText(401, 'That is not the token; the start-up banner says where it is kept');
    }
    const headers = { 'set-cookie': cookie(session, sessionSeconds, transport), 'cache-control': 'no-store' };
    return isForm(request) ? { status: 303, headers: { ...headers, location: '/' } } : { status: 204, headers };
  };
  const logout = async (): Promise<HttpResponse> => ({
    status: 204,
    headers: { 'set-cookie': cookie('', 0, transport) },
  });
  const common = { method: 'POST', listeners: ['main'], access: 'open', maxBodyBytes: maxLoginBytes } as const;
  return [
    { ...common, path: loginPath, handle: login },
    { ...common, path: logoutPath, handle: logout },
  ];
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>meshbridge</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem }
input, button { font: inherit; padding: .3rem .6rem }
input { width: 60% }
</style>
<h1>meshbridge</h1>
<p>This page needs the token. The start-up banner of the daemon says in which file it is kept.</p>
<form method="post" action="${loginPath}">
<label>Token <input name="token" type="password" autocomplete="current-password" autofocus required></label>
<button>Open</button>
</form>
`;

/** What a browser gets instead of a bare 401, so that its user can give the token. */
export const loginPage: HttpResponse = {
  status: 401,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
  },
  body: page,
};
