import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/**
 * A shell beside the program holds the other end of fd 3. When that closes without a line, this process is gone, perhaps
 * killed, and the program goes too. A line says that the program has ended by itself, and that its number may be another's by now.
 */
const lifeline = '(read -r _ <&3 || kill -KILL $$ 2>/dev/null) & exec 3<&-; exec "$@"';

/** A child process with its output as pipes. */
export interface Guarded extends ChildProcess {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/** Starts a program that does not outlive this process, whatever becomes of it. */
export function spawnGuarded(
  program: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'env' | 'signal'> = {},
): Guarded {
  const child = spawn('/bin/sh', ['-c', lifeline, 'sh', program, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const line = child.stdio[3] as Writable;
  line.on('error', () => {});
  child.on('exit', () => line.end('\n'));
  return child as ChildProcess as Guarded;
}
