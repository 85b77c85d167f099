import { connect, type Socket } from 'node:net';
import type { Place } from '../mesh/place.ts';
import { encodeMessage, type Message, MessageReader } from './database-wire.ts';

const answerWithinMs = 2000;
/** As MongoDB's drivers do on a connection that nobody uses. */
const pingEveryMs = 10_000;
const reconnectAfterMs = 2000;

/** Holds one connection to the database open, and asks over it. */
export class DatabaseClient {
  readonly #log: (line: string) => void;
  readonly #waiting = new Map<number, (document: object | undefined) => void>();
  #place: Place | undefined;
  #socket: Socket | undefined;
  #pinging: NodeJS.Timeout | undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  #asked = 0;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  start(place: Place): void {
    this.#place = place;
    this.#pinging = setInterval(() => void this.ask({ ping: 1 }), pingEveryMs);
    this.#connect();
  }

  stop(): void {
    this.#place = undefined;
    clearInterval(this.#pinging);
    clearTimeout(this.#reconnecting);
    this.#socket?.destroy();
  }

  /** The answer's `result`; undefined where the database does not answer. */
  async ask(document: object): Promise<object | undefined> {
    const socket = this.#socket;
    if (socket === undefined || socket.readyState !== 'open') {
      return undefined;
    }
    this.#asked += 1;
    const request = this.#asked;
    const { promise, resolve } = Promise.withResolvers<object | undefined>();
    this.#waiting.set(request, resolve);
    const late = setTimeout(() => resolve(undefined), answerWithinMs);
    socket.write(encodeMessage({ request, responseTo: 0, document }));
    const answer = await promise;
    clearTimeout(late);
    this.#waiting.delete(request);
    return answer !== undefined && 'result' in answer && typeof answer.result === 'object'
      ? (answer.result ?? undefined)
      : undefined;
  }

  #connect(): void {
    if (this.#place === undefined) {
      return;
    }
    const socket = connect({ ...this.#place, noDelay: true });
    this.#socket = socket;
    const reader = new MessageReader(
      (message: Message) => this.#waiting.get(message.responseTo)?.(message.document),
      () => socket.destroy(),
    );
    socket.on('data', (chunk) => reader.read(chunk));
    socket.on('error', ({ message }) => this.#log(`MongoNetworkError: ${message}`));
    socket.on('close', () => {
      for (const resolve of this.#waiting.values()) {
        resolve(undefined);
      }
      this.#reconnecting = setTimeout(() => this.#connect(), reconnectAfterMs);
    });
  }
}
