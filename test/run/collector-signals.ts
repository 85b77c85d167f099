/**
 * Spans, metrics and log records go by each protocol of `[[outputs.otlp]]` into a real OpenTelemetry Collector, and from there to
 * another meshbridge, where they are as they were. Part of npm run test:long, since the collector is built from source.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDaemon } from '../e2e/daemon.ts';
import { complete, sendAll, toFile } from '../e2e/otlp/all-signals.ts';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';

interface Ports {
  readonly http: number;
  readonly grpc: number;
}

function program(): string {
  const script = fileURLToPath(new URL('../components/otelcol.sh', import.meta.url));
  const built = spawnSync('bash', [script, 'otlp'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  assert.equal(built.status, 0, 'the OpenTelemetry Collector is missing');
  return built.stdout.trim();
}

/** Takes both protocols, and sends on what it gets by gRPC. */
async function startCollector(dir: string, { http, grpc }: Ports, endpoint: string): Promise<ChildProcess> {
  const pipeline = { receivers: ['otlp'], processors: ['batch'], exporters: ['otlp'] };
  const protocols = { http: { endpoint: `127.0.0.1:${http}` }, grpc: { endpoint: `127.0.0.1:${grpc}` } };
  const config = {
    receivers: { otlp: { protocols } },
    processors: { batch: { timeout: '50ms' } },
    exporters: { otlp: { endpoint, tls: { insecure: true } } },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline },
    },
  };
  const file = join(dir, `otelcol-${http}.yaml`);
  await writeFile(file, JSON.stringify(config));
  const child = spawn(program(), ['--config', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  const answers = async (): Promise<boolean> => {
    assert.equal(child.exitCode, null, 'the collector ended');
    return (await fetch(`http://127.0.0.1:${http}/`).catch(() => undefined)) !== undefined;
  };
  await until(answers, { withinMs: 60_000, what: 'the collector listens' });
  return child;
}

async function run(dir: string, protocol: string): Promise<void> {
  const farPort = await freePort();
  const server = `[server]\n  otlp_grpc_listen = "127.0.0.1:${farPort}"\n`;
  const farDir = join(dir, `far-${protocol.replace('/', '-')}`);
  const far = await startDaemon({ dir: farDir, config: { 'a.conf': toFile + server } });
  const ports = { http: await freePort(), grpc: await freePort() };
  const collector = await startCollector(dir, ports, `127.0.0.1:${farPort}`);
  const port = protocol === 'grpc' ? ports.grpc : ports.http;
  const output = `[[outputs.otlp]]\n  url = "http://127.0.0.1:${port}"\n  protocol = "${protocol}"\n  batch_wait = "1ms"\n`;
  const nearDir = join(dir, `near-${protocol.replace('/', '-')}`);
  const near = await startDaemon({ dir: nearDir, config: { 'a.conf': toFile + output } });
  try {
    await sendAll(near);
    const here = await complete(join(nearDir, 'data'));
    assert.deepEqual(await complete(join(farDir, 'data')), here);
    console.log(`ok: spans, metrics and log records by ${protocol}`);
  } finally {
    collector.kill('SIGKILL');
    await near.end();
    await far.end();
  }
}

await inTempDir(async (dir) => {
  for (const protocol of ['http/protobuf', 'http/json', 'grpc']) {
    await run(dir, protocol);
  }
});
