/**
 * npm run test:long: what takes longer than npm test may. The comparison needs Go, for the OpenTelemetry Collector.
 */
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../..', import.meta.url));
const propertyRounds = 20;

interface Step {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Tests over generated input take new seeds each time; many rounds see what one round does not. */
function propertyTests(): Step[] {
  const files = globSync('{src,test}/**/*.test.ts', { cwd: top })
    .filter((file) => readFileSync(`${top}${file}`, 'utf8').includes("from 'fast-check'"))
    .sort();
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--silent'];
  return Array.from({ length: propertyRounds }, (_, i) => ({
    name: `property tests, round ${i + 1}`,
    args: [...jest, '--runTestsByPath', ...files],
  }));
}

const steps: readonly Step[] = [
  ...propertyTests(),
  {
    name: 'a hub that is away for two minutes',
    args: [
      ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects=e2e'],
      ...['--runTestsByPath', 'test/e2e/hub.test.ts', '-t', 'while the hub is away'],
    ],
    env: { HUB_AWAY_SECONDS: '120' },
  },
  {
    name: 'ten minutes of chaos',
    args: [
      ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects=crash'],
      ...['--runTestsByPath', 'test/crash/chaos.test.ts'],
    ],
    env: { CHAOS_SECONDS: '600' },
  },
  {
    name: 'backends that are away for a minute',
    args: [
      ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects=e2e'],
      ...['--testPathPatterns', 'test/e2e/(bad-day|kafka)'],
    ],
    env: { OUTAGE_SECONDS: '60' },
  },
  {
    name: 'an OpenTelemetry Collector on its bad days, away for a minute',
    args: [
      ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects=long'],
      ...['--runTestsByPath', 'test/run/collector-bad-day.test.ts'],
    ],
    env: { OUTAGE_SECONDS: '60' },
  },
  {
    name: 'no report of an Envoy is lost in ten minutes',
    args: [
      ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects=e2e'],
      ...['--runTestsByPath', 'test/e2e/demo-spans.test.ts'],
    ],
    env: { DEMO_SECONDS: '300' },
  },
  {
    name: 'the decoders of spans and of OTLP, fuzzed for a minute each',
    args: [
      ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--selectProjects=unit'],
      ...['--runTestsByPath', 'test/unit/fuzz-span-decoders.test.ts', 'test/unit/fuzz-otlp.test.ts'],
    ],
    env: { FUZZ_SECONDS: '60' },
  },
  {
    name: 'spans from the exporters of an OpenTelemetry Collector',
    args: ['--no-warnings', 'test/run/collector-exporters.ts'],
  },
  {
    name: 'everything into an OpenTelemetry Collector and out of it again',
    args: ['--no-warnings', 'test/run/collector-signals.ts'],
  },
  {
    name: 'container logs beside an OpenTelemetry Collector',
    args: ['--no-warnings', 'test/bench/run.ts', 'logs', '--mib', '256', '--rounds', '1'],
  },
  { name: 'spans beside an OpenTelemetry Collector', args: ['--no-warnings', 'test/bench/run.ts', 'zipkin'] },
];

async function run(step: Step): Promise<boolean> {
  console.log(`\n── ${step.name} ──`);
  const child = spawn(process.execPath, step.args, {
    cwd: top,
    stdio: 'inherit',
    env: { ...process.env, ...step.env },
  });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  child.on('error', () => resolve(false));
  child.on('exit', (code) => resolve(code === 0));
  return promise;
}

const failed: string[] = [];
for (const step of steps) {
  if (!(await run(step))) {
    failed.push(step.name);
  }
}
for (const name of failed) {
  console.log(`failed: ${name}`);
}
console.log(`${steps.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
