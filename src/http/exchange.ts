import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpRequest, HttpResponse } from '../contract/http.ts';

const noParams: Readonly<Record<string, string>> = {};
const noBody = Buffer.alloc(0);

/** A request as routes see it. What few routes ask for is made when it is asked for. */
export class Exchange implements HttpRequest {
  readonly params: Readonly<Record<string, string>>;
  body: Buffer;
  wireBytes = 0;
  readonly incoming: IncomingMessage;
  readonly #response: ServerResponse;
  #query: URLSearchParams | undefined;
  #gone: AbortController | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, params = noParams) {
    this.incoming = request;
    this.#response = response;
    this.params = params;
    this.body = noBody;
  }

  get method(): string {
    return this.incoming.method ?? 'GET';
  }

  get path(): string {
    const url = this.incoming.url ?? '/';
    const end = url.indexOf('?');
    return end < 0 ? url : url.slice(0, end);
  }

  get query(): URLSearchParams {
    if (this.#query === undefined) {
      const url = this.incoming.url ?? '/';
      const start = url.indexOf('?');
      this.#query = new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
    }
    return this.#query;
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    // Only set-cookie would be a list (node:http, message.headers), and no caller may send us one that matters.
    return this.incoming.headers as Readonly<Record<string, string | undefined>>;
  }

  get remoteAddress(): string {
    return this.incoming.socket.remoteAddress ?? '';
  }

  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      const gone = new AbortController();
      this.#gone = gone;
      this.#response.once('close', () => {
        if (!this.#response.writableFinished) {
          gone.abort(new Error('the caller went away'));
        }
      });
    }
    return this.#gone.signal;
  }

  get isGone(): boolean {
    return this.#response.destroyed;
  }

  /** The answer is the last one on its connection. */
  endConnection(): void {
    this.#response.setHeader('connection', 'close');
  }

  /** After a body that was given up, what follows on the connection is still that body. */
  endIfUnread(): void {
    if (!this.incoming.complete) {
      this.endConnection();
    }
  }

  /** Writes the response. Rejects when a streamed body fails half-way; then only `cut` is left. */
  async write(answer: HttpResponse, stallMs: number): Promise<void> {
    const response = this.#response;
    const { status, headers, body } = answer;
    if (isStream(body)) {
      response.writeHead(status, headers);
      await (this.method === 'HEAD' ? response.end() : stream(response, body, stallMs));
      return;
    }
    response.writeHead(status, { ...headers, 'content-length': body === undefined ? 0 : Buffer.byteLength(body) });
    response.end(body);
  }

  cut(): void {
    this.#response.destroy();
  }
}

function isStream(body: HttpResponse['body']): body is AsyncIterable<string | Uint8Array> {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

/** Resolves when the caller has read enough to go on, or is gone; a caller that reads nothing for `stallMs` is cut off. */
function drained(response: ServerResponse, stallMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = response.socket;
    const cut = (): void => {
      socket?.destroy();
    };
    const done = (): void => {
      socket?.setTimeout(0, cut);
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    socket?.setTimeout(stallMs, cut);
    response.on('drain', done);
    response.on('close', done);
  });
}

async function stream(
  response: ServerResponse,
  body: AsyncIterable<string | Uint8Array>,
  stallMs: number,
): Promise<void> {
  for await (const chunk of body) {
    if (response.destroyed) {
      return;
    }
    if (!response.write(chunk)) {
      await drained(response, stallMs);
    }
  }
  response.end();
}

/** One line of text, as errors are answered. */
export function plainText(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body: `${message}\n`,
  };
}
