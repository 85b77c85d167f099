import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { describeOutput } from '../../../test/contracts/output-contract.ts';
import { type FakeFarSide, withFakeFarSide } from '../../../test/fakes/far-side.ts';
import { requestOf, spanRecord } from '../../../test/fakes/requests.ts';
import { fakeRuntime } from '../../../test/fakes/runtime.ts';
import { RecordDecoders } from '../../codec/record-decoder.ts';
import { zipkinProto } from '../../codec/zipkin-proto/zipkin-proto.ts';
import type { Output, WriteResult } from '../../contract/output.ts';
import type { QueueRecord } from '../../model/batch.ts';
import type { Span } from '../../model/span.ts';
import { zipkinOutput } from './zipkin.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples', 'envoy');
const never = new AbortController().signal;
const ok: WriteResult = { status: 'delivered' };

function span(id: number): Span {
  return { traceId: '000000000000000a', id: id.toString(16).padStart(16, '0'), tags: { k: 'v' } };
}

function request(records: number) {
  const list = Array.from({ length: records }, (_, index) =>
    spanRecord([span(2 * index + 1), span(2 * index + 2)], { seq: index + 1, itemsBefore: 2 * index }),
  );
  return requestOf(list);
}

function record(payload: string | Uint8Array, part: Partial<QueueRecord> = {}): QueueRecord {
  return { ...spanRecord([span(1)], { seq: 1 }), payload: Buffer.from(payload), ...part };
}

describeOutput({
  kind: 'http',
  definition: zipkinOutput,
  decode: new RecordDecoders(),
  request,
  config: (endpoint) => ({ url: `${endpoint}/api/v2/spans` }),
  itemsIn: ({ body }) => (JSON.parse(body.toString()) as unknown[]).length,
});

function withOutput<T>(table: object, run: (output: Output, far: FakeFarSide) => Promise<T>): Promise<T> {
  return withFakeFarSide(async (far) => {
    const runtime = { ...fakeRuntime(), name: 'zipkin', decode: new RecordDecoders() };
    const output = zipkinOutput.create(
      zipkinOutput.config.parse({ url: `${far.url}/api/v2/spans`, ...table }),
      runtime,
    );
    await output.start();
    try {
      return await run(output, far);
    } finally {
      await output.stop();
    }
  });
}

/** What the far side gets for these records. */
function sent(...records: readonly QueueRecord[]): Promise<string> {
  return withOutput({}, async (output, far) => {
    expect(await output.write(requestOf(records), never)).toEqual(ok);
    return far.requests[0]?.body.toString() ?? '';
  });
}

describe('bodies', () => {
  const raw = '[{"id":"1" , "traceId":"A?"}]';

  test('that came as v2 JSON go out as they came, in one list', async () => {
    expect(await sent(record(raw))).toBe(raw);
    expect(await sent(record(raw), record(' [ ]'.trim()), record(`${raw}\n `), record('[{"a":1},{}]'))).toBe(
      '[{"id":"1" , "traceId":"A?"},{"id":"1" , "traceId":"A?"},{"a":1},{}]',
    );
    expect(await sent(record('[]'))).toBe('[]');
  });

  test('of real Envoys arrive whole', async () => {
    const bodies = ['000', '001', '002'].map((name) => readFileSync(join(samples, 'zipkin-v2-json', `${name}.body`)));
    const got = JSON.parse(await sent(...bodies.map((body) => record(body)))) as unknown[];
    expect(got).toEqual(bodies.flatMap((body) => JSON.parse(body.toString()) as unknown[]));
  });

  test('of other formats, and with edits, are decoded and printed', async () => {
    const proto = record(readFileSync(join(samples, 'zipkin-v2-proto', '000.body')), { format: 'zipkin-proto3' });
    const v1 = record('[{"traceId":"1","id":"2","binaryAnnotations":[{"key":"k","value":"v"}]}]', {
      format: 'zipkin-json-v1',
    });
    const edited = record('[{"traceId":"1","id":"3"}]', { edits: { add: { env: 'prod' } } });
    const unedited = record('[ {"traceId":"1","id":"4"} ]', { edits: { add: {} } });
    const got = JSON.parse(await sent(proto, v1, edited, unedited)) as Span[];
    expect(got.slice(-3)).toEqual([
      { traceId: '0000000000000001', id: '0000000000000002', tags: { k: 'v' } },
      { traceId: '0000000000000001', id: '0000000000000003', tags: { env: 'prod' } },
      { traceId: '1', id: '4' },
    ]);
    expect(got.slice(0, -3)).toEqual(new RecordDecoders().spans(proto));
  });

  test('that cannot be decoded ask for halves, and are final alone', () =>
    withOutput({}, async (output, far) => {
      const bad = record('garbage', { format: 'zipkin-proto3' });
      expect(await output.write(requestOf([bad, record(raw)]), never)).toMatchObject({ status: 'split' });
      expect(await output.write(requestOf([bad]), never)).toMatchObject({
        status: 'rejected',
        reason: expect.stringContaining('ListOfSpans'),
      });
      expect(far.requests).toEqual([]);
    }));
});

