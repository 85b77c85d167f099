import type { Socket } from 'node:net';
import type { HttpResponse, HttpRoute } from '../contract/http.ts';
import type { BodyBudget } from './body.ts';
import type { BodyMemory } from './body-memory.ts';
import { readChunks } from './chunked.ts';
import { HeldBytes } from './held-bytes.ts';
import { QuickRequest } from './quick-request.ts';
import { type RequestHead, readHead } from './request-head.ts';
import { failureText, responseText, wholeBody } from './response-text.ts';

/** What is larger is left to the other reader, which refuses it in pieces. */
export const maxQuickBytes = 1024 * 1024;
const maxHeadBytes = 16 * 1024;
const nothing = Buffer.alloc(0);
const headEnd = Buffer.from('\r\n\r\n');

export interface QuickTimes {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly keepAliveMs: number;
}

export interface QuickHost {
  readonly routes: ReadonlyMap<string, HttpRoute>;
  readonly budget: BodyBudget;
  readonly memory: BodyMemory;
  readonly times: QuickTimes;
  nowMs(): number;
  /** Now, as `Date` says it. */
  date(): string;
  /** Never rejects. Undefined: nobody is left to answer. */
  answer(route: HttpRoute, request: QuickRequest): Promise<HttpResponse | undefined>;
  /** From now on each answer is the last of its connection. */
  isClosing(): boolean;
  /** Gives the connection to node's own reader, with what was read of it. */
  handOver(connection: QuickConnection, socket: Socket): void;
  closed(connection: QuickConnection): void;
}

interface Whole {
  readonly route: HttpRoute;
  readonly head: RequestHead;
  readonly body: Buffer;
  readonly end: number;
}

/** The parts of a request that are here; `short` needs more bytes, `other` is not for this reader. */
type Found = Whole | { readonly needBytes: number } | 'other';

interface KnownHead {
  readonly bytes: Buffer;
  readonly head: RequestHead;
  readonly route: HttpRoute;
}

/**
 * A connection on which senders post span after span: the same head again and again, a small body, a short answer. It reads
 * just that much of HTTP/1.1; whatever else comes, at the begin of any request, goes to node's own reader with all its bytes.
 */
export class QuickConnection {
  readonly #socket: Socket;
  readonly #host: QuickHost;
  #known: KnownHead | undefined;
  /** What came of requests that are not answered yet. */
  readonly #held: HeldBytes;
  /** What the body of the request that is being answered stands in. */
  #lent: Buffer = nothing;
  #needBytes = 0;
  #request: QuickRequest | undefined;
  #answered = 0;
  #ended = false;
  /** When the request that is being read began, or the last answer was given. */
  #sinceMs: number;

  constructor(socket: Socket, host: QuickHost) {
    this.#socket = socket;
    this.#host = host;
    this.#held = new HeldBytes(host.budget, host.memory);
    this.#sinceMs = host.nowMs();
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  get isIdle(): boolean {
    return this.#request === undefined && this.#held.bytes === 0;
  }

  end(): void {
    this.#socket.end();
  }

  cut(): void {
    this.#socket.destroy();
  }

  /** Ends what has taken too long. */
  check(nowMs: number): void {
    if (this.#request !== undefined) {
      return;
    }
    if (this.#socket.writableEnded) {
      this.#socket.destroy();
      return;
    }
    const { headersMs, requestMs, keepAliveMs } = this.#host.times;
    const takenMs = nowMs - this.#sinceMs;
    if (this.#held.bytes === 0 && this.#answered > 0) {
      if (takenMs > keepAliveMs) {
        this.#socket.end();
      }
    } else if (takenMs > (this.#needBytes > 0 ? requestMs : headersMs)) {
      this.#socket.end(failureText('408 Request Timeout'));
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#held.bytes === 0) {
      this.#sinceMs = this.#host.nowMs();
      if (this.#request === undefined) {
        this.#advance(chunk);
        return;
      }
    }
    if (!this.#held.add(chunk, this.#needBytes)) {
      this.#cannotHold(chunk);
    } else if (this.#request !== undefined) {
      if (this.#held.bytes > maxQuickBytes) {
        this.#socket.pause();
      }
    } else if (this.#held.bytes >= this.#needBytes) {
      this.#advance(this.#held.view());
    }
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#request?.gone();
    if (this.#request === undefined) {
      this.#socket.end(this.#held.bytes === 0 ? '' : failureText('400 Bad Request'));
    }
  };

  readonly #onError = (): void => {
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#held.drop();
    this.#request?.gone();
    this.#host.closed(this);
  };

  /** Goes on with `bytes`, which are those that are held if any are. */
  #advance(bytes: Buffer): void {
    const found = this.#find(bytes);
    if (found === 'other') {
      this.#handOver(bytes);
    } else if ('needBytes' in found) {
      this.#needBytes = found.needBytes;
      const isHeld = this.#held.bytes > 0;
      if (found.needBytes > maxQuickBytes || !(isHeld || this.#held.add(bytes, this.#needBytes))) {
        this.#handOver(bytes);
      }
    } else {
      this.#needBytes = 0;
      this.#lent = this.#held.take();
      this.#held.add(bytes.subarray(found.end), 0);
      this.#request = new QuickRequest(found.head, found.body, this.#socket);
      void this.#answer(found.route, this.#request);
    }
  }

  #find(bytes: Buffer): Found {
    const known = this.#headOf(bytes);
    if (known === 'short') {
      return bytes.length < maxHeadBytes ? { needBytes: 0 } : 'other';
    }
    if (known === 'other') {
      return 'other';
    }
    const { head, route } = known;
    const from = known.bytes.length;
    if (head.bodyBytes > (route.maxBodyBytes ?? 0)) {
      return 'other';
    }
    if (head.bodyBytes < 0) {
      const chunks = readChunks(bytes, from);
      return chunks.kind === 'whole'
        ? this.#whole(known, chunks.body, chunks.end)
        : chunks.kind === 'short'
          ? chunks
          : 'other';
    }
    const end = from + head.bodyBytes;
    return end > bytes.length ? { needBytes: end } : this.#whole(known, bytes.subarray(from, end), end);
  }

