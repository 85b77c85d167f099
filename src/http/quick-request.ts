import type { Socket } from 'node:net';
import type { HttpRequest } from '../contract/http.ts';
import type { RequestHead } from './request-head.ts';

const noParams: Readonly<Record<string, string>> = {};

/** A request of a quick connection as routes see it. */
export class QuickRequest implements HttpRequest {
  readonly params = noParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly wireBytes: number;
  body: Buffer;
  readonly #target: string;
  readonly #socket: Socket;
  #gone: AbortController | undefined;

  constructor(head: RequestHead, body: Buffer, socket: Socket) {
    this.#target = head.target;
    this.headers = head.headers;
    this.body = body;
    this.wireBytes = body.length;
    this.#socket = socket;
  }

  get method(): string {
    return this.#target.slice(0, this.#target.indexOf(' '));
  }

  get path(): string {
    return this.#target.slice(this.#target.indexOf(' ') + 1);
  }

  get query(): URLSearchParams {
    return new URLSearchParams();
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  get signal(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#socket.destroyed) {
      this.gone();
    }
    return this.#gone.signal;
  }

  get isGone(): boolean {
    return this.#socket.destroyed;
  }

  gone(): void {
    this.#gone?.abort(new Error('the caller went away'));
  }
}
