import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { until } from '../../../test/fakes/until.ts';
import { spawnGuarded } from './guarded.ts';

/** A zombie is dead: who reaps it is not our business. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

test('output and exit code are the program’s own, and its guard goes with it', async () => {
  const child = spawnGuarded('/bin/sh', ['-c', 'echo said; exit 7']);
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.resume();
  // `close` comes when nobody holds the pipes any more, the guard neither.
  expect(await once(child, 'close')).toEqual([7, null]);
  expect(said).toBe('said\n');
});

test('a program that cannot be had is said by the shell', async () => {
  const child = spawnGuarded('/nowhere/program', []);
  child.stdout.resume();
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  expect(await once(child, 'close')).toEqual([127, null]);
  expect(said).toContain('/nowhere/program');
});

/** A program that starts another, and says its number. */
const withChild = ['-c', 'sleep 600 & echo $!; wait'] as const;

test('asked to end, it ends with all that it started', async () => {
  const end = new AbortController();
  const child = spawnGuarded('/bin/sh', withChild, { signal: end.signal });
  child.stderr.resume();
  const [chunk] = await once(child.stdout, 'data');
  end.abort();
  // Nobody holds the pipes any more.
  expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
  expect(isAlive(Number(chunk))).toBe(false);
});

test('asked to end before it began, it ends', async () => {
  const child = spawnGuarded('/bin/sleep', ['600'], { signal: AbortSignal.abort() });
  child.stdout.resume();
  child.stderr.resume();
  expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
});

test('it ends when the process that started it is killed, with all that it started', async () => {
  const module = JSON.stringify(join(import.meta.dirname, 'guarded.ts'));
  const program = `import { spawnGuarded } from ${module};
    const child = spawnGuarded('/bin/sh', ${JSON.stringify(withChild)});
    child.stdout.once('data', (chunk) => console.log(child.pid, String(chunk)));`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = await once(holder.stdout, 'data');
  const pids = String(chunk).trim().split(/\s+/).map(Number);
  expect(pids).toHaveLength(2);
  expect(pids.every(isAlive)).toBe(true);
  holder.kill('SIGKILL');
  await until(() => !pids.some(isAlive), { withinMs: 60_000, what: 'their end' });
}, 90_000);
