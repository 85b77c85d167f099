import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { lockDirectory } from './data-dir-lock.ts';

const freshDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'meshbridge-lock-'));

test('a directory is held by one at a time', async () => {
  const dir = await freshDir();
  const lock = await lockDirectory(dir);
  expect(lock).toBeDefined();
  expect(await lockDirectory(dir)).toBeUndefined();
  await lock?.release();
  const again = await lockDirectory(dir);
  expect(again).toBeDefined();
  await again?.release();
});

test('what a killed process left behind does not lock anybody out', async () => {
  const dir = await freshDir();
  const holder = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(join(dir, 'lock'))}, () => console.log('held'))`,
  ]);
  await once(holder.stdout, 'data');
  expect(await lockDirectory(dir)).toBeUndefined();
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect((await stat(join(dir, 'lock'))).isSocket()).toBe(true);
  const lock = await lockDirectory(dir);
  expect(lock).toBeDefined();
  await lock?.release();
});

test('works in a directory whose path is longer than a socket address', async () => {
  const dir = join(await freshDir(), 'x'.repeat(120));
  await mkdir(dir);
  const lock = await lockDirectory(dir);
  expect(lock).toBeDefined();
  expect((await stat(join(dir, 'lock'))).isSocket()).toBe(true);
  expect(await lockDirectory(dir)).toBeUndefined();
  await lock?.release();
});
