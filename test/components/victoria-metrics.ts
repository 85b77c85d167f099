import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../fakes/free-port.ts';
import { until } from '../fakes/until.ts';
import type { RawSeries } from './raw-samples.ts';

export interface VictoriaMetrics {
  readonly url: string;
  /** Where others may write to it. */
  readonly writeUrl: string;
  /** All samples of one job. It keeps stale markers and no other NaN. */
  export(job: string): Promise<readonly RawSeries[]>;
  stop(): Promise<void>;
}

export interface VictoriaMetricsOptions {
  readonly program: string;
  /** An empty directory of its own, or that of one that was stopped. */
  readonly dir: string;
  /** Default: a free one. */
  readonly port?: number;
  /** YAML of what it scrapes, in the words of `prometheus.yml`. */
  readonly config: string;
}

/** A real VictoriaMetrics, single-node, on a free loopback port. */
export async function startVictoriaMetrics({
  program,
  dir,
  port: wanted,
  config,
}: VictoriaMetricsOptions): Promise<VictoriaMetrics> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, 'scrape.yml');
  await writeFile(file, config);
  const port = wanted ?? (await freePort());
  const args = [
    `-storageDataPath=${join(dir, 'data')}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    `-promscrape.config=${file}`,
    '-retentionPeriod=1d',
    '-memory.allowedBytes=256MB',
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
  return { url, writeUrl: `${url}/api/v1/write`, export: (job) => exported(url, job), stop };
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
        throw new Error(`VictoriaMetrics ended with ${child.exitCode}: ${said}`);
      }
      const answer = await fetch(`${url}/health`).catch(() => undefined);
      return answer?.status === 200;
    },
    { withinMs: 90_000, what: 'VictoriaMetrics is ready' },
  );
}

interface ExportedLine {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (number | string | null)[];
  readonly timestamps: readonly number[];
}

async function exported(url: string, job: string): Promise<readonly RawSeries[]> {
  // What was written last is searched only after this.
  await fetch(`${url}/internal/force_flush`);
  const query = new URLSearchParams({ 'match[]': `{job="${job}"}` });
  const answer = await fetch(`${url}/api/v1/export`, { method: 'POST', body: query });
  const text = await answer.text();
  if (answer.status !== 200) {
    throw new Error(`export: HTTP ${answer.status} ${text}`);
  }
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    // It writes infinities bare.
    const json = line.replaceAll(/(?<=[[,])([+-]?)inf(?=[\],])/gi, '"$1Infinity"');
    const { metric, values, timestamps } = JSON.parse(json) as ExportedLine;
    return {
      labels: metric,
      samples: values.map((value, i) => ({
        timestampMs: timestamps[i] ?? 0,
        value: value === null ? ('stale' as const) : Number(value),
      })),
    };
  });
}
