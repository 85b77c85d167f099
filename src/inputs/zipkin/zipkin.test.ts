import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { describeInput } from '../../../test/contracts/input-contract.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import type { ServedRoutes } from '../../../test/fakes/route-server.ts';
import { decodeSpans } from '../../codec/spans.ts';
import type { Input } from '../../contract/input.ts';
import { AccessPolicy } from '../../http/access.ts';
import { Listeners } from '../../http/listeners.ts';
import { systemClock } from '../../lib/clock.ts';
import { zipkin } from './zipkin.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const json = 'application/json';
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

interface Rig {
  readonly runtime: FakeInputRuntime;
  readonly input: Input;
  readonly grpcAddress: string;
  post(path: string, body: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

/** The input behind the real listeners. */
async function rig(table: object = {}): Promise<Rig> {
  const runtime = fakeInputRuntime();
  const access = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token: 'not-asked-for-here' });
  const listeners = new Listeners({ log: runtime.log, clock: systemClock, access });
  const input = zipkin.create(zipkin.config.parse(table), { ...runtime, routes: listeners });
  await input.start();
  const [status, grpc] = await listeners.open([
    { name: 'zipkin', host: '127.0.0.1', port: 0, onTaken: 'fail' },
    { name: 'otlp_grpc', host: '127.0.0.1', port: 0, onTaken: 'fail' },
  ]);
  closing.push(
    () => listeners.close(),
    () => input.stop(),
  );
  const post: Rig['post'] = (path, body, headers = {}) =>
    fetch(`http://${status?.address}${path}`, { method: 'POST', body: Buffer.from(body), headers });
  return { runtime, input, grpcAddress: grpc?.address ?? '', post };
}

function idsOf(emission: Emission): string[] {
  return decodeSpans(emission).map(({ id }) => id);
}

const one = '[{"traceId":"a","id":"b"}]';

describe('what is taken', () => {
  test.each(['zipkin-v2-json', 'zipkin-v2-json-gateway', 'zipkin-v2-proto'])(
    'is kept byte for byte: the bodies of %s',
    async (folder) => {
      const { runtime, post } = await rig();
      const dir = join(samples, 'envoy', folder);
      const bodies = readdirSync(dir)
        .filter((name) => name.endsWith('.body'))
        .map((name) => readFileSync(join(dir, name)));
      const type = folder.endsWith('proto') ? 'application/x-protobuf' : json;
      for (const body of bodies) {
        const answer = await post('/api/v2/spans', body, { 'content-type': type, 'x-forwarded-for': '192.0.2.2' });
        expect([answer.status, await answer.text(), answer.headers.get('content-type')]).toEqual([202, '', null]);
      }
      expect(runtime.emitted.map(({ payload }) => payload)).toEqual(bodies);
      expect(runtime.emitted.map(({ items }) => items)).toEqual(
        runtime.emitted.map((emission) => idsOf(emission).length),
      );
      expect(runtime.refusals).toEqual([]);
    },
  );

  test.each([
    ['/api/v2/spans', json, 'zipkin-json-v2'],
    ['/api/v2/spans', 'APPLICATION/JSON; charset=utf-8', 'zipkin-json-v2'],
    ['/api/v2/spans', 'application/x-thrift', 'zipkin-json-v2'],
    ['/api/v2/spans', 'application/protobuf', 'zipkin-json-v2'],
    ['/api/v2/spans', 'text/plain', 'zipkin-json-v2'],
    ['/api/v1/spans', json, 'zipkin-json-v1'],
    ['/api/v1/spans', 'application/x-protobuf', 'zipkin-json-v1'],
  ])('on %s as %s is %s', async (path, contentType, format) => {
    const { runtime, post } = await rig();
    expect((await post(path, one, { 'content-type': contentType })).status).toBe(202);
    expect(runtime.emitted).toEqual([expect.objectContaining({ format, items: 1, signal: 'traces', origin: {} })]);
  });

  test('may be thrift, on the path of v1', async () => {
    const { runtime, post } = await rig();
    const list = Buffer.from('0c000000010a0001000000000000000a0a0004000000000000000b00', 'hex');
    expect((await post('/api/v1/spans', list, { 'content-type': 'Application/X-Thrift; a=b' })).status).toBe(202);
    expect(runtime.emitted).toEqual([expect.objectContaining({ format: 'zipkin-thrift', items: 1, payload: list })]);
    expect(runtime.emitted.flatMap(idsOf)).toEqual(['000000000000000b']);
  });

  test('may be gzip, and is kept inflated', async () => {
    const { runtime, post } = await rig();
    expect((await post('/api/v2/spans', gzipSync(one), { 'content-encoding': 'gzip' })).status).toBe(202);
    expect(runtime.emitted[0]?.payload.toString()).toBe(one);
  });

  test('is the list alone, without what stands around it', async () => {
    const { runtime, post } = await rig();
    expect((await post('/api/v2/spans', `\n ${one}garbage`)).status).toBe(202);
    expect(runtime.emitted[0]?.payload.toString()).toBe(one);
  });

  test.each([
    ['', {}],
    ['[]', {}],
    [' [ ] ', {}],
    ['', { 'content-encoding': 'gzip' }],
    ['', { 'content-type': 'application/x-protobuf' }],
    ['', { 'content-type': 'application/x-thrift' }],
  ])('as %j with %j is nothing, and thanked for', async (body, headers) => {
    const { runtime, post } = await rig();
    for (const path of ['/api/v1/spans', '/api/v2/spans']) {
      expect((await post(path, body, headers as Record<string, string>)).status).toBe(202);
    }
    expect([runtime.calls, runtime.refusals]).toEqual([0, []]);
  });

  test('has the tags of the table as edits, and comes to the paths of the table', async () => {
    const { runtime, post } = await rig({ pathV1: '/one', pathV2: '/two', tags: { env: 'prod' } });
    expect((await post('/two', one)).status).toBe(202);
    expect((await post('/one', one)).status).toBe(202);
    expect((await post('/api/v2/spans', one)).status).toBe(404);
    expect(runtime.emitted.map(({ edits }) => edits)).toEqual([{ add: { env: 'prod' } }, { add: { env: 'prod' } }]);
  });

  test('may carry the word of the other version in a value', async () => {
    const { post } = await rig();
    const v2 = '[{"traceId":"a","id":"b","tags":{"k":"binaryAnnotations","l":"\\"binaryAnnotations\\":"}}]';
    expect((await post('/api/v2/spans', v2)).status).toBe(202);
    const v1 = '[{"traceId":"a","id":"b","binaryAnnotations":[{"key":"a","value":"tags"}]}]';
    expect((await post('/api/v1/spans', v1)).status).toBe(202);
  });
});

