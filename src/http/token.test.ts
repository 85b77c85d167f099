import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ensureToken, readToken, Secret } from './token.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'token-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('the token', () => {
  test('is made once, for the owner alone, and stays', async () => {
    const made = await ensureToken(dir);
    expect(made.token).toMatch(/^[\w-]{43}$/);
    expect((await stat(made.path)).mode & 0o777).toBe(0o600);
    expect((await readFile(made.path, 'utf8')).trim()).toBe(made.token);
    expect(await ensureToken(dir)).toEqual(made);
  });

  test('is only read once it is there, so that a full disk keeps nobody from starting', async () => {
    const { token } = await ensureToken(dir);
    const before = await stat(dir, { bigint: true });
    expect((await ensureToken(dir)).token).toBe(token);
    expect((await stat(dir, { bigint: true })).mtimeNs).toBe(before.mtimeNs);
  });

  test('is the same for all who ask for it at once', async () => {
    const made = await Promise.all([ensureToken(dir), ensureToken(dir), ensureToken(dir)]);
    expect(new Set(made.map(({ token }) => token)).size).toBe(1);
  });

  test('is not taken from a file that holds none', async () => {
    const path = join(dir, 'short');
    await writeFile(path, 'abc\n');
    await expect(readToken(path)).rejects.toMatchObject({
      code: 'BRIDGE_CONFIG',
      message: expect.stringContaining(path),
    });
    await expect(readToken(join(dir, 'absent'))).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
  });

  test('cannot be made where nothing can be written', async () => {
    await expect(ensureToken(join(dir, 'absent'))).rejects.toMatchObject({ code: 'BRIDGE_START' });
  });
});

test('a secret matches itself only', () => {
  const secret = new Secret('abcdefghijklmnop');
  expect(['abcdefghijklmnop', 'abcdefghijklmno', 'abcdefghijklmnopq', ''].map((text) => secret.matches(text))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
