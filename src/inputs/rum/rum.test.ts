import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeInput } from '../../../test/contracts/input-contract.ts';
import { type Emission, type FakeInputRuntime, fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import type { ServedRoutes } from '../../../test/fakes/route-server.ts';
import { decodeRumPoints } from '../../codec/rum-points/rum-points.ts';
import { readEnvironment } from '../../config/environment.ts';
import { hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpRoute } from '../../contract/http.ts';
import type { Input } from '../../contract/input.ts';
import { AccessPolicy } from '../../http/access.ts';
import { Listeners } from '../../http/listeners.ts';
import { systemClock } from '../../lib/clock.ts';
import type { RumPoint } from '../../model/rum.ts';
import { clientAddress } from './client-address.ts';
import { decodeJsonPoints } from './json-points.ts';
import { passedOn } from './point-rules.ts';
import { RateLimit } from './rate-limit.ts';
import { rum } from './rum.ts';

const samples = join(process.env['MESHBRIDGE_SHARED'] ?? '../shared', 'samples');
const sent = readFileSync(join(samples, 'rum/line-protocol.txt'));
const path = '/v1/write/rum?precision=ms';
const one = 'view,app_id=a loading_time=1 1636524705407';
const place = { country: 'unknown', province: 'unknown', city: 'unknown', isp: 'unknown' };
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

interface Rig {
  readonly runtime: FakeInputRuntime;
  readonly input: Input;
  readonly base: string;
  post(path: string, body: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

/** The input behind the real listeners. */
async function rig(table: object = {}): Promise<Rig> {
  const runtime = fakeInputRuntime();
  const access = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token: 'not-asked-for-here' });
  const listeners = new Listeners({ log: runtime.log, clock: systemClock, access });
  const input = rum.create(rum.config.parse(table), { ...runtime, routes: listeners });
  await input.start();
  const [status] = await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
  closing.push(
    () => listeners.close(),
    () => input.stop(),
  );
  const base = `http://${status?.address}`;
  const post: Rig['post'] = (to, body, headers = {}) =>
    fetch(`${base}${to}`, { method: 'POST', body: Buffer.from(body), headers });
  return { runtime, input, base, post };
}

function pointsOf(runtime: FakeInputRuntime): readonly RumPoint[] {
  return runtime.emitted.flatMap(({ payload }) => decodeRumPoints(payload));
}

describe('what is taken', () => {
  test('is what the browser SDK sent, with the address of the browser, and the answer is 200 and nothing', async () => {
    const { runtime, post } = await rig();
    const headers = { 'content-type': 'text/plain;charset=UTF-8', 'x-forwarded-for': '203.0.113.9, 10.0.0.1' };
    const answer = await post(path, sent, headers);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    const points = pointsOf(runtime);
    expect(points.map(({ measurement }) => measurement)).toHaveLength(9);
    expect(points[0]).toMatchObject({
      measurement: 'resource',
      tags: { os: 'Mac OS', resource_status: '200', ip: '203.0.113.9', ...place },
      fields: { duration: 0 },
      timeNanos: 1_636_524_705_407_000_000n,
    });
    expect(runtime.emitted).toMatchObject([{ signal: 'rum', format: 'rum-points', items: 9 }]);
    expect(runtime.refusals).toEqual([]);
  });

  test.each([
    ['?precision=ms&encoding=deflate', deflateSync(sent), {}],
    ['?precision=ms&encoding=gzip', gzipSync(sent), {}],
    ['?precision=ms', gzipSync(sent), { 'content-encoding': 'gzip' }],
    ['?precision=ms', deflateSync(sent), { 'content-encoding': 'deflate' }],
  ])('may be packed: %s', async (query, body, headers) => {
    const { runtime, post } = await rig();
    expect((await post(`/v1/write/rum${query}`, body, { 'content-type': 'text/plain', ...headers })).status).toBe(200);
    expect(pointsOf(runtime)).toHaveLength(9);
  });

  test('may be the JSON of sendContentTypeByJson', async () => {
    const { runtime, post } = await rig();
    const body = JSON.stringify([
      {
        measurement: 'resource',
        tags: { app_id: 'a', resource_status: 200, empty: '' },
        fields: { duration: '25300000', size: 12.5, is_ok: true, custom: { a: [1] }, nothing: null },
        time: 1_636_524_705_407,
      },
    ]);
    const answer = await post(path, body, { 'content-type': 'application/json;UTF-8' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(pointsOf(runtime)).toEqual([
      {
        measurement: 'resource',
        tags: { app_id: 'a', resource_status: '200', ip: '127.0.0.1', ...place },
        fields: { duration: '25300000', size: 12.5, is_ok: true, custom: '{"a":[1]}' },
        timeNanos: 1_636_524_705_407_000_000n,
      },
    ]);
  });

  test('may lack a precision and a time', async () => {
    const { runtime, post } = await rig();
    await post('/v1/write/rum', 'view,app_id=a f=1 1636524705407001\nview,app_id=a f=1');
    const nowNanos = BigInt(runtime.clock.now()) * 1_000_000n;
    expect(pointsOf(runtime).map(({ timeNanos }) => timeNanos)).toEqual([1_636_524_705_407_001_000n, nowNanos]);
  });

  test('gets the tags of the table where it has none of its own', async () => {
    const { runtime, post } = await rig({ tags: { env: 'prod', shop: 'x', city: 'Turin' } });
    await post(path, 'view,app_id=a,env=test f=1 1');
    expect(pointsOf(runtime)[0]?.tags).toMatchObject({ env: 'test', shop: 'x', city: 'Turin' });
  });

  test('is checked and not kept with `dry`', async () => {
    const { runtime, post } = await rig();
    expect((await post(`${path}&dry=1`, one)).status).toBe(200);
    expect((await post(`${path}&dry=1`, 'nonsense')).status).toBe(400);
    expect(runtime.emitted).toEqual([]);
  });

  test('comes to the paths of the table', async () => {
    const { runtime, post } = await rig({ endpoints: ['/rum/in'] });
    expect((await post('/rum/in', one)).status).toBe(200);
    expect((await post(path, one)).status).toBe(404);
    expect(runtime.emitted).toHaveLength(1);
  });
});

describe('what is refused', () => {
  test.each([
    ['nothing', '', {}, 400, 'emptyBody'],
    ['a comment alone', '# only a comment\n', {}, 400, 'noPoints'],
    ['a line without fields', 'view,app_id=a', {}, 400, 'invalidLinePoint'],
    ['a point without app_id behind a good one', `${one}\nview f=1`, {}, 400, 'invalidRUMPoint'],
    ['a kind that nobody knows behind a good one', `${one}\ncpu,app_id=a f=1`, {}, 400, 'unknownRUMMeasurement'],
    ['an error without sdk_name', 'error,app_id=a error_message="x"', {}, 400, 'invalidRUMPoint'],
    ['half a JSON', '{', { 'content-type': 'application/json' }, 400, 'invalidJsonPoint'],
    [
      'a JSON point without fields',
      '[{"measurement":"view"}]',
      { 'content-type': 'application/json' },
      400,
      'invalidJsonPoint',
    ],
    ['protobuf', 'x', { 'content-type': 'application/protobuf; proto=com.guance.Point' }, 400, 'invalidProtobufPoint'],
    ['gzip that is none', 'x', { 'content-encoding': 'gzip' }, 400, 'decodeBodyFailed'],
    ['a coding that nobody knows', 'x', { 'content-encoding': 'lzma' }, 400, 'decodeBodyFailed'],
    ['more than 1 MiB', 'x'.repeat(1024 * 1024 + 1), {}, 413, 'bodyTooLarge'],
  ])('is %s, as a whole', async (_, body, headers, ...told) => {
    const [status, code] = told;
    const { runtime, post } = await rig();
    const answer = await post(path, body, headers);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/json']);
    expect(await answer.json()).toEqual({ error_code: `datakit.${code}`, message: expect.stringMatching(/\S/) });
    expect(runtime.emitted).toEqual([]);
    expect(runtime.refusals).toHaveLength(1);
  });

  test('names the lines that are bad', async () => {
    const { input, post } = await rig();
    const { message } = (await (await post(path, `${one}\nview,app_id=a f=\n${one}\nview,x f=1`)).json()) as {
      message: string;
    };
    expect(message).toMatch(/^line 2: .*; line 4: /);
    expect(input.status?.()).toMatchObject({ lastRefusal: { message } });
  });

  test('is a precision that there is not', async () => {
    const { post } = await rig();
    const answer = await post('/v1/write/rum?precision=fortnight', one);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error_code: 'datakit.invalidPrecision' }]);
  });

  test('is an application that is not in the white list', async () => {
    const { post } = await rig({ app_id_white_list: ['shop'] });
    const answer = await post(path, one);
    expect([answer.status, await answer.json()]).toMatchObject([
      403,
      { error_code: 'datakit.RUMApp_idNotInTheWhiteList', message: expect.stringContaining('white list') },
    ]);
    expect((await post(path, 'view,app_id=shop f=1')).status).toBe(200);
  });

  test('is a recording, with a text that says what to do', async () => {
    const { runtime, post } = await rig();
    const answer = await post('/v1/write/rum/replay', 'anything', {
      'content-type': 'multipart/form-data; boundary=x',
    });
    expect([answer.status, await answer.json()]).toMatchObject([403, { message: expect.stringContaining('not kept') }]);
    expect(runtime.refusals).toEqual([{ signal: 'rum', items: 1, reason: 'replay' }]);
  });

  test('has the sender come back when the queue is full', async () => {
    const { runtime, post } = await rig();
    runtime.overload();
    const answer = await post(path, one);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await answer.json()).toMatchObject({ error_code: 'datakit.overloaded' });
  });
});