describe('a list that comes by gRPC', () => {
  const asIs = (bytes: Buffer): Buffer => bytes;

  async function reported(body: Buffer): Promise<{ runtime: FakeInputRuntime; code: number; details: string }> {
    const { runtime, grpcAddress } = await rig();
    const client = new Client(grpcAddress, credentials.createInsecure());
    closing.push(async () => client.close());
    const path = '/zipkin.proto3.SpanService/Report';
    const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
    client.makeUnaryRequest(path, asIs, asIs, body, resolve);
    const error = await promise;
    return { runtime, code: error?.code ?? 0, details: error?.details ?? '' };
  }

  test('is taken as one that is posted', async () => {
    const list = Buffer.from('0a060a010a1a0101', 'hex');
    const { runtime, code } = await reported(list);
    expect(code).toBe(0);
    expect(runtime.emitted).toEqual([expect.objectContaining({ format: 'zipkin-proto3', items: 1, payload: list })]);
  });

  test('may be empty', async () => {
    const { runtime, code } = await reported(Buffer.alloc(0));
    expect([code, runtime.calls]).toEqual([0, 0]);
  });

  test('is refused as one that is posted, with the place that is wrong', async () => {
    const { runtime, code, details } = await reported(Buffer.from('0a031a0102', 'hex'));
    expect([code, details]).toEqual([3, expect.stringContaining('$[0].traceId is missing')]);
    expect(runtime.refusals).toEqual([{ signal: 'traces', items: 1, reason: 'malformed' }]);
  });
});

