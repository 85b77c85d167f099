import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { freePort } from '../../../test/fakes/free-port.ts';
import { until } from '../../../test/fakes/until.ts';
import { DatabaseClient } from './database-client.ts';
import { encodeMessage, type Message, MessageReader } from './database-wire.ts';
import { Mongodb } from './mongodb.ts';

let over: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of over.reverse()) {
    await end();
  }
  over = [];
});

function clientOf(port: number): DatabaseClient {
  const client = new DatabaseClient(() => {});
  over.push(() => client.stop());
  client.start({ host: '127.0.0.1', port });
  return client;
}

test('messages come out as they went in, however the bytes are cut', () => {
  const message = fc.record({
    request: fc.integer({ min: 1, max: 1_000_000 }),
    responseTo: fc.nat(1000),
    document: fc.dictionary(fc.string(), fc.string()),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.integer({ min: 1, max: 40 }), (messages, step) => {
      const read: Message[] = [];
      const reader = new MessageReader(
        (one) => read.push(one),
        () => read.push({ request: -1, responseTo: -1, document: {} }),
      );
      const bytes = Buffer.concat(messages.map(encodeMessage));
      for (let at = 0; at < bytes.length; at += step) {
        reader.read(bytes.subarray(at, at + step));
      }
      expect(JSON.stringify(read)).toBe(JSON.stringify(messages));
    }),
  );
});

test.each([
  { what: 'a length below a header’s', bytes: Buffer.alloc(16) },
  { what: 'a length beyond all bounds', bytes: Buffer.alloc(16, 0x7f) },
  { what: 'a document that is none', bytes: encodeMessage({ request: 1, responseTo: 0, document: {} }).fill('x', 16) },
])('bytes with $what are given up once', ({ bytes }) => {
  let bad = 0;
  const reader = new MessageReader(
    () => expect('no message').toBe(''),
    () => {
      bad += 1;
    },
  );
  reader.read(bytes);
  reader.read(bytes);
  expect(bad).toBe(1);
});

test('the client asks over one connection, and has its ratings', async () => {
  const lines: string[] = [];
  const port = await freePort();
  const database = new Mongodb((_, line) => lines.push(line));
  await database.start({ host: '127.0.0.1', port });
  over.push(() => database.stop());
  const client = clientOf(port);
  const found = await until(() => client.ask({ find: 'ratings', filter: { productId: 0 } }));
  expect(found).toEqual({ Reviewer1: 5, Reviewer2: 4 });
  await Promise.all(Array.from({ length: 20 }, () => client.ask({ find: 'ratings' })));
  expect(lines.filter((line) => line.includes('Connection accepted'))).toHaveLength(1);
});

test('a question has no answer when the connection is lost, and the next connection has it', async () => {
  const port = await freePort();
  const sockets: Socket[] = [];
  const mute: Server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  mute.listen(port, '127.0.0.1', resolve);
  await promise;
  const client = clientOf(port);
  await until(() => sockets.length === 1);
  const asked = client.ask({ find: 'ratings' });
  sockets[0]?.destroy();
  mute.close();
  expect(await asked).toBeUndefined();
  const database = new Mongodb(() => {});
  await database.start({ host: '127.0.0.1', port });
  over.push(() => database.stop());
  expect(await until(() => client.ask({ find: 'ratings' }))).toEqual({ Reviewer1: 5, Reviewer2: 4 });
}, 60_000);
