import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/**
 * A shell beside the program holds the other end of fd 3. When that closes without a line, this process is gone, perhaps killed,
 * or wants the end: the program goes too, with all that it started, which is one process group. A line says that the program
 * has ended by itself, and that its number may be another's by now.
 */
const lifeline = '(read -r _ <&3 || kill -KILL -$$ 2>/dev/null) & exec 3<&-; exec "$@"';

/** A child process with its output as pipes. */
export interface Guarded extends ChildProcess {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

export interface GuardOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Kills it. */
  readonly signal?: AbortSignal;
}

/** Starts a program that does not outlive this process, whatever becomes of it; nor does what the program starts. */
export function spawnGuarded(program: string, args: readonly string[], options: GuardOptions = {}): Guarded {
  const { env, signal } = options;
  const child = spawn('/bin/sh', ['-c', lifeline, 'sh', program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const line = child.stdio[3] as Writable;
  line.on('error', () => {});
  const letGo = () => line.destroy();
  signal?.addEventListener('abort', letGo);
  if (signal?.aborted === true) {
    letGo();
  }
  child.on('exit', () => {
    signal?.removeEventListener('abort', letGo);
    line.end('\n');
  });
  return child as ChildProcess as Guarded;
}
