/** npm run bench -- NAME [ARGS]: runs one comparison. Each is a file of this folder; its helpers are in the folder of the same name. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== 'run.ts')
  .map((file) => file.slice(0, -3));
const [name = '', ...args] = process.argv.slice(2);

if (names.includes(name)) {
  const child = spawn(process.execPath, ['--no-warnings', `${folder}${name}.ts`, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
} else {
  console.error(`usage: npm run bench -- NAME [ARGS]; there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`);
  process.exitCode = 64;
}
