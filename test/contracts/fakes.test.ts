import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { BridgeError } from '../../src/contract/errors.ts';
import type { Batch } from '../../src/model/batch.ts';
import { HeldClock } from '../fakes/clock.ts';
import { refusedUrl, withFakeFarSide } from '../fakes/far-side.ts';
import { fakeInputRuntime } from '../fakes/input-runtime.ts';
import { fakeRuntime } from '../fakes/runtime.ts';
import { stateAfter, until, within } from '../fakes/until.ts';

const batchOf = (text: string, items = 1): Batch => ({
  signal: 'traces',
  format: 'zipkin-json-v2',
  payload: Buffer.from(text),
  items,
  origin: {},
});

test('sleepers of a held clock wake in order and may sleep again within one move', async () => {
  const clock = new HeldClock(1_000);
  const woken: number[] = [];
  const loop = (async () => {
    for (let i = 0; i < 3; i++) {
      await clock.sleep(100);
      woken.push(clock.now());
    }
  })();
  await clock.advance(99);
  expect(woken).toEqual([]);
  await clock.advance(201);
  await loop;
  expect(woken).toEqual([1_100, 1_200, 1_300]);
  expect(clock.now()).toBe(1_300);
});

test('a held sleep ends with the reason of its signal and is forgotten', async () => {
  const clock = new HeldClock();
  const stop = new AbortController();
  const sleeping = clock.sleep(10, stop.signal);
  const reason = new Error('stopped');
  stop.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  expect(clock.sleepers).toBe(0);
});

test('emit copies the batch at the call, so the caller may use its buffer again', async () => {
  const runtime = fakeInputRuntime();
  const buffer = Buffer.from('first');
  runtime.hold();
  const first = runtime.emit({ ...batchOf(''), payload: buffer });
  buffer.write('later');
  expect(await stateAfter(first, 5)).toBe('pending');
  runtime.release();
  await first;
  expect(runtime.emitted.map((e) => e.payload.toString())).toEqual(['first']);
});

test('an overloaded lane rejects with its code, and takes batches again once it recovered', async () => {
  const runtime = fakeInputRuntime();
  runtime.overload();
  await expect(runtime.emit(batchOf('a'))).rejects.toMatchObject({ code: 'BRIDGE_OVERLOADED' });
  runtime.recover();
  await runtime.emit(batchOf('b'));
  expect(runtime.emitted.map((e) => e.payload.toString())).toEqual(['b']);
  expect(runtime.calls).toBe(2);
});

test('only durable positions are seen, by this life and by the next', async () => {
  const runtime = fakeInputRuntime();
  await runtime.emit(batchOf('a'), { key: 'file:1', value: '10' });
  runtime.hold();
  const lost = runtime.emit(batchOf('b'), { key: 'file:1', value: '20' });
  lost.catch(() => undefined);
  expect(runtime.position('traces', 'file:1')).toBe('10');
  const next = runtime.restart();
  expect(next.position('traces', 'file:1')).toBe('10');
  expect(next.position('logs', 'file:1')).toBeUndefined();
  expect([...next.positions('traces', 'file:')]).toEqual([['file:1', '10']]);
  next.forget('traces', 'file:1');
  expect(next.position('traces', 'file:1')).toBeUndefined();
});

test('collected routes are served with params, gzip, caps and the status of a bridge error', async () => {
  const runtime = fakeInputRuntime();
  runtime.routes.add({
    method: 'POST',
    path: '/take/:id',
    listeners: ['main'],
    access: 'open',
    maxBodyBytes: 10,
    inflate: true,
    handle: async ({ params, body, query }) => {
      if (body.toString() === 'full') {
        throw new BridgeError('BRIDGE_OVERLOADED', 'come back');
      }
      return { status: 202, body: `${params['id']} ${query.get('q')} ${body}` };
    },
  });
  const served = await runtime.serve();
  const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(served.url + path, { method: 'POST', body: typeof body === 'string' ? body : new Uint8Array(body), headers });
  expect(await (await post('/take/x?q=1', 'hello')).text()).toBe('x 1 hello');
  const plain = gzipSync('zzz', { level: 9 }).subarray(0);
  expect(plain.length).toBeGreaterThan(10);
  expect((await post('/take/x', plain, { 'content-encoding': 'gzip' })).status).toBe(413);
  expect((await post('/take/x', 'not gzip', { 'content-encoding': 'gzip' })).status).toBe(400);
  const full = await post('/take/x', 'full');
  expect([full.status, full.headers.get('retry-after')]).toEqual([503, '1']);
  expect((await post('/other', '')).status).toBe(404);
  await served.close();
});

test('the far side answers as told, remembers what it got, hangs and drops connections', () =>
  withFakeFarSide(async (far) => {
    far.once({ status: 429, headers: { 'retry-after': '7' } });
    const first = await fetch(`${far.url}/a`, { method: 'POST', body: 'one' });
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '7']);
    expect((await fetch(`${far.url}/b`)).status).toBe(200);
    expect(far.requests.map((r) => `${r.method} ${r.path} ${r.body}`)).toEqual(['POST /a one', 'GET /b ']);
    far.once('drop');
    await expect(fetch(`${far.url}/c`)).rejects.toThrow('fetch failed');
    far.once('hang');
    const stop = new AbortController();
    const hanging = fetch(`${far.url}/d`, { signal: stop.signal });
    await until(() => far.requests.some((r) => r.path === '/d'));
    expect(await stateAfter(hanging, 5)).toBe('pending');
    stop.abort(new Error('enough'));
    await expect(hanging).rejects.toThrow('enough');
    far.once('drop half-way');
    const half = await fetch(`${far.url}/e`);
    await expect(half.text()).rejects.toThrow('terminated');
  }));

test('nobody listens where connections are to be refused', async () => {
  const url = await refusedUrl();
  const code = await new Promise((resolve) => {
    request(url)
      .once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      .end();
  });
  expect(code).toBe('ECONNREFUSED');
});

test('waiting ends at its deadline with what was awaited', async () => {
  await expect(until(() => false, { withinMs: 5, what: 'the impossible' })).rejects.toThrow('the impossible');
  await expect(within(new Promise(() => undefined), 5, 'for ever')).rejects.toThrow('for ever');
  expect(await until(() => 'value')).toBe('value');
});

test('log lines and own metrics are remembered by level, name and labels', () => {
  const runtime = fakeRuntime();
  runtime.log.warn({ path: 'x' }, 'file is odd');
  runtime.meter.counter('meshbridge_x_total', 'help', { b: '1', a: '2' }).add(3);
  runtime.meter.gauge('meshbridge_y', 'help').set(4);
  expect(runtime.log.at('warn')).toEqual([{ level: 'warn', fields: { path: 'x' }, message: 'file is odd' }]);
  expect(runtime.meter.value('meshbridge_x_total', { a: '2', b: '1' })).toBe(3);
  expect(runtime.meter.value('meshbridge_y')).toBe(4);
  expect(() => runtime.meter.counter('meshbridge_x_total', '').add(-1)).toThrow('was given -1');
});
