import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeWith } from '../components/needs.ts';
import { startZipkinServer } from '../components/zipkin-server.ts';
import { freePort } from '../fakes/free-port.ts';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { complete, nowMs, sendAll, toFile } from './otlp/all-signals.ts';

type Line = Record<string, unknown>;

let dir: TempDir;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  dir = await tempDir();
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await dir.remove();
});

async function daemon(name: string, toml: string): Promise<Daemon> {
  const started = await startDaemon({ dir: join(dir.path, name), config: { 'a.conf': toml } });
  closing.push(() => started.end());
  return started;
}

describe('what came over OTLP', () => {
  test('is the same at the next meshbridge, over HTTP with protobuf and JSON, and over gRPC', async () => {
    const grpcPort = await freePort();
    const far = {
      'http/protobuf': await daemon('http-protobuf', toFile),
      'http/json': await daemon('http-json', toFile),
      grpc: await daemon('grpc', `${toFile}[server]\n  otlp_grpc_listen = "127.0.0.1:${grpcPort}"\n`),
    };
    const urls = { ...far, grpc: { url: `http://127.0.0.1:${grpcPort}` } };
    const outputs = Object.entries(urls).map(
      ([protocol, { url }]) =>
        `[[outputs.otlp]]\n  name = "${protocol.replace('/', '-')}"\n  url = "${url}"\n  protocol = "${protocol}"\n  batch_wait = "1ms"\n`,
    );
    const near = await daemon('near', toFile + outputs.join(''));
    await sendAll(near);
    const here = await complete(join(dir.path, 'near', 'data'));
    expect(here['metrics']?.map(({ name }) => name)).toContain('http_duration_seconds_bucket');
    for (const name of ['http-protobuf', 'http-json', 'grpc']) {
      const there = await complete(join(dir.path, name, 'data'));
      expect([name, there]).toEqual([name, here]);
    }
    const { lanes } = await near.status();
    const left = lanes.flatMap(({ signal, outputs: cursors }) =>
      cursors.map(({ output, dropped }) => [signal, output, Object.values(dropped).reduce((a, b) => a + b, 0)]),
    );
    expect(left.filter(([, , dropped]) => dropped !== 0)).toEqual([]);
  }, 180_000);
});

describeWith('zipkin-server', (jar) => {
  test('spans that go out as protobuf are read by the real server as those that go out as JSON', async () => {
    const zipkin = await startZipkinServer({ jar });
    closing.push(() => zipkin.stop());
    const output = (encoding: string) =>
      `[store]\n  enabled = false\n[[outputs.zipkin]]\n  url = "${zipkin.url}/api/v2/spans"\n  encoding = "${encoding}"\n  batch_wait = "1ms"\n`;
    const bodyOf = (traceId: string) => [
      {
        traceId,
        id: 'b7ad6b7169203331',
        parentId: '00f067aa0ba902b7',
        kind: 'CLIENT',
        name: 'get /cart',
        timestamp: nowMs * 1000,
        duration: 1500,
        localEndpoint: { serviceName: 'cart', ipv4: '10.0.0.1', port: 8080 },
        remoteEndpoint: { serviceName: 'db', ipv6: '2001:db8::1' },
        annotations: [{ timestamp: nowMs * 1000 + 1, value: 'ws' }],
        tags: { 'http.path': '/cart', error: '' },
        shared: true,
      },
    ];
    const read: unknown[] = [];
    for (const [encoding, traceId] of [
      ['json', '000000000000000000000000000000a1'],
      ['protobuf', '4bf92f3577b34da6a3ce929d0e0e47a2'],
    ] as const) {
      const near = await daemon(encoding, output(encoding));
      const sent = await fetch(`${near.url}/api/v2/spans`, { method: 'POST', body: JSON.stringify(bodyOf(traceId)) });
      expect(sent.status).toBe(202);
      await until(async () => (await fetch(`${zipkin.url}/api/v2/trace/${traceId}`)).status === 200, {
        what: `the span that went out as ${encoding}`,
      });
      const spans = (await (await fetch(`${zipkin.url}/api/v2/trace/${traceId}`)).json()) as Line[];
      read.push(spans.map(({ traceId: _, ...rest }) => rest));
    }
    expect(read[0]).toHaveLength(1);
    expect(read[1]).toEqual(read[0]);
  }, 120_000);
});
