import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../fakes/until.ts';

export interface CollectorOptions {
  /** For the file of its configuration. */
  readonly dir: string;
  /** That a receiver of HTTP listens on. */
  readonly port: number;
  /** All but `service.telemetry`. */
  readonly config: { readonly service: object } & Readonly<Record<string, object>>;
}

export interface Collector {
  /** All that it wrote to stderr so far. */
  said(): string;
  /** Kill -9. */
  stop(): Promise<void>;
}

function program(): string {
  const script = fileURLToPath(new URL('../components/otelcol.sh', import.meta.url));
  const built = spawnSync('bash', [script, 'otlp'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  assert.equal(built.status, 0, 'the OpenTelemetry Collector is missing');
  return built.stdout.trim();
}

/** A real OpenTelemetry Collector, which is built from source where it is not there yet; resolves when it listens. */
export async function startCollector({ dir, port, config }: CollectorOptions): Promise<Collector> {
  const telemetry = { metrics: { level: 'none' }, logs: { level: 'warn' } };
  const file = join(dir, `otelcol-${port}.yaml`);
  await writeFile(file, JSON.stringify({ ...config, service: { ...config.service, telemetry } }));
  const child = spawn(program(), ['--config', file], { stdio: ['ignore', 'inherit', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const answers = async (): Promise<boolean> => {
    assert.equal(child.exitCode, null, `the collector ended: ${said}`);
    return (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) !== undefined;
  };
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  await until(answers, { what: 'the collector listens' }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { said: () => said, stop };
}
