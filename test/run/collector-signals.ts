/**
 * Spans, metrics and log records go by each protocol of `[[outputs.otlp]]` into a real OpenTelemetry Collector, and from there to
 * another meshbridge, where they are as they were. Part of npm run test:long, since the collector is built from source.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startDaemon } from '../e2e/daemon.ts';
import { complete, sendAll, toFile } from '../e2e/otlp/all-signals.ts';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { type Collector, startCollector } from './collector.ts';

interface Ports {
  readonly http: number;
  readonly grpc: number;
}

/** Takes both protocols, and sends on what it gets by gRPC. */
function startBetween(dir: string, { http, grpc }: Ports, endpoint: string): Promise<Collector> {
  const pipeline = { receivers: ['otlp'], processors: ['batch'], exporters: ['otlp'] };
  const protocols = { http: { endpoint: `127.0.0.1:${http}` }, grpc: { endpoint: `127.0.0.1:${grpc}` } };
  const config = {
    receivers: { otlp: { protocols } },
    processors: { batch: { timeout: '50ms' } },
    exporters: { otlp: { endpoint, tls: { insecure: true } } },
    service: { pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline } },
  };
  return startCollector({ dir, port: http, config });
}

async function run(dir: string, protocol: string): Promise<void> {
  const farPort = await freePort();
  const server = `[server]\n  otlp_grpc_listen = "127.0.0.1:${farPort}"\n`;
  const farDir = join(dir, `far-${protocol.replace('/', '-')}`);
  const far = await startDaemon({ dir: farDir, config: { 'a.conf': toFile + server } });
  const ports = { http: await freePort(), grpc: await freePort() };
  const collector = await startBetween(dir, ports, `127.0.0.1:${farPort}`);
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
    await collector.stop();
    await near.end();
    await far.end();
  }
}

await inTempDir(async (dir) => {
  for (const protocol of ['http/protobuf', 'http/json', 'grpc']) {
    await run(dir, protocol);
  }
});
