/**
 * npm run bench -- store [traces|derived|metrics|logs] [ARGS]
 *
 * The embedded store alone, signal by signal; all of them without a name. Each is a file of `store/`, and a process of its own, so
 * that the peaks of memory are its own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const parts = ['traces', 'derived', 'metrics', 'logs'].filter((part) => existsSync(fileOf(part)));
const [first = '', ...rest] = process.argv.slice(2);
const [chosen, args] = parts.includes(first) ? [[first], rest] : [parts, process.argv.slice(2)];

function fileOf(part: string): string {
  return fileURLToPath(new URL(`store/${part}.ts`, import.meta.url));
}

for (const part of chosen) {
  const { status } = spawnSync(process.execPath, ['--no-warnings', fileOf(part), ...args], { stdio: 'inherit' });
  process.exitCode = status === 0 ? process.exitCode : 1;
}