describe('pages of every origin', () => {
  test('may send, and read the answer', async () => {
    const { base, post } = await rig();
    const origin = 'https://shop.example';
    const headers = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    const preflight = await fetch(`${base}${path}`, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/^content-type, /);
    for (const answer of [await post(path, one, { origin }), await post(path, 'nonsense', { origin })]) {
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    }
  });

  test('unless the table names the origins', async () => {
    const { post } = await rig({ allowed_cors_origins: ['https://shop.example'] });
    const answer = await post(path, one, { origin: 'https://other.example' });
    expect(answer.headers.get('access-control-allow-origin')).toBe(null);
  });

  test('get the settings of their application', async () => {
    const { base } = await rig({ remote_configuration: { '*': { env: 'prod' }, shop: { sessionSampleRate: 50 } } });
    const ask = async (query: string) => (await fetch(`${base}/v1/env_variable${query}`)).json();
    expect(await ask('?app_id=shop')).toEqual({ content: { 'R.shop.env': 'prod', 'R.shop.sessionSampleRate': 50 } });
    expect(await ask('?app_id=toString')).toEqual({ content: { 'R.toString.env': 'prod' } });
  });

  test('get no settings where there are none', async () => {
    const { base } = await rig();
    expect(await (await fetch(`${base}/v1/env_variable?app_id=shop`)).json()).toEqual({ content: {} });
  });
});

