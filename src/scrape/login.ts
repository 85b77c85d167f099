import { readFile } from 'node:fs/promises';
import type { PromConfig } from './config.ts';

/** The `Authorization` header: what the URL carries, unless `auth` says something. Files are read anew at each call. */
export async function loginOf(url: URL, auth: PromConfig['auth']): Promise<string | undefined> {
  const fromAuth = auth === undefined ? undefined : await fromSettings(auth);
  if (fromAuth !== undefined || url.username === '') {
    return fromAuth;
  }
  return basic(decodeURIComponent(url.username), decodeURIComponent(url.password));
}

async function fromSettings(auth: NonNullable<PromConfig['auth']>): Promise<string | undefined> {
  const token = auth.token ?? (await textOf(auth.token_file));
  if (auth.type.toLowerCase() === 'bearer_token' && token !== undefined) {
    return `Bearer ${token}`;
  }
  if (auth.username === undefined) {
    return undefined;
  }
  return basic(auth.username, auth.password ?? (await textOf(auth.password_file)) ?? '');
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

async function textOf(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : (await readFile(path, 'utf8')).replaceAll(/[\r\n]/g, '');
}
