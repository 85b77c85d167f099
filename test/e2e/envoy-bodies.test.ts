import { readdirSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { type TempDir, tempDir } from '../fakes/temp-dir.ts';
import { until } from '../fakes/until.ts';
import { type Daemon, startDaemon } from './daemon.ts';

/** A span as Envoy wrote it, read by other code than ours. */
interface SentSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name?: string;
  readonly kind?: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly localEndpoint?: SentEndpoint;
  readonly remoteEndpoint?: SentEndpoint;
  readonly annotations?: readonly { readonly timestamp: number; readonly value: string }[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly debug?: boolean;
  readonly shared?: boolean;
}

interface SentEndpoint {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly port?: number;
}

interface Recorded {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly body: Buffer;
  readonly spans: readonly SentSpan[];
}

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples', 'envoy');

/** zipkin.proto of openzipkin/zipkin-api, the fields that Envoy writes. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Endpoint { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
  message Annotation { fixed64 timestamp = 1; string value = 2; }
  message Span {
    bytes trace_id = 1; bytes parent_id = 2; bytes id = 3; int32 kind = 4; string name = 5;
    fixed64 timestamp = 6; uint64 duration = 7; Endpoint local_endpoint = 8; Endpoint remote_endpoint = 9;
    repeated Annotation annotations = 10; map<string, string> tags = 11; bool debug = 12; bool shared = 13;
  }
  message ListOfSpans { repeated Span spans = 1; }
`);
const ListOfSpans = root.lookupType('ListOfSpans');
const kinds = [undefined, 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'];

type Raw = Readonly<Record<string, unknown>>;
const hex = (bytes: unknown): string | undefined =>
  bytes instanceof Uint8Array && bytes.length > 0 ? Buffer.from(bytes).toString('hex') : undefined;
const dotted = (bytes: unknown): string | undefined =>
  bytes instanceof Uint8Array && bytes.length === 4 ? [...bytes].join('.') : undefined;

function fromProto(raw: Raw): SentSpan {
  const endpoint = (value: unknown): SentEndpoint | undefined => {
    const { serviceName, ipv4, port } = (value ?? {}) as Raw;
    return value === undefined || value === null
      ? undefined
      : ({ serviceName, ipv4: dotted(ipv4), port } as SentEndpoint);
  };
  return {
    ...raw,
    traceId: hex(raw['traceId']),
    id: hex(raw['id']),
    parentId: hex(raw['parentId']),
    kind: kinds[Number(raw['kind'] ?? 0)],
    localEndpoint: endpoint(raw['localEndpoint']),
    remoteEndpoint: endpoint(raw['remoteEndpoint']),
  } as unknown as SentSpan;
}

function spansOf(body: Buffer, isProto: boolean): readonly SentSpan[] {
  if (!isProto) {
    return JSON.parse(body.toString());
  }
  const { spans } = ListOfSpans.toObject(ListOfSpans.decode(body), { longs: Number, objects: true });
  return spans.map(fromProto);
}

function readRecorded(folder: string): readonly Recorded[] {
  const files = readdirSync(join(samples, folder)).filter((file) => file.endsWith('.body'));
  return files.toSorted().map((file) => {
    const [head = '', ...lines] = readFileSync(join(samples, folder, file.replace('.body', '.headers')), 'utf8')
      .trim()
      .split('\n');
    const headers = Object.fromEntries(lines.map((line) => line.trim().split(': ') as [string, string]));
    const body = readFileSync(join(samples, folder, file));
    return {
      name: `${folder}/${file}`,
      headers,
      path: head.split(' ')[1] ?? '',
      body,
      spans: spansOf(body, headers['content-type'] === 'application/x-protobuf'),
    };
  });
}

/** What Zipkin's API answers for what Envoy sent: lower-case names, no port 0, no empty member. */
function asAnswered(span: SentSpan): object {
  const annotations = (span.annotations ?? [])
    .map(({ timestamp, value }) => ({ timestamp, value }))
    .toSorted((one, other) => one.timestamp - other.timestamp || (one.value < other.value ? -1 : 1));
  return withoutEmpty({
    ...span,
    name: span.name?.toLowerCase(),
    localEndpoint: answeredEndpoint(span.localEndpoint),
    remoteEndpoint: answeredEndpoint(span.remoteEndpoint),
    annotations: annotations.length > 0 ? annotations : undefined,
    tags: Object.keys(span.tags ?? {}).length > 0 ? span.tags : undefined,
    shared: span.shared === true ? true : undefined,
    debug: span.debug === true ? true : undefined,
  });
}

function answeredEndpoint(endpoint: SentEndpoint | undefined): object | undefined {
  const answered = withoutEmpty({
    serviceName: endpoint?.serviceName?.toLowerCase(),
    ipv4: endpoint?.ipv4,
    ipv6: endpoint?.ipv6,
    port: endpoint?.port === 0 ? undefined : endpoint?.port,
  });
  return Object.keys(answered).length > 0 ? answered : undefined;
}

function withoutEmpty(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== ''));
}

/** With the headers that Envoy sent, so chunked. */
function post(daemon: Daemon, { path, headers, body }: Recorded): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, daemon.url), { method: 'POST', headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    request.once('error', reject);
    request.write(body.subarray(0, 7));
    request.end(body.subarray(7));
  });
}

const keyOf = ({ id, kind = '', timestamp }: { id: string; kind?: string; timestamp: number }): string =>
  `${id} ${kind} ${timestamp}`;

/** Each folder is a recording of its own, so it gets a daemon of its own. */
describe.each([
  ['zipkin-v2-json', 12],
  ['zipkin-v2-json-gateway', 3],
  ['zipkin-v2-proto', 12],
])('the bodies of a real Envoy in %s', (folder, atLeast) => {
  const recorded = readRecorded(folder);
  const sent = recorded.flatMap(({ spans }) => spans);
  const traceIds = [...new Set(sent.map(({ traceId }) => traceId))];
  let dir: TempDir;
  let daemon: Daemon;

  beforeAll(async () => {
    dir = await tempDir();
    daemon = await startDaemon({ dir: dir.path });
  }, 180_000);

  afterAll(async () => {
    await daemon?.end();
    await dir?.remove();
  });

  test('are all there, and say something', () => {
    expect(recorded.length).toBeGreaterThanOrEqual(atLeast);
    expect(sent.length).toBeGreaterThanOrEqual(recorded.length);
    expect(sent.every(({ tags }) => Object.keys(tags ?? {}).length > 5)).toBe(true);
  });

  test('are answered 202 with an empty body', async () => {
    for (const request of recorded) {
      expect([request.name, await post(daemon, request)]).toEqual([request.name, { status: 202, body: '' }]);
    }
  });

  test('come back from /api/v2/trace with every tag, annotation and endpoint', async () => {
    await until(
      async () => {
        const { lanes } = await daemon.status();
        return lanes.some(({ outputs }) => outputs.some((to) => to.output === 'store' && to.delivered === sent.length));
      },
      { withinMs: 60_000, what: `${sent.length} spans in the store` },
    );
    const answered = new Map<string, object>();
    for (const traceId of traceIds) {
      const response = await fetch(`${daemon.url}/api/v2/trace/${traceId}`);
      const spans = JSON.parse(await response.text());
      for (const span of spans) {
        expect(span.traceId).toBe(traceId);
        answered.set(keyOf(span), span);
      }
    }
    expect(answered.size).toBe(new Set(sent.map(keyOf)).size);
    for (const span of sent) {
      expect(answered.get(keyOf(span))).toEqual(asAnswered(span));
    }
  });
});
