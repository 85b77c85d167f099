import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BridgeError } from '../contract/errors.ts';
import type { HttpRoute, MessageStream } from '../contract/http.ts';
import { systemClock } from '../lib/clock.ts';
import { AccessPolicy } from './access.ts';
import { acceptOf, FrameReader, frame, opcodes } from './frames.ts';
import { Listeners } from './listeners.ts';

const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

/** As a client sends it: with a mask. */
function masked(opcode: number, payload: Buffer, mask = Buffer.of(1, 2, 3, 250)): Buffer {
  const length =
    payload.length < 126
      ? Buffer.of(0x80 | payload.length)
      : Buffer.of(0x80 | 126, payload.length >> 8, payload.length & 255);
  const bytes = Buffer.from(payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
  return Buffer.concat([Buffer.of(0x80 | opcode), length, mask, bytes]);
}

describe('frames', () => {
  test('the key of RFC 6455 is accepted as it says', () => {
    expect(acceptOf('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  test('the text of RFC 6455 §5.7 is framed and read as it says', () => {
    expect(frame(opcodes.text, Buffer.from('Hello')).toString('hex')).toBe('810548656c6c6f');
    const read = new FrameReader().take(Buffer.from('818537fa213d7f9f4d5158', 'hex'));
    expect(read?.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([[1, 'Hello']]);
  });

  test.each([125, 126, 65_535, 65_536])('a message of %i bytes says its length', (length) => {
    const bytes = frame(opcodes.text, Buffer.alloc(length, 'x'));
    const short = (bytes[1] ?? 0) & 127;
    const said = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    expect(said).toBe(length);
    expect(bytes.subarray(-length).toString()).toBe('x'.repeat(length));
  });

  test('are read whole however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat({ max: 1500 })),
        (payloads, cuts) => {
          const all = Buffer.concat(payloads.map((payload) => masked(opcodes.binary, Buffer.from(payload))));
          const ends = [...new Set([...cuts.map((cut) => Math.min(cut, all.length)), all.length])].sort(
            (a, b) => a - b,
          );
          const reader = new FrameReader();
          let from = 0;
          const read = ends.flatMap((end) => {
            const frames = reader.take(all.subarray(from, end));
            from = end;
            return frames ?? [];
          });
          expect(read.map(({ payload }) => payload.toString('hex'))).toEqual(
            payloads.map((payload) => Buffer.from(payload).toString('hex')),
          );
        },
      ),
    );
  });

  test.each([
    ['without a mask', '810548656c6c6f'],
    ['with reserved bits', 'f18537fa213d7f9f4d5158'],
    ['of 2^40 bytes', '81ff0000010000000000'],
    ['of 65,537 bytes', '81ff0000000000010001'],
  ])('%s are refused', (_, hex) => {
    expect(new FrameReader().take(Buffer.from(hex, 'hex'))).toBeUndefined();
  });
});

async function serve(openStream: NonNullable<HttpRoute['openStream']>): Promise<number> {
  const routes: HttpRoute[] = [
    {
      method: 'GET',
      path: '/stream',
      listeners: ['main'],
      access: 'reader',
      handle: async () => ({ status: 400, body: 'not so' }),
      openStream,
    },
    {
      method: 'POST',
      path: '/take',
      listeners: ['main'],
      access: 'open',
      maxBodyBytes: 1000,
      handle: async ({ body }) => ({ status: 202, body: `took ${body}` }),
    },
  ];
  const access = new AccessPolicy({
    auth: 'token',
    trusted: [],
    allowedHosts: [],
    token: 'a-token-of-enough-characters',
  });
  const listeners = new Listeners({ log, clock: systemClock, access });
  for (const route of routes) {
    listeners.add(route);
  }
  cleanups.push(() => listeners.close());
  const [status] = await listeners.open([{ name: 'main', host: '127.0.0.1', port: 0, onTaken: 'fail' }]);
  return Number(status?.address?.split(':').at(-1));
}

interface Client {
  readonly socket: ReturnType<typeof connect>;
  read(until: (text: Buffer) => boolean): Promise<Buffer>;
}

function client(port: number, head: readonly string[], body = ''): Client {
  const socket = connect(port, '127.0.0.1');
  cleanups.push(async () => socket.destroy());
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  let received = Buffer.alloc(0);
  return {
    socket,
    read: (until) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (until(received)) {
            resolve(received);
          }
        };
        socket.on('data', (bytes: Buffer) => {
          received = Buffer.concat([received, bytes]);
          look();
        });
        socket.on('close', () => (until(received) ? resolve(received) : reject(new Error(`closed after ${received}`))));
        look();
      }),
  };
}

