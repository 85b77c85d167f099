import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../fakes/free-port.ts';
import { until } from '../fakes/until.ts';

/** A series of an instant query: its labels, and its value as Prometheus writes it. */
export interface Row {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: string;
}

export interface Prometheus {
  readonly url: string;
  /** Where others may write to it. */
  readonly writeUrl: string;
  /** An instant query; without a time, of now. */
  query(expression: string, atSeconds?: number): Promise<readonly Row[]>;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  readonly program: string;
  /** An empty directory of its own, or that of one that was stopped. */
  readonly dir: string;
  /** Default: a free one. */
  readonly port?: number;
  /** YAML of `prometheus.yml`. */
  readonly config: string;
  /** More flags. */
  readonly args?: readonly string[];
}

/** A real Prometheus on a free loopback port that takes remote-write. */
export async function startPrometheus({
  program,
  dir,
  config,
  port: wanted,
  args: more = [],
}: PrometheusOptions): Promise<Prometheus> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, 'prometheus.yml');
  await writeFile(file, config);
  const port = wanted ?? (await freePort());
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
    ...more,
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const url = `http://127.0.0.1:${port}`;
  const stop = ending(child);
  try {
    await ready(child, url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, writeUrl: `${url}/api/v1/write`, query: (...asked) => query(url, ...asked), stop };
}

function ending(child: ChildProcess): () => Promise<void> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-10_000);
  });
  await until(
    async () => {
      if (child.exitCode !== null) {
        throw new Error(`Prometheus ended with ${child.exitCode}: ${said}`);
      }
      const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
      return answer?.status === 200;
    },
    { withinMs: 90_000, what: 'Prometheus is ready' },
  );
}

async function query(url: string, expression: string, atSeconds?: number): Promise<readonly Row[]> {
  const body = new URLSearchParams({ query: expression, ...(atSeconds !== undefined && { time: String(atSeconds) }) });
  const answer = await fetch(`${url}/api/v1/query`, { method: 'POST', body });
  const { data, error } = (await answer.json()) as {
    readonly data?: { readonly result: readonly { metric: Record<string, string>; value: [number, string] }[] };
    readonly error?: string;
  };
  if (data === undefined) {
    throw new Error(`Prometheus refused "${expression}": ${error}`);
  }
  return data.result.map(({ metric, value }) => ({ metric, value: value[1] }));
}
