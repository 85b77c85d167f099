import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { fakeInputRuntime } from '../../../test/fakes/input-runtime.ts';
import { BridgeError } from '../../contract/errors.ts';
import type { Access, HttpRequest, HttpResponse } from '../../contract/http.ts';
import { systemClock } from '../../lib/clock.ts';
import { AccessPolicy } from '../access.ts';
import { Listeners } from '../listeners.ts';
import { codeOfStatus, messageHeader } from './status.ts';

const method = '/test.Service/Call';
const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

interface Rig {
  readonly address: string;
  readonly client: Client;
  readonly refused: BridgeError[];
  readonly log: ReturnType<typeof fakeInputRuntime>['log'];
  close(): Promise<void>;
}

/** One method behind the real listener, and a client that is not ours. */
async function rig(handle: (request: HttpRequest) => Promise<HttpResponse>, access: Access = 'open'): Promise<Rig> {
  const { log } = fakeInputRuntime();
  const policy = new AccessPolicy({ auth: 'token', trusted: [], allowedHosts: [], token: 'the-token-of-this-test' });
  const listeners = new Listeners({ log, clock: systemClock, access: policy });
  const refused: BridgeError[] = [];
  const onRefused = (error: BridgeError): void => {
    refused.push(error);
  };
  listeners.add({
    method: 'POST',
    path: method,
    listeners: ['otlp_grpc'],
    access,
    maxBodyBytes: 100_000,
    handle,
    onRefused,
  });
  const [status] = await listeners.open([{ name: 'otlp_grpc', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
  const address = status?.address ?? '';
  const client = new Client(address, credentials.createInsecure(), { 'grpc.default_compression_algorithm': 0 });
  closing.push(
    () => listeners.close(),
    () => client.close(),
  );
  return { address, client, refused, log, close: () => listeners.close() };
}

const asIs = (bytes: Buffer): Buffer => bytes;

interface Answer {
  readonly code: number;
  readonly details: string;
  readonly message?: string;
}

function call(
  client: Client,
  message: Buffer,
  options: { deadline?: number; meta?: Record<string, string>; path?: string } = {},
): Promise<Answer> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.meta ?? {})) {
    metadata.set(name, value);
  }
  const { promise, resolve } = Promise.withResolvers<Answer>();
  client.makeUnaryRequest(
    options.path ?? method,
    asIs,
    asIs,
    message,
    metadata,
    options.deadline === undefined ? {} : { deadline: options.deadline },
    (error: ServiceError | null, answer?: Buffer) =>
      resolve(
        error === null
          ? { code: 0, details: '', message: String(answer) }
          : { code: error.code, details: error.details },
      ),
  );
  return promise;
}

