import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import type { Logger } from '../contract/runtime.ts';
import { systemClock } from '../lib/clock.ts';
import { type AccessOptions, AccessPolicy } from './access.ts';
import { Listeners } from './listeners.ts';

const token = 'a-token-of-enough-characters';
const opened: Listeners[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((listeners) => listeners.close()));
});

function recordingLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const note = (_fields: object, message: string): void => {
    lines.push(message);
  };
  return { lines, debug: note, info: note, warn: note, error: note };
}

function make(
  routes: readonly HttpRoute[],
  access: Partial<AccessOptions> = {},
  log: Logger = recordingLog(),
): Listeners {
  const policy = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token, ...access });
  const listeners = new Listeners({ log, clock: systemClock, access: policy });
  for (const route of routes) {
    listeners.add(route);
  }
  opened.push(listeners);
  return listeners;
}

async function serve(
  routes: readonly HttpRoute[],
  access: Partial<AccessOptions> = {},
  log: Logger = recordingLog(),
): Promise<string> {
  const [status] = await make(routes, access, log).open([
    { name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' },
  ]);
  return `http://${status?.address}`;
}

function route(part: Partial<HttpRoute> & Pick<HttpRoute, 'path'>): HttpRoute {
  const handle = async (): Promise<HttpResponse> => ({ status: 200, body: 'ok' });
  return { method: 'GET', listeners: ['main'], access: 'open', handle, ...part };
}

/** Answers with what it got, so that a test sees the request as the handler does. */
const echo = async (request: HttpRequest): Promise<HttpResponse> => ({ status: 200, body: request.body });

describe('routes', () => {
  test('are found with and without parameters, and see path, parameters and query', async () => {
    const seen = async (request: HttpRequest): Promise<HttpResponse> => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([request.method, request.path, request.params, [...request.query]]),
    });
    const base = await serve([route({ path: '/a', handle: seen }), route({ path: '/t/:id', handle: seen })]);
    const answers = await Promise.all(
      ['/a', '/a?x=1&x=2', '/t/%C3%BC?y=%20'].map(async (url) => (await fetch(base + url)).json()),
    );
    expect(answers).toEqual([
      ['GET', '/a', {}, []],
      [
        'GET',
        '/a',
        {},
        [
          ['x', '1'],
          ['x', '2'],
        ],
      ],
      ['GET', '/t/%C3%BC', { id: 'ü' }, [['y', ' ']]],
    ]);
  });

  test('answer on the listeners they name and on no other', async () => {
    const listeners = make([route({ path: '/both', listeners: ['main', 'zipkin'] }), route({ path: '/main' })]);
    const statuses = await listeners.open([
      { name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' },
      { name: 'zipkin', host: '127.0.0.1', port: 0, onTaken: 'fail' },
    ]);
    const answers = statuses.flatMap(({ address }) => ['/both', '/main'].map((path) => `http://${address}${path}`));
    expect(await Promise.all(answers.map(async (url) => (await fetch(url)).status))).toEqual([200, 200, 200, 404]);
  });

  test('that are only read answer 405 to a write, and those that are written to do not exist for a read', async () => {
    const base = await serve([route({ path: '/read' }), route({ path: '/write', method: 'POST' })]);
    const post = await fetch(`${base}/read`, { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await fetch(`${base}/write`)).status).toBe(404);
    expect((await fetch(`${base}/write/`, { method: 'POST', body: 'x' })).status).toBe(404);
    expect((await fetch(`${base}/unknown`, { method: 'PUT', body: 'x' })).status).toBe(404);
  });

  test('answer HEAD as GET without the body', async () => {
    const base = await serve([route({ path: '/a' }), route({ path: '/t/:id' })]);
    for (const path of ['/a', '/t/1']) {
      const answer = await fetch(base + path, { method: 'HEAD' });
      expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '2', '']);
    }
  });

  test('cannot be added twice, nor once the listeners are open', async () => {
    const listeners = make([route({ path: '/a' })]);
    expect(() => listeners.add(route({ path: '/a' }))).toThrow(expect.objectContaining({ code: 'BRIDGE_CONFIG' }));
    await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
    expect(() => listeners.add(route({ path: '/b' }))).toThrow('too late');
  });

  test('with a broken percent escape are a 400 and not a 500', async () => {
    const base = await serve([route({ path: '/t/:id' })]);
    expect((await fetch(`${base}/t/%zz`)).status).toBe(400);
  });
});