describe('what is refused', () => {
  test.each([
    ['/api/v2/spans', '{}', {}, [400, '$ is not a list of spans']],
    ['/api/v2/spans', 'hello', {}, [400, '$ is not a list of spans']],
    ['/api/v2/spans', '[{', {}, [400, '$ is not JSON']],
    ['/api/v2/spans', '[{"traceId":"a"}]', {}, [400, '$[0].id is missing']],
    ['/api/v2/spans', 'hello', { 'content-type': 'application/x-protobuf' }, [400, 'ListOfSpans']],
    ['/api/v2/spans', one, { 'content-encoding': 'gzip' }, [400, 'gzip']],
    ['/api/v2/spans', gzipSync(one), {}, [400, '$ is not a list of spans']],
    ['/api/v2/spans', gzipSync(''), { 'content-encoding': 'gzip' }, [400, 'gzip of nothing']],
    ['/api/v2/spans', '[{"traceId":"a","id":"b","binaryAnnotations":[]}]', {}, [400, 'these are v1 spans']],
    ['/api/v1/spans', '[{"traceId":"a","id":"b","tags":{"a":"b"}}]', {}, [400, 'these are v2 spans']],
    ['/api/v1/spans', '[{"traceId":"a","id":"b","localEndpoint":{}}]', {}, [400, 'these are v2 spans']],
    ['/api/v1/spans', 'x', { 'content-type': 'application/x-thrift; x=y' }, [400, 'thrift']],
    ['/api/v1/spans', one, { 'content-type': 'application/x-thrift' }, [400, 'thrift']],
  ])('on %s is told why (%#)', async (path, body, headers, told) => {
    const { runtime, post } = await rig();
    const answer = await post(path, body, headers as Record<string, string>);
    const [status, why] = [told[0], String(told[1])];
    const text = await answer.text();
    expect([answer.status, text.split('\n')]).toEqual([status, [expect.stringContaining(why), '']]);
    expect([runtime.refusals.length, runtime.calls]).toEqual([1, 0]);
  });

  test('is counted in spans, by reason, and the last one is shown', async () => {
    const { runtime, input, post } = await rig();
    await post('/api/v2/spans', '[{"traceId":"a","id":"b"},{"traceId":"a","id":"b"},{"traceId":"a","id":""}]');
    await post('/api/v1/spans', 'x', { 'content-type': 'application/x-thrift' });
    await post('/api/v2/spans', Buffer.alloc(10 * 1024 * 1024 + 1, ' '));
    expect(runtime.refusals).toEqual([
      { signal: 'traces', items: 3, reason: 'malformed' },
      { signal: 'traces', items: 1, reason: 'malformed' },
      { signal: 'traces', items: 1, reason: 'too_large' },
    ]);
    expect(runtime.emitted).toEqual([]);
    expect(input.status?.()).toMatchObject({ lastRefusal: { reason: 'too_large' } });
  });

  test('is one body over 10 MiB, not one below', async () => {
    const { runtime, post } = await rig();
    const fill = (bytes: number): string => `${one.slice(0, -2)},"name":"${'x'.repeat(bytes - one.length - 10)}"}]`;
    expect((await post('/api/v2/spans', fill(10 * 1024 * 1024))).status).toBe(202);
    expect((await post('/api/v2/spans', fill(10 * 1024 * 1024 + 1))).status).toBe(413);
    expect(runtime.emitted).toHaveLength(1);
  });

  test('comes back later when the lane is full', async () => {
    const { runtime, post } = await rig();
    runtime.overload();
    const answer = await post('/api/v2/spans', one);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  });
});

describe('the table of a DataKit user', () => {
  const table = {
    pathV1: '',
    pathV2: '/api/v2/spans',
    ignore_tags: ['block1'],
    customer_tags: ['a'],
    keep_rare_resource: true,
    del_message: true,
    close_resource: { service1: ['a'] },
    sampler: { sampling_rate: 0.5 },
    tags: { key1: 'value1' },
    threads: { buffer: 100, threads: 8 },
    storage: { path: './zipkin_storage', capacity: 5_120 },
  };

  test('is taken, and a warning names what has no effect', async () => {
    const { runtime, post } = await rig(table);
    expect((await post('/api/v1/spans', one)).status).toBe(202);
    const keys = ['customer_tags', 'threads', 'storage'];
    expect(runtime.log.at('warn')).toEqual([expect.objectContaining({ fields: { keys } })]);
  });

  test('leaves the second copy of a span out of points where `del_message` asks for it', async () => {
    const { runtime, post } = await rig({ tags: { env: 'prod' }, del_message: true });
    expect((await post('/api/v2/spans', one)).status).toBe(202);
    expect(runtime.emitted).toMatchObject([{ edits: { add: { env: 'prod' }, dropFields: ['message'] } }]);
  });

  test('is silent about what nobody wrote', async () => {
    const { runtime } = await rig({ pathV1: '/api/v1/spans', pathV2: '/api/v2/spans' });
    expect(runtime.log.entries).toEqual([]);
  });

  test.each(['api/v2/spans', '/a/:id', '/*'])('cannot have the path %s', (pathV2) => {
    expect(zipkin.config.safeParse({ pathV2 }).success).toBe(false);
  });
});

