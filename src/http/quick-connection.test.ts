import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { until } from '../../test/fakes/until.ts';
import { BridgeError } from '../contract/errors.ts';
import type { HttpRequest, HttpResponse, HttpRoute } from '../contract/http.ts';
import { systemClock } from '../lib/clock.ts';
import { AccessPolicy } from './access.ts';
import { Listeners } from './listeners.ts';
import { QuickListener } from './quick-listener.ts';
import { RouteServer } from './route-server.ts';

const opened: Listeners[] = [];
const sockets: Socket[] = [];
const quietLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const maxBodyBytes = 3 * 1024 * 1024;

afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await Promise.all(opened.splice(0).map((listeners) => listeners.close()));
});

const echo = async (request: HttpRequest): Promise<HttpResponse> => ({
  status: 200,
  headers: { 'x-method': request.method, 'x-path': request.path, 'x-type': request.headers['content-type'] ?? '' },
  body: request.body,
});

function post(part: Partial<HttpRoute> = {}): HttpRoute {
  return {
    method: 'POST',
    path: '/post',
    listeners: ['main'],
    access: 'open',
    maxBodyBytes,
    inflate: true,
    handle: echo,
    ...part,
  };
}

async function serve(routes: readonly HttpRoute[]): Promise<{ port: number; listeners: Listeners }> {
  const access = new AccessPolicy({
    auth: 'token',
    trusted: [],
    allowedHosts: [],
    token: 'a-token-of-enough-characters',
  });
  const listeners = new Listeners({ log: quietLog, clock: systemClock, access });
  for (const route of routes) {
    listeners.add(route);
  }
  opened.push(listeners);
  const [status] = await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
  return { port: Number(status?.address?.split(':').at(-1)), listeners };
}