  #whole({ head, route }: KnownHead, body: Buffer, end: number): Whole | 'other' {
    return body.length > (route.maxBodyBytes ?? 0) ? 'other' : { head, route, body, end };
  }

  /** Most senders write the same head each time, and then it is not read again. */
  #headOf(bytes: Buffer): KnownHead | 'short' | 'other' {
    const known = this.#known;
    if (known !== undefined && bytes.length >= known.bytes.length && startsWith(bytes, known.bytes)) {
      return known;
    }
    const end = bytes.indexOf(headEnd);
    if (end < 0) {
      return 'short';
    }
    const head = readHead(bytes.toString('latin1', 0, end));
    const route = head === undefined ? undefined : this.#host.routes.get(head.target);
    if (head === undefined || route === undefined) {
      return 'other';
    }
    this.#known = { bytes: Buffer.from(bytes.subarray(0, end + headEnd.length)), head, route };
    return this.#known;
  }

  async #answer(route: HttpRoute, request: QuickRequest): Promise<void> {
    const answer = await this.#host.answer(route, request);
    this.#request = undefined;
    this.#host.memory.give(this.#lent);
    if (this.#socket.destroyed) {
      return;
    }
    this.#answered += 1;
    const isLast = this.#ended || this.#host.isClosing();
    if (answer !== undefined) {
      await this.#write(answer, isLast);
    }
    this.#next(isLast);
  }

  async #write(answer: HttpResponse, isLast: boolean): Promise<void> {
    const { body } = answer;
    const bytes = body === undefined || body instanceof Uint8Array ? body : await wholeBody(body);
    const head = responseText(answer, {
      date: this.#host.date(),
      bodyBytes: bytes?.length ?? 0,
      keepAliveMs: isLast ? undefined : this.#host.times.keepAliveMs,
    });
    if (bytes === undefined) {
      this.#socket.write(head, 'latin1');
    } else {
      this.#socket.write(Buffer.concat([Buffer.from(head, 'latin1'), bytes]));
    }
  }

  #next(isLast: boolean): void {
    if (isLast) {
      this.#socket.end();
      return;
    }
    if (this.#held.bytes > 0) {
      this.#advance(this.#held.view());
    }
    if (this.#socket.isPaused() && this.#held.bytes <= maxQuickBytes) {
      this.#socket.resume();
    }
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    const own = Buffer.from(bytes);
    this.#held.drop();
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    if (this.#ended) {
      socket.destroy();
      return;
    }
    socket.unshift(own);
    this.#host.handOver(this, socket);
    socket.resume();
  }

  /** There is too much in memory: node's reader says so; but who sends ahead of the answers is cut off. */
  #cannotHold(chunk: Buffer): void {
    if (this.#request === undefined) {
      this.#handOver(Buffer.concat([this.#held.view(), chunk]));
    } else {
      this.#socket.destroy();
    }
  }
}

function startsWith(bytes: Buffer, wanted: Buffer): boolean {
  return wanted.compare(bytes, 0, wanted.length) === 0;
}