describe('a list that is good in part', () => {
  const mixed = '[{"traceId":"a","id":"b","name":"GET"},{"traceId":"a"},{"traceId":"a","id":"c"},{"id":"d"}]';

  test('is refused as a whole, unless the table says otherwise', async () => {
    const { runtime, post } = await rig();
    expect((await post('/api/v2/spans', mixed)).status).toBe(400);
    expect(runtime.calls).toBe(0);
  });

  test.each(['/api/v1/spans', '/api/v2/spans'])(
    'is taken in part on %s where that is wanted, and the rest is counted',
    async (path) => {
      const { runtime, input, post } = await rig({ partial: true });
      expect((await post(path, mixed)).status).toBe(202);
      expect(runtime.emitted).toEqual([expect.objectContaining({ format: 'zipkin-json-v2', items: 2 })]);
      expect(runtime.emitted.flatMap(decodeSpans).map(({ id, rawName }) => [id, rawName])).toEqual([
        ['000000000000000b', 'GET'],
        ['000000000000000c', undefined],
      ]);
      expect(runtime.refusals).toEqual([{ signal: 'traces', items: 2, reason: 'malformed' }]);
      expect(input.status?.()).toMatchObject({ lastRefusal: { message: '$[1].id is missing; expected a string' } });
    },
  );

  // Ids 0a/01, none/02, 0a/03.
  const proto = '0a060a010a1a01010a031a01020a060a010a1a0103';
  const goodThrift = (id: string) => `0a0001000000000000000a0a0004${id.padStart(16, '0')}00`;
  const thrift = `0c00000003${goodThrift('01')}0a000400000000000000020b${'0003'}0000000000${goodThrift('03')}`;

  test.each([
    ['/api/v2/spans', 'application/x-protobuf', proto, '$[1].traceId is missing'],
    ['/api/v1/spans', 'application/x-thrift', thrift, '$[1].traceId is missing'],
  ])('is taken in part on %s as %s too', async (path, type, hex, message) => {
    const { runtime, input, post } = await rig({ partial: true });
    const body = Buffer.from(hex, 'hex');
    expect((await post(path, body, { 'content-type': type })).status).toBe(202);
    expect(runtime.emitted).toEqual([expect.objectContaining({ format: 'zipkin-json-v2', items: 2 })]);
    expect(runtime.emitted.flatMap(idsOf)).toEqual(['0000000000000001', '0000000000000003']);
    expect(runtime.refusals).toEqual([{ signal: 'traces', items: 1, reason: 'malformed' }]);
    expect(input.status?.()).toMatchObject({ lastRefusal: { message: expect.stringContaining(message) } });
    // Where it cannot be told where a span ends, nothing is taken.
    const cut = body.subarray(0, body.length - 3);
    expect((await post(path, cut, { 'content-type': type })).status).toBe(400);
    expect(runtime.emitted).toHaveLength(1);
    const strict = await rig();
    expect((await strict.post(path, body, { 'content-type': type })).status).toBe(400);
  });

  test.each(['[{"id":"d"},{}]', '{}', 'x', '[{'])(
    'is refused all the same where nothing of it is good: %s',
    async (body) => {
      const { runtime, post } = await rig({ partial: true });
      expect((await post('/api/v2/spans', body)).status).toBe(400);
      expect([runtime.calls, runtime.refusals.length]).toEqual([0, 1]);
    },
  );
});