describe('an address that is not loopback', () => {
  function call(runtime: FakeInputRuntime, remoteAddress: string) {
    const route = runtime.collectedRoutes.find((one) => one.method === 'POST') as HttpRoute;
    const request = { body: Buffer.from(one), query: new URLSearchParams(), headers: {}, remoteAddress };
    return route.handle(request as unknown as HttpRequest);
  }

  test('is answered 429 past its rate, and again when time went by', async () => {
    const runtime = fakeInputRuntime();
    const input = rum.create(rum.config.parse({ rate_limit: 10, rate_limit_burst: 20 }), runtime);
    await input.start();
    const statuses: number[] = [];
    for (let i = 0; i < 25; i++) {
      statuses.push((await call(runtime, '203.0.113.9')).status);
    }
    expect(statuses.map(String).join(' ')).toBe([...Array(20).fill('200'), ...Array(5).fill('429')].join(' '));
    expect((await call(runtime, '203.0.113.10')).status).toBe(200);
    expect((await call(runtime, '127.0.0.1')).status).toBe(200);
    await runtime.clock.advance(100);
    expect((await call(runtime, '203.0.113.9')).status).toBe(200);
    const refused = await call(runtime, '203.0.113.9');
    expect([refused.status, refused.headers?.['retry-after']]).toEqual([429, '1']);
    expect(runtime.refusals.filter(({ reason }) => reason === 'rate_limited')).toHaveLength(6);
    await input.stop();
  });

  test('has one bucket for all of its /64, and none at rate 0', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 });
    expect(limit.admits('2001:db8::1', 0)).toBe(true);
    expect(limit.admits('2001:db8:0:0:ffff::2', 0)).toBe(false);
    expect(limit.admits('2001:db8:0:1::1', 0)).toBe(true);
    expect(limit.admits('::ffff:203.0.113.9', 0)).toBe(true);
    expect(limit.admits('::ffff:203.0.113.10', 0)).toBe(true);
    const none = new RateLimit({ perSecond: 0, burst: 1 });
    expect([none.admits('203.0.113.9', 0), none.admits('203.0.113.9', 0)]).toEqual([true, true]);
  });

  test('does not make memory grow without end', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 });
    for (let i = 0; i < 30_000; i++) {
      limit.admits(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0);
    }
    expect(limit.admits('10.0.0.0', 0)).toBe(true);
    expect(limit.admits('10.0.117.47', 0)).toBe(false);
  });
});

