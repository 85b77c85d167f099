import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BridgeError } from '../contract/errors.ts';

export type TokenName = 'token' | 'ingest-token';
export const minTokenLength = 16;

/** A secret that is only ever compared, in constant time whatever the length of what is offered. */
export class Secret {
  readonly #digest: Buffer;
  readonly #cookie: string;

  constructor(text: string) {
    this.#digest = createHash('sha256').update(text).digest();
    this.#cookie = createHmac('sha256', text).update('meshbridge session 1').digest('base64url');
  }

  matches(offered: string): boolean {
    return timingSafeEqual(this.#digest, createHash('sha256').update(offered).digest());
  }

  /** What the login cookie carries: derived from the token, so that the token itself is not kept by browsers. */
  get cookieValue(): string {
    return this.#cookie;
  }

  matchesCookie(offered: string): boolean {
    const left = createHash('sha256').update(this.#cookie).digest();
    return timingSafeEqual(left, createHash('sha256').update(offered).digest());
  }
}

function hasErrno(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

/** Reads a token from a file. Throws BRIDGE_CONFIG when it cannot be read or is too short to be one. */
export async function readToken(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new BridgeError('BRIDGE_CONFIG', `the token file ${path} cannot be read`, { cause });
  }
  const token = text.trim();
  if (token.length < minTokenLength) {
    throw new BridgeError('BRIDGE_CONFIG', `the token file ${path} holds fewer than ${minTokenLength} characters`);
  }
  return token;
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * A token of this data directory: made at the first start, 256 random bits, readable by the owner alone; later starts write
 * nothing, so that a full disk does not prevent them. Resolves with it and the path that the banner names.
 */
export async function ensureToken(
  dataDir: string,
  name: TokenName = 'token',
): Promise<{ readonly token: string; readonly path: string }> {
  const path = join(dataDir, name);
  if (!(await isThere(path))) {
    await create(path);
  }
  return { token: await readToken(path), path };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error) => !hasErrno(error, 'ENOENT'),
  );
}

async function create(path: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeDurably(draft, `${randomBytes(32).toString('base64url')}\n`);
    // A link, unlike a rename, never replaces the token that is there.
    await link(draft, path);
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) {
      throw new BridgeError('BRIDGE_START', `the token file ${path} cannot be written`, { cause: error });
    }
  } finally {
    await rm(draft, { force: true });
  }
}