describe('protobuf bodies', () => {
  const { root } = protobuf.parse(`
    syntax = "proto3";
    message ListOfSpans { repeated Span spans = 1; }
    message Span {
      bytes trace_id = 1; bytes parent_id = 2; bytes id = 3; uint32 kind = 4; string name = 5; fixed64 timestamp = 6;
      uint64 duration = 7; Endpoint local_endpoint = 8; Endpoint remote_endpoint = 9; repeated Annotation annotations = 10;
      map<string, string> tags = 11; bool debug = 12; bool shared = 13;
    }
    message Endpoint { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
    message Annotation { fixed64 timestamp = 1; string value = 2; }
  `);

  async function body(...records: readonly QueueRecord[]): Promise<Buffer> {
    return await withOutput({ encoding: 'protobuf' }, async (output, far) => {
      expect(await output.write(requestOf(records), never)).toEqual(ok);
      expect(far.requests.map(({ headers }) => headers['content-type'])).toEqual(
        records.length === 0 ? [] : ['application/x-protobuf'],
      );
      return far.requests[0]?.body ?? Buffer.alloc(0);
    });
  }

  test('say all that a span says, to an independent reader', async () => {
    const whole: Span = {
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      id: '00f067aa0ba902b7',
      parentId: '00000000000000ff',
      kind: 'CONSUMER',
      name: 'get /ü',
      timestamp: 1_795_253_868_467_503,
      duration: 5_000_000_000,
      localEndpoint: { serviceName: 'cart', ipv4: '10.1.2.255', port: 65_535 },
      remoteEndpoint: { ipv6: '2001:db8::1:0:0:1' },
      annotations: [{ timestamp: 1_795_253_868_467_504, value: 'ws' }],
      tags: { error: '', 'http.path': '/ü' },
      debug: true,
      shared: true,
    };
    const message = root.lookupType('ListOfSpans');
    const read = message.toObject(message.decode(await body(spanRecord([whole], { seq: 1 }))), { longs: Number });
    const hex = (text: string) => Buffer.from(text, 'hex');
    expect(read).toEqual({
      spans: [
        {
          traceId: hex(whole.traceId),
          id: hex(whole.id),
          parentId: hex('00000000000000ff'),
          kind: 4,
          name: 'get /ü',
          timestamp: whole.timestamp,
          duration: whole.duration,
          localEndpoint: { serviceName: 'cart', ipv4: Buffer.from([10, 1, 2, 255]), port: 65_535 },
          remoteEndpoint: { ipv6: hex('20010db8000000000001000000000001') },
          annotations: [{ timestamp: 1_795_253_868_467_504, value: 'ws' }],
          tags: whole.tags,
          debug: true,
          shared: true,
        },
      ],
    });
    expect(zipkinProto.decode(await body(spanRecord([whole], { seq: 1 })))).toEqual([whole]);
  });

  test('of real Envoys go out as they came, and those that came as JSON say the same', async () => {
    const names = ['000', '001', '002'];
    const protos = names.map((name) => readFileSync(join(samples, 'zipkin-v2-proto', `${name}.body`)));
    const records = protos.map((bytes) => record(bytes, { format: 'zipkin-proto3' }));
    expect(await body(...records)).toEqual(Buffer.concat(protos));
    const jsons = names.map((name) => record(readFileSync(join(samples, 'zipkin-v2-json', `${name}.body`))));
    expect(zipkinProto.decode(await body(...jsons))).toEqual(jsons.flatMap((one) => new RecordDecoders().spans(one)));
  });

  test('without spans are not sent, and the check is an empty list of JSON', () =>
    withOutput({ encoding: 'protobuf' }, async (output, far) => {
      expect(await output.write(requestOf([record('[]')]), never)).toEqual(ok);
      expect(far.requests).toEqual([]);
      expect(await output.check()).toEqual({ ok: true });
      expect(far.requests[0]?.body.toString()).toBe('[]');
    }));
});