/** A listener whose clock stands until it is moved, with the server's ends of its connections. */
async function serveAtOwnTime(routes: readonly HttpRoute[]) {
  const server = createServer();
  const ours: Socket[] = [];
  const access = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [] });
  const answers = new RouteServer({ log: quietLog, access });
  const times = { headersMs: 10_000, requestMs: 60_000, keepAliveMs: 300_000 };
  const held = { nowMs: Date.now(), port: 0, ours, answers, close: () => Promise.resolve() };
  const clock = { ...systemClock, now: () => held.nowMs };
  const { onRequest } = answers.build(routes);
  server.on('request', onRequest);
  const quick = new QuickListener({ server, routes, answers, clock, times, checkMs: 5 });
  server.on('connection', (socket) => ours.push(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  held.port = typeof address === 'object' && address !== null ? address.port : 0;
  held.close = async () => {
    quick.closeAllConnections();
    quick.stop();
    await new Promise((resolve) => server.close(resolve));
  };
  return held;
}

class Caller {
  readonly socket: Socket;
  text = '';
  closed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    sockets.push(this.socket);
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', () => undefined);
    this.socket.on('end', () => {
      this.closed = true;
    });
  }

  /** In pieces, each in a packet of its own. */
  async send(bytes: Buffer, cuts: readonly number[] = []): Promise<void> {
    const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
    let from = 0;
    for (const to of [...places, bytes.length]) {
      if (to > from) {
        await new Promise((resolve) => this.socket.write(bytes.subarray(from, to), resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
      from = to;
    }
  }

  /** The answers so far, each as status and body. */
  answers(): { status: number; head: string; body: string }[] {
    const found: { status: number; head: string; body: string }[] = [];
    for (let rest = this.text; ; ) {
      const end = rest.indexOf('\r\n\r\n');
      const head = rest.slice(0, end).toLowerCase();
      const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0);
      if (end < 0 || rest.length < end + 4 + length) {
        return found;
      }
      found.push({ status: Number(head.slice(9, 12)), head, body: rest.slice(end + 4, end + 4 + length) });
      rest = rest.slice(end + 4 + length);
    }
  }

  async wait(count: number): Promise<{ status: number; head: string; body: string }[]> {
    await until(() => this.answers().length >= count, { what: `${count} answers` });
    return this.answers();
  }
}

function counted(body: string | Buffer, extra = ''): Buffer {
  const bytes = Buffer.from(body);
  const head = `POST /post HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n${extra}Content-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

function chunked(parts: readonly string[], extra = ''): Buffer {
  const chunks = parts.map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`).join('');
  return Buffer.from(`POST /post HTTP/1.1\r\nhost: a\r\n${extra}transfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
}

describe('Posts to an open route', () => {
  test('are answered one after the other on one connection, with what the handler must see', async () => {
    const { port } = await serve([post()]);
    const caller = new Caller(port);
    await caller.send(counted('one'));
    await caller.wait(1);
    await caller.send(counted('two'));
    await caller.wait(2);
    await caller.send(chunked(['th', 'ree']));
    const answers = await caller.wait(3);
    expect(answers.map(({ body }) => body)).toEqual(['one', 'two', 'three']);
    expect(answers[0]?.head).toMatch(
      /^http\/1.1 200 ok\r\nx-method: post\r\nx-path: \/post\r\nx-type: text\/plain\r\n/,
    );
    expect(answers[0]?.head).toMatch(/\r\ndate: .* gmt\r\nconnection: keep-alive\r\nkeep-alive: timeout=300\r\n/);
  });

  test('come whole wherever the packets are cut, and in turn when they are sent ahead', async () => {
    const { port } = await serve([post()]);
    const request = fc.oneof(
      fc.string({ maxLength: 40 }).map((body) => ({ body, bytes: counted(body) })),
      fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 4 }).map((parts) => ({
        body: parts.join(''),
        bytes: chunked(parts),
      })),
      // Node's own reader answers these, and all that comes behind them.
      fc.constant({
        body: 'ask',
        bytes: Buffer.from('POST /post?a=b HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nask'),
      }),
      fc.constant({
        body: 'ext',
        bytes: Buffer.from(
          'POST /post HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\next\r\n0\r\nt: u\r\n\r\n',
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (all, cuts) => {
          const caller = new Caller(port);
          await caller.send(Buffer.concat(all.map(({ bytes }) => bytes)), cuts);
          const answers = await caller.wait(all.length);
          caller.socket.destroy();
          expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(
            all.map(({ body }) => `200 ${Buffer.from(body).toString('latin1')}`),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test('may be gzip, and what is not is a 400', async () => {
    const { port } = await serve([post()]);
    const caller = new Caller(port);
    await caller.send(counted(gzipSync('packed'), 'content-encoding: gzip\r\n'));
    await caller.send(counted('not', 'content-encoding: gzip\r\n'));
    expect((await caller.wait(2)).map(({ status, body }) => `${status} ${body.slice(0, 8)}`)).toEqual([
      '200 packed',
      '400 Content-',
    ]);
  });

  test.each([
    ['larger than is read quickly', counted(Buffer.alloc(2 * 1024 * 1024, 97)), 200],
    ['larger than the route takes', counted(Buffer.alloc(maxBodyBytes + 1, 97)), 413],
    ['of many small chunks', chunked(Array.from({ length: 300 }, () => 'x')), 200],
    ['without a host', Buffer.from('POST /post HTTP/1.1\r\ncontent-length: 1\r\n\r\na'), 400],
    [
      'with both lengths',
      Buffer.from('POST /post HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'),
      400,
    ],
    [
      'with a length twice',
      Buffer.from('POST /post HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\naa'),
      400,
    ],
    [
      'with a size of a chunk that does not end',
      Buffer.from('POST /post HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffffffffff'),
      400,
    ],
    [
      'with more headers than fit',
      Buffer.from(`POST /post HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(17_000)}\r\ncontent-length: 1\r\n\r\na`),
      431,
    ],
    [
      'with a broken chunk',
      Buffer.from('POST /post HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'),
      400,
    ],
    ['with a folded header', Buffer.from('POST /post HTTP/1.1\r\nhost: a\r\n b\r\ncontent-length: 1\r\n\r\na'), 400],
    ['to a path that is not there', Buffer.from('POST /other HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na'), 404],
    ['of HTTP/1.0', Buffer.from('POST /post HTTP/1.0\r\nhost: a\r\ncontent-length: 1\r\n\r\na'), 200],
  ])('%s are answered by node’s reader', async (_what, bytes, status) => {
    const { port } = await serve([post()]);
    const caller = new Caller(port);
    await caller.send(counted('before'));
    await caller.wait(1);
    await caller.send(bytes);
    expect((await caller.wait(2)).slice(0, 2).map((answer) => answer.status)).toEqual([200, status]);
  });

  test('that expect to be asked for their body are asked', async () => {
    const { port } = await serve([post()]);
    const caller = new Caller(port);
    await caller.send(
      Buffer.from('POST /post HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n'),
    );
    await until(() => caller.text.startsWith('HTTP/1.1 100'), { what: 'to be asked' });
    await caller.send(Buffer.from('a'));
    expect((await caller.wait(2)).at(-1)).toMatchObject({ status: 200, body: 'a' });
  });

  test('give a failure its status, and the connection goes on', async () => {
    const failures = [new BridgeError('BRIDGE_OVERLOADED', 'later'), new Error('bug')];
    const handle = async (request: HttpRequest): Promise<HttpResponse> => {
      const failure = failures.shift();
      if (failure !== undefined) {
        throw failure;
      }
      return echo(request);
    };
    const { port } = await serve([post({ handle })]);
    const caller = new Caller(port);
    await caller.send(Buffer.concat([counted('a'), counted('b'), counted('c')]));
    const answers = await caller.wait(3);
    expect(answers.map(({ status }) => status)).toEqual([503, 500, 200]);
    expect(answers[0]?.head).toContain('retry-after: 1');
  });

  test('of a caller that stops sending are answered before the connection ends', async () => {
    const { port } = await serve([post()]);
    const caller = new Caller(port);
    caller.socket.end(counted('last'));
    expect((await caller.wait(1))[0]).toMatchObject({ status: 200, body: 'last' });
    await until(() => caller.closed, { what: 'the end' });
  });

  test('of a caller that stops sending are all answered, and one that breaks off is a 400', async () => {
    const { port } = await serve([post()]);
    const caller = new Caller(port);
    caller.socket.end(Buffer.concat([counted('a'), counted('b'), counted('c'), counted('d').subarray(0, 20)]));
    expect((await caller.wait(4)).map(({ status, body }) => `${status} ${body}`)).toEqual([
      '200 a',
      '200 b',
      '200 c',
      '400 ',
    ]);
    await until(() => caller.closed, { what: 'the end' });
  });

  test('that break off are a 400', async () => {
    const { port } = await serve([post()]);
    const caller = new Caller(port);
    caller.socket.end(counted('broken off').subarray(0, -3));
    expect((await caller.wait(1))[0]?.status).toBe(400);
    await until(() => caller.closed, { what: 'the end' });
  });

  test('tell the handler that the caller went away', async () => {
    const gone = Promise.withResolvers<void>();
    const handle = (request: HttpRequest): Promise<HttpResponse> =>
      new Promise((_resolve, reject) => {
        request.signal.addEventListener('abort', () => {
          gone.resolve();
          reject(request.signal.reason);
        });
      });
    const { port } = await serve([post({ handle })]);
    const caller = new Caller(port);
    await caller.send(counted('a'));
    await new Promise((resolve) => setImmediate(resolve));
    caller.socket.destroy();
    await gone.promise;
  });

  test('and nothing else are waited for: what begins as TLS does is refused at once', async () => {
    const held = await serveAtOwnTime([post()]);
    const caller = new Caller(held.port);
    await caller.send(Buffer.from('160301007a010000760303', 'hex'));
    await until(() => caller.closed, { what: 'the end, while the clock stands' });
    expect(caller.answers()[0]?.status).toBe(400);
    await held.close();
  });

  test('that take too long to come are a 408, and a connection that says nothing is ended', async () => {
    const held = await serveAtOwnTime([post()]);
    const { port } = held;
    const [slow, mute, idle] = [new Caller(port), new Caller(port), new Caller(port)];
    await slow.send(counted('slow').subarray(0, -1));
    await until(() => mute.socket.readyState === 'open', { what: 'the connection' });
    await idle.send(counted('a'));
    await idle.wait(1);
    held.nowMs += 61_000;
    expect((await slow.wait(1))[0]?.status).toBe(408);
    expect((await mute.wait(1))[0]?.status).toBe(408);
    expect(idle.closed).toBe(false);
    held.nowMs += 300_000;
    await until(() => idle.closed, { what: 'the end of an idle connection' });
    await held.close();
  });

  test('have their time from the answer before them on, when they were sent ahead of it', async () => {
    const answer = Promise.withResolvers<void>();
    const handle = async (request: HttpRequest): Promise<HttpResponse> => {
      await answer.promise;
      return echo(request);
    };
    const held = await serveAtOwnTime([post({ handle })]);
    const caller = new Caller(held.port);
    await caller.send(Buffer.concat([counted('one'), counted('two').subarray(0, 9)]));
    await until(() => held.ours[0]?.bytesRead === counted('one').length + 9, { what: 'both' });
    held.nowMs += 5_000;
    const mute = new Caller(held.port);
    await until(() => held.ours.length === 2, { what: 'the connection' });
    held.nowMs += 4_000;
    answer.resolve();
    await caller.wait(1);
    held.nowMs += 6_500;
    expect((await mute.wait(1))[0]?.status).toBe(408);
    await caller.send(counted('two').subarray(9));
    expect((await caller.wait(2))[1]?.body).toBe('two');
    await held.close();
  });

  test('of a caller that does not read its answers wait, and in the end the connection is cut', async () => {
    let handled = 0;
    const handle = async (request: HttpRequest): Promise<HttpResponse> => {
      handled += 1;
      return echo(request);
    };
    const held = await serveAtOwnTime([post({ handle })]);
    const caller = new Caller(held.port);
    caller.socket.pause();
    const sent = 1_000;
    const request = counted('x'.repeat(64 * 1024));
    caller.socket.write(Buffer.concat(Array.from({ length: sent }, () => request)));
    await until(() => held.ours[0]?.writableNeedDrain === true, { what: 'the answers to pile up' });
    held.nowMs += 61_000;
    await until(() => held.ours[0]?.destroyed === true, { what: 'the cut' });
    expect(handled).toBeLessThan(sent);
    await held.close();
  });

  test('that are sent ahead when memory for bodies is used up are not lost: what fits is taken, the rest refused', async () => {
    const held = await serveAtOwnTime([post()]);
    const { budget } = held.answers;
    const large = 'x'.repeat(50_000);
    while (budget.tryHold(20_000)) {
      // until no more than that is left
    }
    const caller = new Caller(held.port);
    await caller.send(Buffer.concat([counted('small'), counted(large)]));
    expect((await caller.wait(2)).map(({ status, body }) => `${status} ${body.slice(0, 8)}`)).toEqual([
      '200 small',
      '503 too many',
    ]);
    await held.close();
  });

  test('are the last on their connection once the listeners close, and idle connections end at once', async () => {
    const answer = Promise.withResolvers<void>();
    const handle = async (request: HttpRequest): Promise<HttpResponse> => {
      await answer.promise;
      return echo(request);
    };
    const { port, listeners } = await serve([post({ handle }), post({ path: '/now' })]);
    const [busy, idle] = [new Caller(port), new Caller(port)];
    await busy.send(counted('busy'));
    await idle.send(Buffer.from('POST /now HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na'));
    await idle.wait(1);
    const closed = listeners.close();
    await until(() => idle.closed, { what: 'the end of the idle one' });
    idle.socket.end();
    answer.resolve();
    expect((await busy.wait(1))[0]?.head).toContain('connection: close');
    busy.socket.end();
    await closed;
  });
});
