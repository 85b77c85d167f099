import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { startEnvoyPair } from './zipkin/envoy-pair.ts';
import type { V2Span } from './zipkin/wire.ts';

const run = promisify(execFile);
const senders = join(import.meta.dirname, 'zipkin');
const v1 = '/api/v1/spans';
const v2 = '/api/v2/spans';

describe('tracers of others', () => {
  let dir: TempDir;
  let daemon: Daemon;

  beforeAll(async () => {
    dir = await tempDir();
    daemon = await startDaemon({ dir: dir.path });
  }, 120_000);

  afterAll(async () => {
    await daemon?.end();
    await dir?.remove();
  });

  /** The sender's last words are a trace id; the trace, once it has that many spans, by the names of spans. */
  async function sent(program: string, args: readonly string[], spans: number): Promise<Record<string, V2Span>> {
    const { stdout } = await run(program, [...args], { timeout: 60_000 });
    const traceId = stdout.trim().split('\n').at(-1) ?? '';
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    const found = await until(
      async () => {
        const answer = await fetch(`${daemon.url}/api/v2/trace/${traceId}`);
        const trace: readonly V2Span[] = answer.status === 200 ? JSON.parse(await answer.text()) : [];
        return trace.length >= spans ? trace : undefined;
      },
      { withinMs: 60_000, what: `trace ${traceId} in the store` },
    );
    expect(found).toHaveLength(spans);
    expect(new Set(found.map((span) => span.traceId))).toEqual(new Set([traceId]));
    return Object.fromEntries(found.map((span) => [span.name ?? '', span]));
  }

  test('OpenTelemetry, with its Zipkin exporter', async () => {
    const program = [join(senders, 'send-otel.cjs'), daemon.url + v2];
    const spans = await sent(process.execPath, program, 3);
    const { 'post /orders': order, select: query, price } = spans;
    expect(order).toMatchObject({
      kind: 'SERVER',
      localEndpoint: { serviceName: 'otel-shop' },
      tags: { 'http.route': '/orders', retries: '2', 'deployment.environment': 'test' },
      timestamp: expect.any(Number),
      duration: expect.any(Number),
    });
    expect(query).toMatchObject({
      kind: 'CLIENT',
      parentId: order?.id,
      tags: { error: 'deadlock', 'otel.status_code': 'ERROR' },
      annotations: [{ value: 'connected', timestamp: expect.any(Number) }],
    });
    expect(price).toMatchObject({ parentId: order?.id });
    expect(price).not.toHaveProperty('kind');
  });

  describe.each([
    ['thrift', v1],
    ['json-v1', v1],
    ['json-v2', v2],
  ])('zipkin-js, as %s', (dialect, path) => {
    test('has both halves of a trace, with names, tags, errors, annotations and the other side', async () => {
      const program = [join(senders, 'send-zipkin-js.cjs'), daemon.url + path, dialect];
      const { 'get /cart': server, get: client } = await sent(process.execPath, program, 2);
      expect(server).toMatchObject({
        kind: 'SERVER',
        tags: { 'http.path': '/cart?a=b' },
        duration: expect.any(Number),
      });
      expect(server).toMatchObject({ localEndpoint: { serviceName: `js-${dialect}` } });
      expect(client).toMatchObject({
        kind: 'CLIENT',
        parentId: server?.id,
        tags: { error: 'timeout' },
        annotations: [{ value: 'cache miss', timestamp: expect.any(Number) }],
        remoteEndpoint: { serviceName: 'redis', ipv4: '10.0.0.9', port: 6379 },
      });
    });
  });

  describeWith('py-zipkin', (environment) => {
    test.each([
      ['V1_THRIFT', v1],
      ['V1_JSON', v1],
      ['V2_JSON', v2],
      ['V2_PROTO3', v2],
    ])('as %s has both halves of a trace, with names, tags, errors, annotations and both sides', async (name, path) => {
      const program = [join(senders, 'send-py-zipkin.py'), daemon.url + path, name];
      const { 'get /cart': server, get: client } = await sent(join(environment, 'bin', 'python'), program, 2);
      const localEndpoint = { serviceName: `py-${name.toLowerCase().replace('_', '-')}`, ipv4: '10.0.0.1', port: 8080 };
      expect(server).toMatchObject({
        id: '00000000000000aa',
        kind: 'SERVER',
        shared: true,
        localEndpoint,
        tags: { 'http.path': '/cart?a=ü' },
        duration: expect.any(Number),
      });
      expect(client).toMatchObject({
        kind: 'CLIENT',
        parentId: server?.id,
        localEndpoint,
        tags: { error: 'timeout' },
        annotations: [{ value: 'cache miss', timestamp: expect.any(Number) }],
        remoteEndpoint: { serviceName: 'redis', ipv4: '10.0.0.9', port: 6379 },
      });
    });
  });

  describeWith('envoy', (environment) => {
    test.each(['HTTP_JSON', 'HTTP_PROTO'] as const)(
      'as %s drops nothing and loses nothing',
      async (collectorVersion) => {
        const requests = 60;
        const envoy = await startEnvoyPair({ environment, dir: dir.path, zipkinPort: daemon.port, collectorVersion });
        const accepted = async (): Promise<number> => {
          const { inputs } = await daemon.status();
          return inputs.find(({ type }) => type === 'zipkin')?.accepted ?? 0;
        };
        try {
          const before = await accepted();
          for (let i = 0; i < requests; i += 1) {
            expect(await envoy.request()).toBe(200);
          }
          const counters = await until(
            async () => {
              const found = await envoy.counters();
              const isSent = found['spans_sent'] === requests * 2 && (found['reports_sent'] ?? 0) > 0;
              return isSent && (await accepted()) - before >= requests * 2 ? found : undefined;
            },
            { withinMs: 60_000, what: `${requests * 2} spans taken from Envoy` },
          );
          expect(await accepted()).toBe(before + requests * 2);
          expect(counters).toMatchObject({ reports_dropped: 0, reports_failed: 0, reports_skipped_no_cluster: 0 });
        } finally {
          await envoy.stop();
        }
      },
    );
  });
});
