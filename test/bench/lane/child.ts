import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs a program beside this file, in a process of its own, with its plan as JSON; what it prints is JSON as well. */
export async function run<Report>(program: string, plan: object): Promise<Report> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', path, JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  const status = await promise;
  if (status !== 0) {
    throw new Error(`${program} ended with ${status}`);
  }
  return JSON.parse(output);
}

export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