describe('bodies', () => {
  const post = { path: '/in', method: 'POST', maxBodyBytes: 1_000, handle: echo } as const;

  test.each([undefined, 'application/json', 'application/x-thrift', 'text/html; charset=x', 'no type at all', ';;'])(
    'arrive as bytes with the content type %s',
    async (contentType) => {
      const base = await serve([route(post)]);
      const body = new Uint8Array([0, 255, 10, 13, 0]);
      const headers = contentType === undefined ? [] : [['content-type', contentType] as [string, string]];
      const answer = await fetch(`${base}/in`, { method: 'POST', body, headers });
      expect([answer.status, new Uint8Array(await answer.arrayBuffer())]).toEqual([200, body]);
    },
  );

  test('arrive whole when they are chunked, and when a request has a query', async () => {
    const base = await serve([route(post)]);
    const call = httpRequest(`${base}/in?x=1`, { method: 'POST' });
    const response = once(call, 'response');
    for (const part of ['one ', 'two ', 'three']) {
      call.write(part);
    }
    call.end();
    const [message] = await response;
    const chunks = await Array.fromAsync<Buffer>(message);
    expect(Buffer.concat(chunks).toString()).toBe('one two three');
  });

  test('are empty when there is none', async () => {
    const base = await serve([route(post)]);
    const answer = await fetch(`${base}/in`, { method: 'POST' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  test('past the cap are a 413 that the sender can read, and the connection goes on', async () => {
    const refusals: string[] = [];
    const onRefused = (error: BridgeError): void => {
      refusals.push(error.code);
    };
    const base = await serve([route({ ...post, onRefused })]);
    const large = await fetch(`${base}/in`, { method: 'POST', body: 'x'.repeat(1_001) });
    expect([large.status, await large.text()]).toEqual([413, 'the body is larger than 1000 bytes\n']);
    const fits = await fetch(`${base}/in`, { method: 'POST', body: 'x'.repeat(1_000) });
    expect(fits.status).toBe(200);
    expect(refusals).toEqual(['BRIDGE_TOO_LARGE']);
  });

  test('that are declared far past the cap are refused without being read', async () => {
    const base = await serve([route(post)]);
    const { port } = new URL(base);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('POST /in HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999\r\n\r\n');
    const chunks = await Array.fromAsync<Buffer>(socket);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1.1 413 .*connection: close/is);
  });

  test('are refused where a route takes none', async () => {
    const base = await serve([route({ path: '/in', method: 'POST' })]);
    expect((await fetch(`${base}/in`, { method: 'POST', body: 'x' })).status).toBe(413);
    expect((await fetch(`${base}/in`, { method: 'POST' })).status).toBe(200);
  });

  test.each(['gzip', 'x-gzip', 'GZIP', 'identity, gzip'])('are inflated for Content-Encoding: %s', async (encoding) => {
    const base = await serve([route({ ...post, inflate: true })]);
    const answer = await fetch(`${base}/in`, {
      method: 'POST',
      body: gzipSync('y'.repeat(9_999)),
      headers: { 'content-encoding': encoding },
    });
    expect([answer.status, (await answer.text()).length]).toEqual([200, 9_999]);
  });

  test('that say gzip and are not, or are cut short, are a 400', async () => {
    const base = await serve([route({ ...post, inflate: true })]);
    const whole = gzipSync('hello');
    for (const body of [Buffer.from('hello'), whole.subarray(0, -1), whole.subarray(0, 5)]) {
      const answer = await fetch(`${base}/in`, { method: 'POST', body, headers: { 'content-encoding': 'gzip' } });
      expect(answer.status).toBe(400);
    }
  });

  test('that inflate past ten caps are a 413', async () => {
    const base = await serve([route({ ...post, inflate: true })]);
    const bomb = gzipSync(Buffer.alloc(500_000));
    expect(bomb.length).toBeLessThan(1_000);
    const answer = await fetch(`${base}/in`, { method: 'POST', body: bomb, headers: { 'content-encoding': 'gzip' } });
    expect([answer.status, await answer.text()]).toEqual([413, 'the body inflates to more than 10000 bytes\n']);
  });
});

describe('answers', () => {
  test.each([
    ['BRIDGE_DECODE', 400],
    ['BRIDGE_TOO_LARGE', 413],
    ['BRIDGE_OVERLOADED', 503],
    ['BRIDGE_NOT_FOUND', 404],
    ['BRIDGE_UNSUPPORTED', 422],
  ] as const)('turn %s into %i with its message as one line of text', async (code, status) => {
    const handle = async (): Promise<HttpResponse> => {
      throw new BridgeError(code, '$[0].id: is empty');
    };
    const base = await serve([route({ path: '/a', handle })]);
    const answer = await fetch(`${base}/a`);
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      status,
      'text/plain; charset=utf-8',
      '$[0].id: is empty\n',
    ]);
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : null);
  });

  test('hide the reason of an unexpected failure, which is logged', async () => {
    const log = recordingLog();
    const handle = async (): Promise<HttpResponse> => {
      throw new TypeError('secret path');
    };
    const base = await serve([route({ path: '/a', handle })], {}, log);
    const answer = await fetch(`${base}/a`);
    expect([answer.status, (await answer.text()).includes('secret')]).toEqual([500, false]);
    expect(log.lines).toEqual(['A request failed unexpectedly.']);
  });

  test('are streamed piece by piece', async () => {
    const handle = async (): Promise<HttpResponse> => ({
      status: 200,
      body: (async function* () {
        for (let index = 0; index < 200; index += 1) {
          yield `${index} `.padEnd(1_000, '.');
        }
      })(),
    });
    const base = await serve([route({ path: '/a', handle })]);
    expect((await (await fetch(`${base}/a`)).text()).length).toBe(200_000);
  });

  test('end a stream when the caller goes away, and tell the handler', async () => {
    const { promise: ended, resolve: onEnd } = Promise.withResolvers<string>();
    const handle = async (request: HttpRequest): Promise<HttpResponse> => ({
      status: 200,
      body: (async function* () {
        try {
          for (;;) {
            yield 'x'.repeat(100_000);
          }
        } finally {
          onEnd(request.signal.aborted ? 'aborted' : 'not aborted');
        }
      })(),
    });
    const withSignal = (request: HttpRequest): Promise<HttpResponse> => {
      request.signal.throwIfAborted();
      return handle(request);
    };
    const base = await serve([route({ path: '/a', handle: withSignal })]);
    const caller = new AbortController();
    const answer = await fetch(`${base}/a`, { signal: caller.signal });
    await answer.body?.getReader().read();
    caller.abort();
    expect(await ended).toBe('aborted');
  });

  test('allow any origin only on open routes that ask for it', async () => {
    const base = await serve([
      route({ path: '/rum', method: 'POST', cors: true }),
      route({ path: '/traces', cors: true, access: 'reader' }),
    ]);
    const preflight = await fetch(`${base}/rum`, { method: 'OPTIONS' });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    const rum = await fetch(`${base}/rum`, { method: 'POST', headers: { origin: 'https://shop.example' } });
    expect(rum.headers.get('access-control-allow-origin')).toBe('*');
    const traces = await fetch(`${base}/traces`, { headers: { origin: 'https://shop.example' } });
    expect([traces.status, traces.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });
});

describe('access', () => {
  test('is asked before the body is read, and the answer names the setting', async () => {
    const base = await serve([
      route({ path: '/in', method: 'POST', access: 'ingest', maxBodyBytes: 10, handle: echo }),
    ]);
    const headers = { 'x-forwarded-for': '10.0.0.1' };
    const stranger = await fetch(`${base}/in`, { method: 'POST', body: 'x'.repeat(50), headers });
    expect([stranger.status, (await stranger.text()).includes('[server] token_file')]).toEqual([401, true]);
    const known = { ...headers, authorization: `Bearer ${token}` };
    expect((await fetch(`${base}/in`, { method: 'POST', body: 'x', headers: known })).status).toBe(200);
  });

  test('gives a browser the login page instead of a bare 401', async () => {
    const base = await serve([route({ path: '/', access: 'reader' })]);
    const answer = await fetch(`${base}/`, { headers: { accept: 'text/html,*/*', via: '1.1 proxy' } });
    expect([answer.status, (await answer.text()).includes('action="/api/native/login"')]).toEqual([401, true]);
  });
});

describe('ports', () => {
  async function taken(): Promise<{ port: number; free: () => Promise<void> }> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return { port, free: () => new Promise((resolve) => server.close(() => resolve())) };
  }

  test('that are taken are a warning by default and leave the others open', async () => {
    const { port, free } = await taken();
    const log = recordingLog();
    const statuses = await make([route({ path: '/a', listeners: ['main', 'zipkin'] })], {}, log).open([
      { name: 'zipkin', host: '127.0.0.1', port, onTaken: 'warn' },
      { name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' },
    ]);
    await free();
    expect(statuses).toEqual([
      { name: 'zipkin', off: `127.0.0.1:${port} cannot be opened: another process listens there` },
      { name: 'main', address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
    ]);
    expect(log.lines).toEqual(['A default port is taken and stays off.']);
  });

  test('that were written and are taken are BRIDGE_START, and nothing stays open', async () => {
    const { port, free } = await taken();
    const listeners = make([route({ path: '/a' })]);
    const opening = listeners.open([
      { name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' },
      { name: 'zipkin', host: '127.0.0.1', port, onTaken: 'fail' },
    ]);
    await expect(opening).rejects.toMatchObject({ code: 'BRIDGE_START', message: expect.stringContaining(`${port}`) });
    await free();
  });

  test('close after the requests in flight have been answered', async () => {
    const { promise: arrived, resolve: onArrival } = Promise.withResolvers<void>();
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
    const handle = async (): Promise<HttpResponse> => {
      onArrival();
      await gate;
      return { status: 202 };
    };
    const listeners = make([route({ path: '/a', handle })]);
    const [status] = await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
    const answer = fetch(`http://${status?.address}/a`);
    await arrived;
    const closed = listeners.close();
    openGate();
    const response = await answer;
    expect([response.status, response.headers.get('connection')]).toEqual([202, 'close']);
    await closed;
    await expect(fetch(`http://${status?.address}/a`)).rejects.toThrow();
  });

  test('cut what does not end within the grace', async () => {
    const { promise: arrived, resolve: onArrival } = Promise.withResolvers<void>();
    const handle = (): Promise<HttpResponse> => {
      onArrival();
      return new Promise(() => undefined);
    };
    const policy = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token });
    const clock = { now: () => 0, sleep: async () => undefined };
    const listeners = new Listeners({ log: recordingLog(), clock, access: policy });
    listeners.add(route({ path: '/a', handle }));
    const [status] = await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
    const answer = fetch(`http://${status?.address}/a`);
    const failure = expect(answer).rejects.toThrow();
    await arrived;
    await listeners.close();
    await failure;
  });
});
