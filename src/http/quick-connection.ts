import type { Socket } from 'node:net';
import type { HttpResponse, HttpRoute } from '../contract/http.ts';
import type { BodyBudget } from './body.ts';
import type { BodyMemory } from './body-memory.ts';
import { drained } from './drained.ts';
import { HeldBytes } from './held-bytes.ts';
import { QuickRequest } from './quick-request.ts';
import { RequestFinder, type WholeRequest } from './request-finder.ts';
import { failureText, responseText, wholeBody } from './response-text.ts';

/** What is larger is left to the other reader, which refuses it in pieces. */
export const maxQuickBytes = 1024 * 1024;
const nothing = Buffer.alloc(0);

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

/**
 * A connection on which senders post span after span: the same head again and again, a small body, a short answer. It reads
 * just that much of HTTP/1.1; whatever else comes, at the begin of any request, goes to node's own reader with all its bytes.
 */
export class QuickConnection {
  readonly #socket: Socket;
  readonly #host: QuickHost;
  readonly #finder: RequestFinder;
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
    this.#finder = new RequestFinder(host.routes);
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
    const { headersMs, requestMs, keepAliveMs } = this.#host.times;
    const takenMs = nowMs - this.#sinceMs;
    if (this.#request !== undefined) {
      if (this.#socket.writableNeedDrain && takenMs > requestMs) {
        this.#socket.destroy();
      }
      return;
    }
    if (this.#socket.writableEnded) {
      this.#socket.destroy();
      return;
    }
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
      this.#endCut();
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
    const found = this.#finder.find(bytes);
    if (found === 'other') {
      this.#handOver(bytes);
    } else if ('needBytes' in found) {
      this.#needBytes = found.needBytes;
      const isHeld = this.#held.bytes > 0;
      if (found.needBytes > maxQuickBytes || !(isHeld || this.#held.add(bytes, this.#needBytes))) {
        this.#handOver(bytes);
      } else if (this.#ended) {
        this.#endCut();
      }
    } else {
      this.#begin(found, bytes);
    }
  }

  #begin({ route, head, body, end }: WholeRequest, bytes: Buffer): void {
    this.#needBytes = 0;
    this.#lent = this.#held.take();
    if (!this.#held.add(bytes.subarray(end), 0)) {
      this.#handOver(bytes);
      return;
    }
    this.#request = new QuickRequest(head, body, this.#socket);
    void this.#answer(route, this.#request);
  }

  async #answer(route: HttpRoute, request: QuickRequest): Promise<void> {
    const answer = await this.#host.answer(route, request);
    this.#host.memory.give(this.#lent);
    if (this.#socket.destroyed) {
      this.#request = undefined;
      return;
    }
    this.#answered += 1;
    this.#sinceMs = this.#host.nowMs();
    const isLast = this.#isLast();
    if (answer !== undefined && !(await this.#write(answer, isLast))) {
      await drained(this.#socket);
    }
    this.#request = undefined;
    this.#next(isLast || this.#isLast());
  }

  /** Who has said its last byte still gets an answer to each request that it sent before. */
  #isLast(): boolean {
    return this.#host.isClosing() || (this.#ended && this.#held.bytes === 0);
  }

  /** False: too many answers wait for the caller to read them. */
  async #write(answer: HttpResponse, isLast: boolean): Promise<boolean> {
    const { body } = answer;
    const bytes = body === undefined || body instanceof Uint8Array ? body : await wholeBody(body);
    const head = responseText(answer, {
      date: this.#host.date(),
      bodyBytes: bytes?.length ?? 0,
      keepAliveMs: isLast ? undefined : this.#host.times.keepAliveMs,
    });
    return bytes === undefined
      ? this.#socket.write(head, 'latin1')
      : this.#socket.write(Buffer.concat([Buffer.from(head, 'latin1'), bytes]));
  }

  #next(isLast: boolean): void {
    if (isLast || this.#socket.destroyed) {
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

  /** Nothing more comes, so what is held is no whole request. */
  #endCut(): void {
    this.#socket.end(this.#held.bytes === 0 ? '' : failureText('400 Bad Request'));
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
