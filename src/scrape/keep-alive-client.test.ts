import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inTempDir } from '../../test/fakes/temp-dir.ts';
import { until, within } from '../../test/fakes/until.ts';
import { KeepAliveClient } from './keep-alive-client.ts';
import { PageBuffers } from './page-buffers.ts';

const request = Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
const never = new AbortController().signal;

interface Rig {
  readonly client: KeepAliveClient;
  readonly buffers: PageBuffers;
  /** Connections so far. */
  readonly sockets: readonly Socket[];
  get(signal?: AbortSignal): Promise<string>;
}

type Answering = (socket: Socket, nth: number) => void;

/** A server that hands each request to `answer`, and a client of it. */
async function withServer(answer: Answering, run: (rig: Rig) => Promise<void>, path?: string): Promise<void> {
  const sockets: Socket[] = [];
  let nth = 0;
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => answer(socket, nth++));
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  );
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const buffers = new PageBuffers();
  const client = new KeepAliveClient({
    host: '127.0.0.1',
    port,
    ...(path !== undefined && { socketPath: path }),
    maxBodyBytes: 50_000_000,
    buffers,
  });
  const get = async (signal = never): Promise<string> => {
    const page = buffers.take();
    try {
      const { status, body } = await within(client.get(request, page, signal), 5_000, 'an answer');
      return `${status} ${body.length > 100 ? body.length : body.toString()}`;
    } finally {
      buffers.give(page);
    }
  };
  try {
    await run({ client, buffers, sockets, get });
  } finally {
    client.close();
    for (const socket of sockets) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

function counted(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

describe('a plain client', () => {
  test('gets page after page over one connection', () =>
    withServer(
      (socket, nth) => socket.write(counted(`page ${nth}`)),
      async ({ get, sockets }) => {
        for (let i = 0; i < 20; i++) {
          expect(await get()).toBe(`200 page ${i}`);
        }
        expect(sockets).toHaveLength(1);
      },
    ));

  test('reads pages of any size, in chunks too, after small ones and before', () =>
    withServer(
      (socket, nth) => {
        const body = 'x'.repeat([10, 12_000_000, 100_000, 5][nth % 4] ?? 0);
        if (nth % 2 === 0) {
          socket.write(counted(body));
          return;
        }
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        for (let at = 0; at < body.length; at += 50_000) {
          const chunk = body.slice(at, at + 50_000);
          socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
        }
        socket.write('0\r\n\r\n');
      },
      async ({ get, sockets }) => {
        for (let round = 0; round < 2; round++) {
          expect(await get()).toBe('200 xxxxxxxxxx');
          expect(await get()).toBe('200 12000000');
          expect(await get()).toBe('200 100000');
          expect(await get()).toBe('200 xxxxx');
        }
        expect(sockets).toHaveLength(1);
      },
    ));

  test('keeps pages apart that come over connections of one pool', () =>
    withServer(
      (socket, nth) => socket.write(counted(`${nth}`.repeat(30_000).slice(0, 90))),
      async ({ client, buffers, get }) => {
        const held = buffers.take();
        const first = await client.get(request, held, never);
        const before = first.body.toString();
        for (let i = 0; i < 5; i++) {
          await get();
        }
        expect(first.body.toString()).toBe(before);
      },
    ));

  test('connects again when the target closed the idle connection, before or while it asks', () =>
    withServer(
      (socket, nth) => {
        if (nth === 1) {
          socket.destroy();
        } else {
          socket.write(counted(`page ${nth}`));
        }
      },
      async ({ get, sockets }) => {
        expect(await get()).toBe('200 page 0');
        expect(await get()).toBe('200 page 2');
        expect(sockets).toHaveLength(2);
        sockets[1]?.end();
        await until(() => sockets[1]?.destroyed, { what: 'the connection is closed on both sides' });
        expect(await get()).toBe('200 page 3');
        expect(sockets).toHaveLength(3);
      },
    ));

  test('takes a page that ends with the connection, and one after which the target closes', () =>
    withServer(
      (socket, nth) => {
        socket.end(
          nth === 0
            ? 'HTTP/1.0 200 OK\r\n\r\nold'
            : `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nnew`,
        );
      },
      async ({ get, sockets }) => {
        expect([await get(), await get(), await get()]).toEqual(['200 old', '200 new', '200 new']);
        expect(sockets).toHaveLength(3);
      },
    ));

  test('does not ask a second time where the first was answered in part, or the connection was new', () =>
    withServer(
      (socket, nth) => (nth === 0 ? socket.write(counted('good')) : socket.end('HTTP/1.1 200 OK\r\ncontent-le')),
      async ({ get, sockets }) => {
        expect(await get()).toBe('200 good');
        await expect(get()).rejects.toThrow('the target closed the connection before it had answered');
        expect(sockets).toHaveLength(1);
        await expect(get()).rejects.toThrow('the target closed the connection before it had answered');
        expect(sockets).toHaveLength(2);
      },
    ));

  test('ends with the reason of the signal, and asks over a new connection next time', () =>
    withServer(
      (socket, nth) => {
        if (nth > 0) {
          socket.write(counted('late'));
        } else {
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf');
        }
      },
      async ({ get, sockets }) => {
        const stop = new AbortController();
        const reason = new Error('stopped');
        const asking = get(stop.signal);
        asking.catch(() => undefined);
        await until(() => sockets.length > 0, { what: 'a connection' });
        stop.abort(reason);
        await expect(asking).rejects.toBe(reason);
        await expect(get(stop.signal)).rejects.toBe(reason);
        await until(() => sockets[0]?.destroyed, { what: 'the connection is closed' });
        expect(await get()).toBe('200 late');
      },
    ));

  test('closes a connection on which something comes unasked', () =>
    withServer(
      (socket, nth) => {
        socket.write(counted(`page ${nth}`));
        if (nth === 0) {
          setImmediate(() => socket.write(counted('unasked')));
        }
      },
      async ({ get, sockets }) => {
        expect(await get()).toBe('200 page 0');
        await until(() => sockets[0]?.destroyed, { what: 'the connection is closed' });
        expect(await get()).toBe('200 page 1');
      },
    ));

  test('speaks over a unix socket', () =>
    inTempDir((dir) =>
      withServer(
        (socket) => socket.write(counted('here')),
        async ({ get }) => {
          expect(await get()).toBe('200 here');
        },
        join(dir, 'socket'),
      ),
    ));

  test('says what the network says', async () => {
    let port = 0;
    await withServer(
      () => undefined,
      async ({ client, buffers }) => {
        client.close();
        port = 1;
        const nobody = new KeepAliveClient({ host: '127.0.0.1', port, maxBodyBytes: 1, buffers });
        await expect(nobody.get(request, buffers.take(), never)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      },
    );
  });
});
