import type { HttpRequest, HttpRoute, MessageStream } from '../contract/http.ts';
import type { LokiEncoding, StoreReader } from '../contract/store.ts';
import { lokiEncoding, lokiLimit, lokiRange, queryText } from './loki-parameters.ts';

export interface LokiTailDeps {
  readonly store: StoreReader;
  readonly now: () => number;
}

/** New lines are looked for so often. */
const pollMs = 500;
/** Lines of one message. */
const maxLines = 5_000;

/** `tail`: lines as they come, over a WebSocket. */
export function lokiTail({ store, now }: LokiTailDeps): HttpRoute {
  return {
    method: 'GET',
    path: '/loki/api/v1/tail',
    listeners: ['main'],
    access: 'reader',
    handle: async () => ({
      status: 400,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: "websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header",
    }),
    openStream: async (request) => {
      const tail = new Tail(store, request, now());
      // What is wrong with the query is answered before the connection becomes a stream.
      const first = await tail.next();
      return (stream) => tail.run(stream, first);
    },
  };
}

class Tail {
  readonly #store: StoreReader;
  readonly #query: string;
  readonly #startNanos: bigint;
  readonly #encoding: LokiEncoding;
  readonly #limit: number;
  #after: string | undefined;

  /** Throws BRIDGE_DECODE. */
  constructor(store: StoreReader, { query, headers }: HttpRequest, nowMs: number) {
    this.#store = store;
    this.#query = queryText(query);
    this.#startNanos = lokiRange(query, nowMs).startNanos;
    this.#limit = lokiLimit(query);
    this.#encoding = lokiEncoding(headers);
  }

  /** The next message; undefined where nothing came. */
  async next(signal?: AbortSignal): Promise<string | undefined> {
    const after = this.#after;
    const { body, count } = await this.#store.ask(
      {
        kind: 'loki.tail',
        query: this.#query,
        startNanos: this.#startNanos,
        limit: after === undefined ? this.#limit : maxLines,
        encoding: this.#encoding,
        ...(after === undefined ? {} : { after }),
      },
      signal,
    );
    const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString();
    const end = text.indexOf('\n');
    this.#after = text.slice(0, end);
    return count === 0 ? undefined : text.slice(end + 1);
  }

  async run(stream: MessageStream, first: string | undefined): Promise<void> {
    for (let message = first; !stream.closed.aborted; message = await this.next(stream.closed)) {
      if (message !== undefined) {
        await stream.send(message);
      }
      await stream.pause(pollMs);
    }
  }
}
