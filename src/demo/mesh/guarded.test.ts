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

test('it ends when the process that started it is killed', async () => {
  const module = JSON.stringify(join(import.meta.dirname, 'guarded.ts'));
  const program = `import { spawnGuarded } from ${module}; console.log(spawnGuarded('/bin/sleep', ['600']).pid);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = await once(holder.stdout, 'data');
  const pid = Number(chunk);
  expect(isAlive(pid)).toBe(true);
  holder.kill('SIGKILL');
  await until(() => !isAlive(pid), { withinMs: 60_000, what: 'its end' });
}, 90_000);
