/**
 * A real OpenTelemetry Collector sends us what it receives, by each of its exporters of OTLP. Part of npm run test:long, since
 * the collector is built from source.
 */
import assert from 'node:assert/strict';
import { type Daemon, startDaemon } from '../e2e/daemon.ts';
import { choicesOf } from '../e2e/zipkin/choices.ts';
import { traceOf } from '../e2e/zipkin/good-traces.ts';
import type { V2Span } from '../e2e/zipkin/wire.ts';
import { freePort } from '../fakes/free-port.ts';
import { inTempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Collector, startCollector } from './collector.ts';

const traces = 200;

/** A collector's exporter, by name, with its settings. */
interface Exporter {
  readonly name: 'otlp' | 'otlphttp';
  readonly what: string;
  settings(http: string, grpc: string): object;
}

const tls = { insecure: true };
const exporters: readonly Exporter[] = [
  { name: 'otlp', what: 'gRPC', settings: (_, grpc) => ({ endpoint: grpc, tls }) },
  {
    name: 'otlp',
    what: 'gRPC without compression',
    settings: (_, grpc) => ({ endpoint: grpc, tls, compression: 'none' }),
  },
  { name: 'otlphttp', what: 'HTTP', settings: (http) => ({ endpoint: http }) },
  { name: 'otlphttp', what: 'HTTP as JSON', settings: (http) => ({ endpoint: http, encoding: 'json' }) },
  { name: 'otlphttp', what: 'HTTP without compression', settings: (http) => ({ endpoint: http, compression: 'none' }) },
  { name: 'otlphttp', what: 'HTTP with zstd', settings: (http) => ({ endpoint: http, compression: 'zstd' }) },
];

function startBetween(dir: string, port: number, exporter: object): Promise<Collector> {
  const [[name = ''] = []] = Object.entries(exporter);
  const pipeline = { receivers: ['zipkin'], processors: ['batch'], exporters: [name] };
  const config = {
    receivers: { zipkin: { endpoint: `127.0.0.1:${port}` } },
    processors: { batch: {} },
    exporters: exporter,
    service: { pipelines: { traces: pipeline } },
  };
  return startCollector({ dir, port, config });
}

/** What must be the same behind two translations. */
function core(span: V2Span): string {
  const { traceId, id, parentId, kind, name, localEndpoint, timestamp, duration } = span;
  const service = localEndpoint?.serviceName?.toLowerCase();
  return JSON.stringify([
    traceId.padStart(32, '0'),
    id,
    parentId,
    kind,
    name?.toLowerCase(),
    service,
    timestamp,
    duration,
  ]);
}

async function stored(daemon: Daemon, sent: readonly V2Span[]): Promise<readonly V2Span[]> {
  const found: V2Span[] = [];
  for (const traceId of new Set(sent.map((span) => span.traceId))) {
    const answer = await fetch(`${daemon.url}/api/v2/trace/${traceId}`);
    assert.equal(answer.status, 200, `trace ${traceId}`);
    found.push(...JSON.parse(await answer.text()));
  }
  return found;
}

async function run(dir: string, daemon: Daemon, { name, what, settings }: Exporter): Promise<void> {
  const { listeners } = await daemon.status();
  const grpc = listeners.find((one) => one.name === 'otlp_grpc')?.address ?? '';
  const port = await freePort();
  const collector = await startBetween(dir, port, { [name]: settings(daemon.url, grpc) });
  try {
    const choices = choicesOf(exporters.findIndex((one) => one.what === what) + 100);
    // OTLP has no spans without times: what has none gets some on the way.
    const timed = ({ timestamp, duration, name: called }: V2Span): boolean =>
      timestamp !== undefined && duration !== undefined && called !== undefined;
    const sent = Array.from({ length: traces }, (_, n) => traceOf(choices, n)).flatMap((trace) => trace.filter(timed));
    const accepted = async (): Promise<number> => {
      const { inputs } = await daemon.status();
      return inputs.find(({ type, signal }) => type === 'opentelemetry' && signal === 'traces')?.accepted ?? 0;
    };
    const before = await accepted();
    const body = JSON.stringify(sent);
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`http://127.0.0.1:${port}/api/v2/spans`, { method: 'POST', body, headers });
    assert.equal(answer.status, 202, `the collector takes the spans: ${await answer.text()}`);
    const want = before + sent.length;
    await until(async () => (await accepted()) >= want, { withinMs: 30_000, what: `${sent.length} spans by ${what}` });
    const complete = async (): Promise<boolean> => (await stored(daemon, sent)).length >= sent.length;
    await until(complete, { withinMs: 30_000, what: 'the spans in the store' });
    assert.deepEqual((await stored(daemon, sent)).map(core).toSorted(), sent.map(core).toSorted());
    assert.equal(await accepted(), want);
    assert.doesNotMatch(collector.said(), /\terror\t|Dropping data/);
    console.log(`ok: ${sent.length} spans by ${what}`);
  } finally {
    await collector.stop();
  }
}

await inTempDir(async (dir) => {
  const config = '[server]\notlp_grpc_listen = "127.0.0.1:0"\n';
  const daemon = await startDaemon({ dir, config: { 'main.conf': config } });
  try {
    for (const exporter of exporters) {
      await run(dir, daemon, exporter);
    }
  } finally {
    await daemon.end();
  }
});
