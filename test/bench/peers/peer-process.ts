/** Programs that a comparison starts and stops. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const seenWithinMs = 120_000;

export interface PeerProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

/** What it prints goes to `output.log` in its folder. */
export function start(
  program: string,
  args: readonly string[],
  folder: string,
  environment: object = {},
): ChildProcess {
  const log = openSync(join(folder, 'output.log'), 'a');
  return spawn(program, args, { stdio: ['ignore', log, log], cwd: folder, env: { ...process.env, ...environment } });
}

export function processOf(child: ChildProcess): PeerProcess {
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once('exit', () => resolve());
      if (child.exitCode !== null || child.signalCode !== null || !child.kill('SIGTERM')) {
        return;
      }
      const hard = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await promise;
      clearTimeout(hard);
    },
  };
}

export async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const endMs = performance.now() + seenWithinMs; performance.now() < endMs; await delay(100)) {
    if (await condition()) {
      return;
    }
  }
  throw new Error(`not seen within ${seenWithinMs / 1000} s: ${what}`);
}

/** Resolves when that URL answers with a status of success. */
export function answers(child: ChildProcess, url: string, folder: string): Promise<void> {
  return until(async () => {
    alive(child, folder);
    const response = await fetch(url).catch(() => undefined);
    return response?.ok === true;
  }, `an answer from ${url}`);
}

/** Resolves when something answers there, whatever it says. */
export function accepts(child: ChildProcess, port: number, folder: string): Promise<void> {
  return until(async () => {
    alive(child, folder);
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    return response !== undefined;
  }, `a listener on port ${port}`);
}

function alive(child: ChildProcess, folder: string): void {
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new Error(`it ended while it started; see ${join(folder, 'output.log')}`);
  }
}
