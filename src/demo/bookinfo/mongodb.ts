import { createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../lib/clock.ts';
import type { Place } from '../mesh/place.ts';
import type { WriteLine } from './application.ts';
import { encodeMessage, MessageReader } from './database-wire.ts';

const table = { Reviewer1: 5, Reviewer2: 4 };

/** The database of ratings-v2: answers each question with the ratings of the one book. Its log is JSON, as MongoDB's is. */
export class Mongodb {
  readonly #write: WriteLine;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #connections = 0;
  #answered = 0;

  constructor(write: WriteLine) {
    this.#write = write;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async start({ host, port }: Place): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, host, resolve);
    await promise;
    this.#log('NETWORK', 'Waiting for connections', { port });
  }

  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#open) {
      socket.destroy();
    }
    await promise;
  }

  #serve(socket: Socket): void {
    this.#connections += 1;
    const connectionId = this.#connections;
    const remote = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#open.add(socket);
    this.#log('NETWORK', 'Connection accepted', { remote, connectionId, connectionCount: this.#open.size });
    const reader = new MessageReader(
      ({ request, document }) => {
        this.#answered += 1;
        const answer = { ok: 1, result: 'ping' in document ? {} : table };
        socket.write(encodeMessage({ request: this.#answered, responseTo: request, document: answer }));
      },
      () => socket.destroy(),
    );
    socket.on('data', (chunk) => reader.read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#open.delete(socket);
      this.#log('NETWORK', 'Connection ended', { remote, connectionId, connectionCount: this.#open.size });
    });
  }

  #log(component: string, msg: string, attr: object): void {
    const time = { $date: new Date(systemClock.now()).toISOString() };
    this.#write('stdout', JSON.stringify({ t: time, s: 'I', c: component, ctx: 'listener', msg, attr }));
  }
}
