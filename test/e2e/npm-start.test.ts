import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freePort } from '../fakes/free-port.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until, within } from '../fakes/until.ts';

const top = join(import.meta.dirname, '../..');
let dir: TempDir;
let npm: ChildProcess | undefined;

beforeEach(async () => {
  dir = await tempDir('meshbridge-start-');
});

afterEach(async () => {
  for (const pid of daemonPids()) {
    process.kill(pid, 'SIGKILL');
  }
  await dir.remove();
});

/** Processes whose command line names this test's data directory. */
function daemonPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(dir.path, 'data'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

interface Started {
  readonly url: string;
  readonly exited: Promise<number | string>;
}

/** As a person starts it in a terminal: a process group of its own, with the machine's own Node first on the PATH. */
async function npmStart(): Promise<Started> {
  const port = await freePort();
  const own = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.startsWith(top));
  const args = ['--config-dir', dir.path, '--data-dir', join(dir.path, 'data'), '--listen', `127.0.0.1:${port}`];
  const child = spawn('npm', ['start', '--', ...args], {
    cwd: top,
    env: { PATH: own.join(':'), HOME: process.env['HOME'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  npm = child;
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  const { promise: exited, resolve } = Promise.withResolvers<number | string>();
  child.on('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  const url = `http://127.0.0.1:${port}`;
  const early = exited.then((how) => {
    throw new Error(`npm start ended with ${how}:\n${text}`);
  });
  early.catch(() => undefined);
  const ready = until(async () => (await fetch(`${url}/-/ready`)).ok, { withinMs: 120_000, what: '/-/ready' });
  await Promise.race([ready, early]);
  return { url, exited };
}

test('npm start runs the daemon on the pinned Node 24, as the one process below npm', async () => {
  const started = await npmStart();
  const { pid } = JSON.parse(await (await fetch(`${started.url}/api/native/status`)).text());
  expect(readlinkSync(`/proc/${pid}/exe`)).toBe(join(top, 'node_modules', 'node', 'bin', 'node'));
  const below = daemonPids().filter((one) => one !== npm?.pid);
  expect(below).toEqual([pid]);
  process.kill(pid, 'SIGTERM');
  expect(await within(started.exited, 60_000, 'the end of npm')).toBe(0);
}, 240_000);

test('Ctrl-C drains and ends with 0, though it reaches the daemon twice: from the terminal and from npm', async () => {
  const started = await npmStart();
  process.kill(-(npm?.pid ?? 0), 'SIGINT');
  expect(await within(started.exited, 60_000, 'the end of npm')).toBe(0);
  await until(() => daemonPids().length === 0, { withinMs: 60_000, what: 'no process left' });
}, 240_000);

test('SIGTERM to npm ends the daemon', async () => {
  const started = await npmStart();
  npm?.kill('SIGTERM');
  await within(started.exited, 60_000, 'the end of npm');
  await until(() => daemonPids().length === 0, { withinMs: 60_000, what: 'no process left' });
}, 240_000);