describe('a call', () => {
  test('brings its message and takes the answer, many at once over one connection', async () => {
    const { client } = await rig(async ({ body }) => ({ status: 200, body: `got ${body}` }));
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => call(client, Buffer.from(`m${i}`))));
    expect(answers).toEqual(answers.map((_, i) => ({ code: 0, details: '', message: `got m${i}` })));
  });

  test('may have an empty message, and an empty answer', async () => {
    const { client } = await rig(async ({ body }) => ({ status: 200, body: Buffer.alloc(body.length) }));
    expect(await call(client, Buffer.alloc(0))).toEqual({ code: 0, details: '', message: '' });
  });

  test('may be compressed with gzip', async () => {
    const { address } = await rig(async ({ body }) => ({ status: 200, body: `got ${body}` }));
    const client = new Client(address, credentials.createInsecure(), { 'grpc.default_compression_algorithm': 2 });
    closing.push(() => client.close());
    const text = 'word '.repeat(1000);
    expect(await call(client, Buffer.from(text))).toEqual({ code: 0, details: '', message: `got ${text}` });
  });

  test('sees headers and peer, and is told when its caller goes away', async () => {
    const gone = Promise.withResolvers<boolean>();
    const { client } = await rig(async ({ headers, remoteAddress, signal }) => {
      if (headers['wait'] === undefined) {
        return { status: 200, body: `${headers['k']} ${headers['host']?.split(':')[0]} ${remoteAddress}` };
      }
      signal.addEventListener('abort', () => gone.resolve(true), { once: true });
      return await new Promise<never>(() => undefined);
    });
    expect(await call(client, Buffer.alloc(0), { meta: { k: 'v' } })).toMatchObject({
      message: 'v 127.0.0.1 127.0.0.1',
    });
    const late = await call(client, Buffer.alloc(0), { meta: { wait: '1' }, deadline: Date.now() + 50 });
    expect(late.code).toBe(4);
    expect(await gone.promise).toBe(true);
  });

  test('may be answered with a stream of messages, and a stream that breaks says so behind what came', async () => {
    async function* numbers() {
      for (let i = 0; i < 1000; i += 1) {
        yield String(i).padStart(100, '0');
      }
    }
    async function* broken() {
      yield 'first';
      throw new BridgeError('BRIDGE_NOT_FOUND', 'no more');
    }
    const { client } = await rig(async ({ body }) => ({ status: 200, body: body.length === 0 ? numbers() : broken() }));
    const read = async (message: Buffer) => {
      const got: string[] = [];
      const stream = client.makeServerStreamRequest(method, asIs, asIs, message);
      const { promise, resolve } = Promise.withResolvers<{ code: number; details: string }>();
      stream.on('data', (bytes: Buffer) => got.push(String(bytes)));
      stream.on('error', () => undefined);
      stream.on('status', ({ code, details }) => resolve({ code, details }));
      return { ...(await promise), got };
    };
    const whole = await read(Buffer.alloc(0));
    expect([whole.code, whole.got.length, Number(whole.got.at(-1))]).toEqual([0, 1000, 999]);
    expect(await read(Buffer.from('x'))).toEqual({ code: 5, details: 'no more', got: ['first'] });
  });
});

describe('a call that fails', () => {
  test.each([
    ['BRIDGE_DECODE', 3],
    ['BRIDGE_NOT_FOUND', 5],
    ['BRIDGE_UNSUPPORTED', 12],
    ['BRIDGE_OVERLOADED', 14],
  ] as const)('with %s has the code %d, and its message whatever is in it', async (code, expected) => {
    const { client, refused } = await rig(async () => {
      throw new BridgeError(code, 'Grüße: 100 %\nsecond line');
    });
    expect(await call(client, Buffer.alloc(0))).toEqual({ code: expected, details: 'Grüße: 100 %\nsecond line' });
    expect(refused).toEqual([]);
  });

  test('with a status of HTTP has the code that stands for it', async () => {
    const { client } = await rig(async () => ({ status: 400, body: 'not like that\n' }));
    expect(await call(client, Buffer.alloc(0))).toEqual({ code: 3, details: 'not like that' });
    expect([200, 401, 403, 404, 413, 503, 418].map(codeOfStatus)).toEqual([0, 16, 7, 5, 8, 14, 13]);
  });

  test('by a fault of ours keeps that to the log', async () => {
    const { client, log } = await rig(async () => {
      throw new Error('secret');
    });
    expect(await call(client, Buffer.alloc(0))).toEqual({ code: 13, details: expect.not.stringContaining('secret') });
    expect(log.at('error')).toHaveLength(1);
  });

  test('for its size is refused before it is all here', async () => {
    const { client, refused } = await rig(async () => ({ status: 200 }));
    const answer = await call(client, Buffer.alloc(200_000));
    expect(answer).toEqual({ code: 8, details: 'the message is larger than 100000 bytes' });
    expect(refused).toHaveLength(1);
  });

  test('for a method that is not there is told which are', async () => {
    const { client } = await rig(async () => ({ status: 200 }));
    const answer = await call(client, Buffer.alloc(0), { path: '/test.Service/Other' });
    expect(answer).toEqual({ code: 12, details: expect.stringContaining(method) });
  });

  test('without the token, where the method is not for everyone, is told which setting opens it', async () => {
    const { client } = await rig(async () => ({ status: 200, body: 'in' }), 'reader');
    const meta = { via: 'proxy' };
    expect(await call(client, Buffer.alloc(0), { meta })).toEqual({
      code: 16,
      details: expect.stringContaining('token_file'),
    });
    const authorization = 'Bearer the-token-of-this-test';
    expect(await call(client, Buffer.alloc(0), { meta: { ...meta, authorization } })).toMatchObject({ message: 'in' });
  });
});