describe('requests', () => {
  test('are compressed where that is asked for, the check too', () =>
    withOutput({ compression: 'gzip' }, async (output, far) => {
      expect(await output.write(request(2), never)).toEqual(ok);
      expect(await output.check()).toEqual({ ok: true });
      expect(far.requests.map(({ headers }) => headers['content-encoding'])).toEqual(['gzip', 'gzip']);
      const lists = far.requests.map(({ body }) => JSON.parse(gunzipSync(body).toString()) as unknown[]);
      expect(lists.map(({ length }) => length)).toEqual([4, 0]);
    }));

  test('carry the headers of the table, a password of the URL, and our content type', () =>
    withFakeFarSide((far) =>
      withOutput(
        {
          url: `${far.url.replace('//', '//me:p%40ss@')}/api/v2/spans?tenant=a`,
          headers: { 'X-Team': 'mesh', 'Content-Type': 'text/plain' },
        },
        async (output) => {
          await output.write(request(1), never);
          expect(far.requests[0]).toMatchObject({
            method: 'POST',
            path: '/api/v2/spans?tenant=a',
            headers: {
              'content-type': 'application/json',
              'user-agent': 'meshbridge/test',
              'x-team': 'mesh',
              authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
            },
          });
        },
      ),
    ));

  test.each([
    [
      { status: 500, body: '413 Request Entity Too Large' },
      { status: 'split', reason: 'HTTP 413: 413 Request Entity Too Large' },
    ],
    [
      { status: 500, body: 'oops' },
      { status: 'retry', reason: 'HTTP 500: oops', cause: 'server_error' },
    ],
    [
      { status: 401, body: 'who are you?' },
      { status: 'retry', reason: 'HTTP 401: who are you?', cause: 'misconfigured' },
    ],
    [{ status: 404 }, { status: 'retry', reason: 'HTTP 404', cause: 'misconfigured' }],
    [
      { status: 400, body: 'bad\n span\n' },
      { status: 'rejected', reason: 'HTTP 400: bad span' },
    ],
    [{ status: 202, body: 'x'.repeat(5_000) }, ok],
  ])('answered with %j end as %j', (answer, result) =>
    withOutput({}, async (output, far) => {
      far.answer(answer);
      expect(await output.write(request(1), never)).toEqual(result);
    }),
  );

  test('use their connections again after any short answer', () =>
    withOutput({}, async (output, far) => {
      for (const status of [202, 503, 200, 400, 202, 503, 200, 400]) {
        far.once({ status, body: 'because' });
        await output.write(request(1), never);
      }
      // A request may come a moment before the last one's connection is free.
      expect(far.connections).toBeLessThanOrEqual(2);
    }));
});

describe('the check', () => {
  test('says what is wrong', () =>
    withOutput({}, async (output, far) => {
      expect(await output.check()).toEqual({ ok: true });
      expect(far.requests[0]?.body.toString()).toBe('[]');
      far.answer({ status: 403, body: 'no' });
      expect(await output.check()).toEqual({ ok: false, reason: 'HTTP 403: no', cause: 'misconfigured' });
    }));
});