test.each([
  [{ 'x-mine': '203.0.113.1', 'x-forwarded-for': '203.0.113.2' }, '203.0.113.1'],
  [{ 'x-forwarded-for': ' 203.0.113.2:1234, 10.0.0.1' }, '203.0.113.2'],
  [{ 'x-forwarded-for': '"><script>', 'x-real-ip': '[2001:db8::1]:80' }, '2001:db8::1'],
  [{}, '10.1.1.1'],
])('the browser behind %j is %s', (headers, address) => {
  expect(clientAddress({ headers, remoteAddress: '::ffff:10.1.1.1' }, 'x-mine')).toBe(address);
});

test('a point is passed on within DataKit’s limits', () => {
  const long = 'é'.repeat(600);
  const point = passedOn(
    {
      measurement: 'view',
      tags: { 'a.b': 'x\ny\\', long, gone: '\\' },
      fields: { a_b: 1, 'c.d': 2, ip: 'own' },
      timeNanos: 1n,
    },
    { ip: '203.0.113.9' },
  );
  expect(point.tags).toEqual({ a_b: 'x y', long: 'é'.repeat(512) });
  expect(point.fields).toEqual({ c_d: 2, ip: 'own' });
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, 'v']));
  const full = passedOn({ measurement: 'view', tags: many, fields: { ...many, last: 1 }, timeNanos: 1n }, {});
  expect([Object.keys(full.tags).length, Object.keys(full.fields).length]).toEqual([256, 1024]);
});

test('a million backslashes in a tag are looked at once', () => {
  const tags = { t: `${'\\'.repeat(1_000_000)}x`, u: '\\'.repeat(1_000_000) };
  const point = passedOn({ measurement: 'view', tags, fields: { f: 1 }, timeNanos: 1n }, {});
  expect(point.tags).toEqual({ t: '\\'.repeat(1024) });
});

test('JSON of any shape gives points or BRIDGE_DECODE', () => {
  const keyed = fc.dictionary(fc.string(), fc.jsonValue());
  const point = fc.record(
    { measurement: fc.oneof(fc.string(), fc.jsonValue()), tags: keyed, fields: keyed, time: fc.jsonValue() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.array(point), point, fc.jsonValue()), (value) => {
      try {
        for (const { tags, fields } of decodeJsonPoints(Buffer.from(JSON.stringify(value)), { nowNanos: 1n })) {
          expect(Object.values(tags).every((tag) => typeof tag === 'string')).toBe(true);
          expect(Object.keys(fields).length).toBeGreaterThan(0);
        }
      } catch (error) {
        expect(hasCode(error, 'BRIDGE_DECODE')).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

function idsOf({ payload }: Emission): string[] {
  return decodeRumPoints(payload).map(({ tags }) => tags['view_id'] ?? '');
}

describeInput({
  definition: rum,
  source: async ({ runtime }) => {
    let served: ServedRoutes | undefined;
    const told = async (body: string) => {
      const { status } = await fetch(`${served?.url}${path}`, { method: 'POST', body });
      return status === 200 ? 'accepted' : status === 503 ? 'try later' : 'refused';
    };
    return {
      config: {},
      open: async () => {
        served = await runtime.serve('main');
      },
      send: (id) => told(`view,app_id=a,view_id=${id} f=1`),
      sendGarbage: () => told('garbage'),
      close: async () => served?.close(),
    };
  },
  ids: idsOf,
  count: (emission) => idsOf(emission).length,
});

test("DataKit's variables set the keys of the table", () => {
  const env = {
    ENV_RUM_ORIGIN_IP_HEADER: 'X-Client',
    ENV_RUM_APP_ID_WHITE_LIST: 'shop,blog',
    ENV_HTTP_ALLOWED_CORS_ORIGINS: 'https://shop.example',
    ENV_REQUEST_RATE_LIMIT: '7',
    ENV_REQUEST_RATE_LIMIT_BURST: '9',
  };
  const { inputs, warnings, faults } = readEnvironment(env, [rum]);
  const table = Object.fromEntries((inputs.get('rum') ?? []).map(({ path: [key = ''], value }) => [key, value]));
  expect(rum.config.parse(table)).toMatchObject({
    origin_ip_header: 'X-Client',
    app_id_white_list: ['shop', 'blog'],
    allowed_cors_origins: ['https://shop.example'],
    rate_limit: 7,
    rate_limit_burst: 9,
  });
  expect([warnings, faults]).toEqual([[], []]);
});