describe('what comes in otherwise', () => {
  /** Posts raw bytes as a call's body. */
  async function post(address: string, body: Buffer, headers: Record<string, string> = {}): Promise<string> {
    const session = connectHttp2(`http://${address}`);
    closing.push(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      ...headers,
    });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    stream.on('response', (answer) => resolve(`${answer['grpc-status']} ${answer['grpc-message']}`));
    stream.on('error', reject);
    stream.end(body);
    return await promise;
  }
  const framedAs = (flag: number, length: number, bytes: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt8(flag);
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, bytes]);
  };

  test.each([
    [Buffer.alloc(0), {}, '3 the call has no message'],
    [Buffer.from([0, 0]), {}, '3 the message is cut short'],
    [framedAs(0, 10, Buffer.from('abc')), {}, '3 the message is cut short'],
    [framedAs(0, 1, Buffer.from('abc')), {}, '3 the call has more than one message, and its method takes one'],
    [framedAs(1, 3, Buffer.from('abc')), {}, '12 grpc-encoding is missing; send gzip or identity'],
    [
      framedAs(1, 3, Buffer.from('abc')),
      { 'grpc-encoding': 'snappy' },
      '12 grpc-encoding snappy; send gzip or identity',
    ],
    [
      framedAs(1, 3, Buffer.from('abc')),
      { 'grpc-encoding': 'gzip' },
      '3 Content-Encoding says gzip, but the body cannot be inflated',
    ],
    [
      framedAs(0, 0, Buffer.alloc(0)),
      { 'content-type': 'application/grpc-web' },
      '12 this port speaks gRPC, and content type "application/grpc-web" is not it',
    ],
  ])('is refused with what is wrong: %#', async (body, headers, expected) => {
    const { address } = await rig(async () => ({ status: 200 }));
    expect(await post(address, body, headers as Record<string, string>)).toBe(expected);
  });

  test('as a bomb of zeros is refused', async () => {
    const { address } = await rig(async () => ({ status: 200 }));
    const bomb = gzipSync(Buffer.alloc(2_000_000));
    expect(await post(address, framedAs(1, bomb.length, bomb), { 'grpc-encoding': 'gzip' })).toMatch(
      /^8 the body inflates/,
    );
  });

  test('as HTTP/1 is told in HTTP/1 what this port is for', async () => {
    const { address } = await rig(async () => ({ status: 200 }));
    const answer = await fetch(`http://${address}/v1/traces`, { method: 'POST', body: '{}' });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('gRPC')]);
  });

  test('in single bytes is understood all the same', async () => {
    const { address } = await rig(async () => ({ status: 200 }));
    const [host = '', port = ''] = address.split(':');
    const socket = connect(Number(port), host);
    closing.push(() => {
      socket.destroy();
    });
    const first = new Promise<Buffer>((resolve) => socket.once('data', resolve));
    for (const byte of Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1')) {
      await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => resolve()));
    }
    // The server's own settings frame.
    expect((await first)[3]).toBe(4);
  });

  test('ends with the listener', async () => {
    const { client, close } = await rig(async () => ({ status: 200, body: 'x' }));
    await call(client, Buffer.alloc(0));
    await close();
    expect(await call(client, Buffer.alloc(0), { deadline: Date.now() + 5_000 })).toMatchObject({ code: 14 });
  });
});

test('messages survive the header as UTF-8', () => {
  expect(messageHeader('a b%é\n')).toBe('a b%25%C3%A9%0A');
});
