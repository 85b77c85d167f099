import type { Duplex } from 'node:stream';
import type { MessageStream } from '../contract/http.ts';
import type { Clock } from '../contract/runtime.ts';
import { FrameReader, frame, opcodes, type ReadFrame } from './frames.ts';

/** Codes of a close (RFC 6455 §7.4.1). */
export const closeCodes = { normal: 1000, goingAway: 1001, protocolError: 1002, failed: 1011 } as const;

/** A side that answers no ping for so long has gone. */
const pingMs = 30_000;
/** For the other side's half of the goodbye. */
const goodbyeMs = 2_000;
const maxReasonBytes = 123;

/** The server's side of one WebSocket. What the client sends is read for pings and its goodbye alone. */
export class WebSocketStream implements MessageStream {
  readonly #socket: Duplex;
  readonly #clock: Clock;
  readonly #reader = new FrameReader();
  readonly #closed = new AbortController();
  #isClosing = false;
  #isAnswered = true;

  constructor(socket: Duplex, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', () => this.#end());
    socket.on('close', () => this.#end());
    socket.on('end', () => this.#end());
    void this.#keepAlive();
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  async send(text: string): Promise<void> {
    this.closed.throwIfAborted();
    if (!this.#socket.write(frame(opcodes.text, Buffer.from(text)))) {
      await this.#drained();
    }
  }

  async pause(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.closed).catch(() => undefined);
  }

  /** Says goodbye, and waits a little for the answer. */
  close(code: number, reason: string): void {
    if (this.#isClosing || this.closed.aborted) {
      return;
    }
    this.#isClosing = true;
    const text = Buffer.from(reason).subarray(0, maxReasonBytes);
    const payload = Buffer.alloc(2 + text.length);
    payload.writeUInt16BE(code, 0);
    payload.set(text, 2);
    this.#socket.write(frame(opcodes.close, payload));
    this.#clock.sleep(goodbyeMs, this.closed).then(
      () => this.#end(),
      () => undefined,
    );
  }

  #take(bytes: Buffer): void {
    const frames = this.#reader.take(bytes);
    if (frames === undefined) {
      this.close(closeCodes.protocolError, 'not a frame of a client');
      this.#end();
      return;
    }
    for (const each of frames) {
      this.#handle(each);
    }
  }

  #handle({ opcode, payload }: ReadFrame): void {
    this.#isAnswered = true;
    if (opcode === opcodes.ping) {
      this.#socket.write(frame(opcodes.pong, payload));
    } else if (opcode === opcodes.close) {
      if (!this.#isClosing) {
        this.#socket.write(frame(opcodes.close, payload.subarray(0, 2)));
      }
      this.#end();
    }
  }

  async #keepAlive(): Promise<void> {
    while (!this.closed.aborted) {
      await this.pause(pingMs);
      if (!this.#isAnswered) {
        this.#end();
      } else if (!this.closed.aborted) {
        this.#isAnswered = false;
        this.#socket.write(frame(opcodes.ping, Buffer.alloc(0)));
      }
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(this.closed.reason);
      this.#socket.once('drain', () => {
        this.closed.removeEventListener('abort', gone);
        resolve();
      });
      this.closed.addEventListener('abort', gone, { once: true });
    });
  }

  #end(): void {
    if (!this.closed.aborted) {
      this.#closed.abort(new Error('the other side has gone'));
      this.#socket.end(() => this.#socket.destroy());
    }
  }
}