const upgrade = [
  'GET /stream?q=1 HTTP/1.1',
  'Host: localhost',
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

describe('a route that opens a stream', () => {
  test('says hello, sends, answers pings and says goodbye', async () => {
    const port = await serve(async ({ query }) => async (stream: MessageStream) => {
      await stream.send(`asked ${query.get('q')}`);
      await stream.pause(60_000);
    });
    const { socket, read } = client(port, upgrade);
    const hello = await read((bytes) => bytes.includes('asked 1'));
    expect(hello.toString('latin1')).toContain('101 Switching Protocols');
    expect(hello.toString('latin1')).toContain('sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    socket.write(masked(opcodes.ping, Buffer.from('there?')));
    await read((bytes) => bytes.includes(frame(opcodes.pong, Buffer.from('there?'))));
    socket.write(masked(opcodes.close, Buffer.of(3, 232)));
    await read((bytes) => bytes.includes(frame(opcodes.close, Buffer.of(3, 232))));
  });

  test('that goes wrong before it stands is answered as any request', async () => {
    const port = await serve(async () => {
      throw new BridgeError('BRIDGE_DECODE', 'no such query');
    });
    const answer = await client(port, upgrade).read((bytes) => bytes.includes('no such query'));
    expect(answer.toString()).toContain('HTTP/1.1 400');
  });

  test('is not open to a stranger', async () => {
    const port = await serve(async () => async () => undefined);
    const answer = await client(port, [...upgrade, 'X-Forwarded-For: 9.9.9.9']).read((bytes) =>
      bytes.includes('token'),
    );
    expect(answer.toString()).toContain('HTTP/1.1 401');
  });

  test('ends when it is done', async () => {
    const port = await serve(async () => async (stream) => stream.send('all'));
    const all = await client(port, upgrade).read((bytes) => bytes.includes(frame(opcodes.close, Buffer.of(3, 232))));
    expect(all.includes('all')).toBe(true);
  });

  test('ends what sends nonsense', async () => {
    const port = await serve(async () => async (stream) => stream.pause(60_000));
    const { socket, read } = client(port, upgrade);
    await read((bytes) => bytes.includes('101'));
    socket.write(Buffer.alloc(40, 0xff));
    const end = await read((bytes) => bytes.includes('not a frame'));
    expect(end.includes(Buffer.of(3, 234))).toBe(true);
  });

  test.each([
    ['to another path', upgrade.with(0, 'GET /other HTTP/1.1'), '404'],
    ['of a later version', upgrade.with(4, 'Sec-WebSocket-Version: 14'), '400 Bad Request'],
    ['without a key', upgrade.slice(0, 5), '400 Bad Request'],
  ])('an upgrade %s is answered as if none had been asked for', async (_, head, status) => {
    const port = await serve(async () => async () => undefined);
    const answer = await client(port, head).read((bytes) => bytes.includes('\r\n\r\n'));
    expect(answer.toString()).toContain(`HTTP/1.1 ${status}`);
  });

  test('a post that offers HTTP/2, as Java’s client does, is taken', async () => {
    const port = await serve(async () => async () => undefined);
    const head = [
      'POST /take HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA',
      'Content-Length: 5',
    ];
    const answer = await client(port, head, 'spans').read((bytes) => bytes.includes('took'));
    expect(answer.toString()).toContain('HTTP/1.1 202');
    expect(answer.toString()).toContain('took spans');
  });
});
