/**
 * npm test: every suite, with the real components that the end-to-end tests need being installed meanwhile.
 * `npm test -- NAME...` runs the suites named. The last line is counted from jest's own reports.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { componentNames, installComponent } from '../components/components.ts';
import { type JestReport, sumOf, type Tally, tallyOf, verdictOf } from './tally.ts';

interface Suite {
  readonly name: string;
  readonly workers: number;
  readonly atMostMinutes: number;
  readonly components: 'needed' | 'not needed';
}

const suites: readonly Suite[] = [
  { name: 'unit', workers: availableParallelism(), atMostMinutes: 12, components: 'not needed' },
  { name: 'e2e', workers: 1, atMostMinutes: 32, components: 'needed' },
  { name: 'crash', workers: 1, atMostMinutes: 15, components: 'needed' },
];

const top = fileURLToPath(new URL('../..', import.meta.url));
const reports = mkdtempSync(join(tmpdir(), 'meshbridge-reports-'));
let running: number | undefined;

/** Jest and what its tests started are one process group, so that nothing outlives a run that is given up. */
function stopRunning(): void {
  if (running === undefined) {
    return;
  }
  try {
    process.kill(-running, 'SIGKILL');
  } catch {
    // The group is gone already.
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopRunning();
    rmSync(reports, { recursive: true, force: true });
    process.exit(1);
  });
}

async function runSuite(suite: Suite): Promise<Tally> {
  const report = join(reports, `${suite.name}.json`);
  console.log(`\n── ${suite.name} ──`);
  const child = spawn(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--no-warnings',
      join(top, 'node_modules', 'jest', 'bin', 'jest.js'),
      ...['--selectProjects', suite.name, '--maxWorkers', String(suite.workers)],
      ...['--testTimeout', '180000', '--passWithNoTests', '--json', '--outputFile', report],
    ],
    { cwd: top, stdio: ['ignore', 'ignore', 'inherit'], detached: true },
  );
  running = child.pid;
  const limit = setTimeout(() => {
    console.error(`${suite.name} took longer than ${suite.atMostMinutes} minutes and was ended`);
    stopRunning();
  }, suite.atMostMinutes * 60_000);
  const { promise: ended, resolve } = Promise.withResolvers<number | null>();
  child.on('error', () => resolve(null));
  child.on('close', resolve);
  const status = await ended;
  clearTimeout(limit);
  running = undefined;
  const tally = tallyOf(readReport(report));
  const failedUncounted = status !== 0 && tally.failed === 0;
  return failedUncounted ? { ...tally, failed: 1 } : tally;
}

function readReport(file: string): JestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

async function installComponents(): Promise<void> {
  for (const name of componentNames) {
    const found = await installComponent(name);
    console.log('path' in found ? `component ${name}: ${found.path}` : `component missing: ${found.missing}`);
  }
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`there is no suite ${unknown.join(', ')}; there are ${suites.map(({ name }) => name).join(', ')}`);
    process.exitCode = 64;
    return;
  }
  const chosen = suites.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const components = chosen.some((suite) => suite.components === 'needed') ? installComponents() : Promise.resolve();
  const tallies: Tally[] = [];
  for (const suite of chosen) {
    if (suite.components === 'needed') {
      await components;
    }
    tallies.push(await runSuite(suite));
  }
  const total = sumOf(tallies);
  const verdict = verdictOf(total, process.env['CI'] === 'true' ? 'fails' : 'allowed');
  for (const name of total.skipped) {
    console.log(`skipped: ${name}`);
  }
  console.log(verdict.line);
  process.exitCode = verdict.good ? 0 : 1;
}

try {
  await main();
} finally {
  rmSync(reports, { recursive: true, force: true });
}