describe('what the table leaves out', () => {
  const span = (traceId: string, name: string, more: object = {}) => ({
    traceId,
    id: 'b',
    name,
    localEndpoint: { serviceName: 'Cart' },
    ...more,
  });
  const taken = async (table: object, ...lists: (readonly object[])[]) => {
    const made = await rig(table);
    for (const list of lists) {
      expect((await made.post('/api/v2/spans', JSON.stringify(list))).status).toBe(202);
    }
    return { ...made, spans: made.runtime.emitted.flatMap(decodeSpans) };
  };

  test('are tags whose keys hold an expression, as sent or with underscores', async () => {
    const tags = { 'http.method': 'GET', http_url: 'x', node_id: 'n', keep: 'k' };
    const { spans } = await taken({ ignore_tags: ['^http_m', 'url$', '^node'] }, [span('a', 'GET /X', { tags })]);
    expect(spans.map((one) => [one.rawName, one.tags])).toEqual([['GET /X', { keep: 'k' }]]);
  });

  test('are the traces of closed names, of one service or of all', async () => {
    const { spans, runtime } = await taken(
      { close_resource: { cart: ['^GET /health'], '*': ['metrics$'] } },
      [span('a', 'GET /healthz'), span('a', 'child'), span('c', 'GET /x')],
      [span('d', '/metrics', { localEndpoint: { serviceName: 'other' } })],
      [span('e', 'GET /healthz', { localEndpoint: { serviceName: 'other' } })],
    );
    expect(spans.map(({ traceId }) => Number.parseInt(traceId, 16))).toEqual([12, 14]);
    expect(runtime.drops).toEqual([
      { signal: 'traces', items: 2, reason: 'closed' },
      { signal: 'traces', items: 1, reason: 'closed' },
    ]);
  });

  test('is what the sampler does not choose, the same for 64 and 128 bits of an id, and never an error', async () => {
    const ids = Array.from({ length: 2000 }, (_, i) =>
      ((BigInt(i) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn).toString(16).padStart(16, '0'),
    );
    const used = ids.filter((id) => !/^0+$/.test(id));
    const narrow = await taken(
      { sampler: { sampling_rate: 0.1 } },
      used.map((id) => span(id, 'x')),
    );
    const wide = await taken(
      { sampler: { sampling_rate: 0.1 } },
      used.map((id) => span(`4bf92f3577b34da6${id}`, 'x')),
    );
    const low = ({ traceId }: { readonly traceId: string }) => traceId.slice(-16);
    expect(narrow.spans.length).toBeGreaterThan(100);
    expect(narrow.spans.length).toBeLessThan(320);
    expect(wide.spans.map(low)).toEqual(narrow.spans.map(low));
    const errors = await taken({ sampler: { sampling_rate: 0 } }, [
      span('a', 'x', { tags: { error: 'timeout' } }),
      span('a', 'y'),
      span('c', 'x', { tags: { error: 'false' } }),
    ]);
    expect(errors.spans.map(({ name }) => name)).toEqual(['x', 'y']);
    expect(errors.runtime.drops).toEqual([{ signal: 'traces', items: 1, reason: 'sampled' }]);
    const asAll = await taken({ sampler: { sampling_rate: 0, keep_errors: false } }, [
      span('a', 'x', { tags: { error: 'timeout' } }),
    ]);
    expect(asAll.runtime.drops).toEqual([{ signal: 'traces', items: 1, reason: 'sampled' }]);
  });

  test('is not what is rare: a name not seen for an hour', async () => {
    const { runtime, post } = await rig({ sampler: { sampling_rate: 0 }, keep_rare_resource: true });
    const send = (name: string) => post('/api/v2/spans', JSON.stringify([span('a', name)]));
    await send('x');
    await send('x');
    await send('y');
    expect(runtime.emitted.flatMap(decodeSpans).map(({ name }) => name)).toEqual(['x', 'y']);
    expect(runtime.drops).toEqual([{ signal: 'traces', items: 1, reason: 'sampled' }]);
  });

  test('changes nothing of bodies where the table leaves nothing out', async () => {
    const { runtime } = await taken({ sampler: { sampling_rate: 1 } }, [span('a', 'x')]);
    expect(runtime.emitted[0]?.payload.toString()).toBe(JSON.stringify([span('a', 'x')]));
  });

  test('is said when the table is wrong', async () => {
    await expect(rig({ ignore_tags: ['('] })).rejects.toMatchObject({ code: 'BRIDGE_CONFIG' });
  });
});

describeInput({
  definition: zipkin,
  source: async ({ runtime }) => {
    let served: ServedRoutes | undefined;
    const told = async (body: string) => {
      const { status } = await fetch(`${served?.url}/api/v2/spans`, { method: 'POST', body });
      return status === 202 ? 'accepted' : status === 503 ? 'try later' : 'refused';
    };
    return {
      config: {},
      open: async () => {
        served = await runtime.serve('zipkin');
      },
      send: (id) => told(JSON.stringify([{ traceId: id, id }])),
      sendGarbage: () => told('garbage'),
      close: async () => served?.close(),
    };
  },
  ids: idsOf,
  count: (emission) => decodeSpans(emission).length,
});
