import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { closedAfterEach } from '../fakes/closing.ts';

export const program = join(import.meta.dirname, '../../dist/main.js');

/** A command that runs or has run. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the exit code once all that it wrote is here. */
  readonly ended: Promise<number>;
  out(): string;
  err(): string;
}

export interface CommandOptions {
  readonly cwd: string;
  /** Default: that of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

type Run = (command: string, args: readonly string[], options: CommandOptions) => Running;

/** Runs commands as in a terminal; those that still run after the test are killed. */
export function commandsOfEachTest(): Run {
  const atTheEnd = closedAfterEach();
  return (command, args, options) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      err += String(chunk);
    });
    const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
    atTheEnd(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    return { child, ended, out: () => out, err: () => err };
  };
}
