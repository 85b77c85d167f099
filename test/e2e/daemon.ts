import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BridgeStatus } from '../../src/contract/status.ts';
import { freePort } from '../fakes/free-port.ts';

/** A real daemon process, run from `dist/`. */
export interface Daemon {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** All that it wrote to stderr and stdout so far. */
  output(): string;
  status(): Promise<BridgeStatus>;
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | string>;
}

export interface DaemonOptions {
  /** Holds `conf.d/` and `data/`; both are made where they are missing. */
  readonly dir: string;
  /** File in `conf.d/`, such as `zipkin/zipkin.conf` → TOML. */
  readonly config?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Longest time until it answers `/-/ready`. */
  readonly readyMs?: number;
  /** A program that becomes the daemon, such as one that enters a namespace first. */
  readonly through?: readonly string[];
}

const program = join(import.meta.dirname, '../../dist/main.js');

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  if (!existsSync(program)) {
    throw new Error('dist/main.js is missing: run "npm run build" first');
  }
  const configDir = join(options.dir, 'conf.d');
  await mkdir(configDir, { recursive: true });
  for (const [name, toml] of Object.entries(options.config ?? {})) {
    await mkdir(dirname(join(configDir, name)), { recursive: true });
    await writeFile(join(configDir, name), toml);
  }
  const port = options.port ?? (await freePort());
  const args = [
    'run',
    '--config-dir',
    configDir,
    '--data-dir',
    join(options.dir, 'data'),
    '--listen',
    `${options.host ?? '127.0.0.1'}:${port}`,
  ];
  const [command = '', ...rest] = [
    ...(options.through ?? []),
    process.execPath,
    program,
    ...args,
    ...(options.args ?? []),
  ];
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...options.env },
  });
  const daemon = watch(child, `http://${options.host ?? '127.0.0.1'}:${port}`);
  await ready(daemon, options.readyMs ?? 60_000);
  return daemon;
}

function watch(child: ChildProcess, url: string): Daemon {
  let text = '';
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-200_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const exited = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown')),
  );
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    exited,
    output: () => text,
    status: async () => {
      const response = await fetch(`${url}/api/native/status`);
      return (await response.json()) as BridgeStatus;
    },
    end: (signal = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
  };
}

async function ready(daemon: Daemon, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  let ended: number | string | undefined;
  void daemon.exited.then((code) => {
    ended = code;
  });
  while (Date.now() < deadline) {
    if (ended !== undefined) {
      throw new Error(`the daemon ended with ${ended}:\n${daemon.output()}`);
    }
    const answer = await fetch(`${daemon.url}/-/ready`).catch(() => undefined);
    if (answer?.status === 200) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await daemon.end('SIGKILL');
  throw new Error(`the daemon was not ready within ${withinMs} ms:\n${daemon.output()}`);
}
