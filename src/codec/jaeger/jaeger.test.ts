import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import type { Span } from '../../model/span.ts';
import { zipkinJson } from '../zipkin-json/zipkin-json.ts';
import { jaegerChunks } from './chunks.ts';
import { jaegerTrace } from './jaeger-trace.ts';
import { jaegerUiJson } from './ui-json.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

function span(id: string, rest: Partial<Span> = {}): Span {
  return { traceId, id: id.padStart(16, '0'), timestamp: 1_000_000, duration: 5, ...rest };
}

interface UiSpan {
  readonly spanID: string;
  readonly references: readonly { readonly spanID: string }[];
  readonly processID: string;
  readonly tags: readonly { readonly key: string; readonly type: string; readonly value: unknown }[];
}

function ui(...spans: readonly Span[]): { spans: readonly UiSpan[]; processes: Record<string, unknown> } {
  return JSON.parse(jaegerUiJson(spans));
}

describe('a trace for Jaeger', () => {
  test('is written as its query service answers it, with lists where there is nothing', () => {
    const one = span('b', { parentId: '000000000000000a', name: 'get /x', rawName: 'GET /X', debug: true });
    expect(JSON.parse(jaegerUiJson([one]))).toEqual({
      traceID: traceId,
      spans: [
        {
          traceID: traceId,
          spanID: '000000000000000b',
          flags: 3,
          operationName: 'GET /X',
          references: [{ refType: 'CHILD_OF', traceID: traceId, spanID: '000000000000000a' }],
          startTime: 1_000_000,
          duration: 5,
          tags: [],
          logs: [],
          processID: 'p1',
          warnings: null,
        },
      ],
      processes: { p1: { serviceName: '', tags: [] } },
      warnings: null,
    });
  });

  test('has a process for each endpoint, the kind and the other side as tags, and annotations as logs', () => {
    const localEndpoint = { serviceName: 'a.ns', ipv4: '10.0.0.1', port: 80 };
    const remoteEndpoint = { serviceName: 'b', ipv4: '10.0.0.2', ipv6: '::2', port: 90 };
    const annotations = [{ timestamp: 7, value: 'ws' }];
    const trace = jaegerTrace([
      span('a', { kind: 'CLIENT', localEndpoint, remoteEndpoint, tags: { 'http.status_code': '200' }, annotations }),
    ]);
    expect(trace[0]?.process).toEqual({
      serviceName: 'a.ns',
      tags: [
        { key: 'ip', type: 'string', value: '10.0.0.1' },
        { key: 'port', type: 'int64', value: 80 },
      ],
    });
    expect(trace[0]?.tags).toEqual([
      { key: 'span.kind', type: 'string', value: 'client' },
      { key: 'http.status_code', type: 'string', value: '200' },
      { key: 'peer.service', type: 'string', value: 'b' },
      { key: 'peer.ipv4', type: 'string', value: '10.0.0.2' },
      { key: 'peer.ipv6', type: 'string', value: '::2' },
      { key: 'peer.port', type: 'int64', value: 90 },
    ]);
    expect(trace[0]?.logs).toEqual([{ timestamp: 7, fields: [{ key: 'event', type: 'string', value: 'ws' }] }]);
  });

  test("keeps the span's own tags where they say the same", () => {
    const tags = { 'span.kind': 'mine', 'peer.service': 'mine', 'peer.ipv4': 'mine' };
    const remoteEndpoint = { serviceName: 'b', ipv4: '10.0.0.2' };
    const [one] = jaegerTrace([span('a', { kind: 'SERVER', tags, remoteEndpoint })]);
    expect(one?.tags.map(({ value }) => value)).toEqual(['mine', 'mine', 'mine']);
  });

  test.each([
    ['true', true, undefined],
    ['', true, undefined],
    ['false', false, undefined],
    ['timeout', true, 'timeout'],
  ])('says of the error %j: %s, %s', (value, is, message) => {
    const [one] = jaegerTrace([span('a', { tags: { error: value } })]);
    expect(one?.tags).toEqual([
      { key: 'error', type: 'bool', value: is },
      ...(message === undefined ? [] : [{ key: 'error.message', type: 'string', value: message }]),
    ]);
  });

  test('has exact repeats once, and is in the order of its start times', () => {
    const late = span('b', { timestamp: 9 });
    const early = span('a', { timestamp: 3 });
    expect(jaegerTrace([late, early, late]).map(({ startTime }) => startTime)).toEqual([3, 9]);
  });

  test('gives the server half of a shared span an id of its own, under which its calls hang', () => {
    const { spans } = ui(
      span('a', { kind: 'CLIENT', timestamp: 1 }),
      span('a', { kind: 'SERVER', shared: true, timestamp: 2 }),
      span('b', { kind: 'CLIENT', parentId: '000000000000000a', timestamp: 3 }),
    );
    const [client, server, call] = spans.map(({ spanID, references }) => [spanID, references[0]?.spanID]);
    expect(client).toEqual(['000000000000000a', undefined]);
    expect(server?.[1]).toBe('000000000000000a');
    expect(call).toEqual(['000000000000000b', server?.[0]]);
    expect(new Set(spans.map(({ spanID }) => spanID)).size).toBe(3);
  });

  test('leaves a shared span that has no other half as it is', () => {
    const { spans } = ui(span('a', { kind: 'SERVER', shared: true }));
    expect(spans.map(({ spanID, references }) => [spanID, references])).toEqual([['000000000000000a', []]]);
  });

  test('says where a time is missing', () => {
    const trace = jaegerTrace([{ traceId, id: '00000000000000ff' }, span('a', { timestamp: 77 })]);
    const bare = trace.find(({ spanId }) => spanId === '00000000000000ff');
    expect([bare?.startTime, bare?.duration, bare?.warnings.length]).toEqual([77, 0, 2]);
  });
});

/** From jaeger-idl's field lists, by an independent decoder. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Chunk { repeated Span spans = 1; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string operation_name = 3; repeated Ref references = 4; uint32 flags = 5;
    Time start_time = 6; Time duration = 7; repeated KeyValue tags = 8; repeated Log logs = 9; Process process = 10;
    string process_id = 11; repeated string warnings = 12;
  }
  message Ref { bytes trace_id = 1; bytes span_id = 2; int32 ref_type = 3; }
  message Time { int64 seconds = 1; int32 nanos = 2; }
  message KeyValue { string key = 1; int32 v_type = 2; string v_str = 3; bool v_bool = 4; int64 v_int64 = 5; }
  message Log { Time timestamp = 1; repeated KeyValue fields = 2; }
  message Process { string service_name = 1; repeated KeyValue tags = 2; }
`);

interface Decoded {
  readonly spans: readonly {
    readonly spanId: string;
    readonly traceId: string;
    readonly operationName: string;
    readonly references?: readonly { readonly spanId: string }[];
    readonly startTime: { readonly seconds?: number; readonly nanos?: number };
    readonly duration: { readonly seconds?: number; readonly nanos?: number };
    readonly tags?: readonly { readonly key: string; readonly vType: number; readonly vStr?: string }[];
    readonly process: { readonly serviceName: string };
  }[];
}

function decoded(chunk: Uint8Array): Decoded {
  const type = root.lookupType('Chunk');
  return type.toObject(type.decode(chunk), { longs: Number, bytes: String }) as Decoded;
}

test('chunks of its gRPC API say of real spans of Envoy what the JSON says, ten spans in each', () => {
  const spans = zipkinJson.decode(readFileSync(join(samples, 'envoy', 'zipkin-v2-json', '000.body')));
  const many = Array.from({ length: 25 }, (_, i) => ({
    ...(spans[0] ?? span('a')),
    id: (i + 1).toString(16).padStart(16, '0'),
  }));
  const chunks = jaegerChunks(many).map(decoded);
  expect(chunks.map((chunk) => chunk.spans.length)).toEqual([10, 10, 5]);
  const trace: { spans: Record<string, unknown>[]; processes: Record<string, { serviceName: string }> } = JSON.parse(
    jaegerUiJson(many),
  );
  const hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');
  const micros = (time: { seconds?: number; nanos?: number }): number =>
    (time.seconds ?? 0) * 1_000_000 + (time.nanos ?? 0) / 1000;
  const said = chunks.flatMap((chunk) =>
    chunk.spans.map((one) => ({
      traceID: hex(one.traceId),
      spanID: hex(one.spanId),
      operationName: one.operationName,
      parents: (one.references ?? []).map((ref) => hex(ref.spanId)),
      startTime: micros(one.startTime),
      duration: micros(one.duration),
      tags: (one.tags ?? []).map(({ key, vStr }) => [key, vStr]),
      service: one.process.serviceName,
    })),
  );
  expect(said).toEqual(
    trace.spans.map((one) => ({
      traceID: one['traceID'],
      spanID: one['spanID'],
      operationName: one['operationName'],
      parents: (one['references'] as { spanID: string }[]).map(({ spanID }) => spanID),
      startTime: one['startTime'],
      duration: one['duration'],
      tags: (one['tags'] as { key: string; value: string; type: string }[]).map(({ key, value, type }) => [
        key,
        type === 'string' ? value : undefined,
      ]),
      service: trace.processes[String(one['processID'])]?.serviceName,
    })),
  );
});
