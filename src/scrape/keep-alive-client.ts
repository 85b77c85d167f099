import { connect, type Socket } from 'node:net';
import type { PageBuffer, PageBuffers } from './page-buffers.ts';
import { type ResponseHead, ResponseReader } from './response-reader.ts';

/** Free bytes that a read is offered at least. */
const smallestReadBytes = 16 * 1024;

export interface RawResponse extends ResponseHead {
  /** Part of the buffer that was taken from the pool: good until that is given back. */
  readonly body: Buffer;
}

export interface KeepAliveOptions {
  readonly host: string;
  readonly port: number;
  /** In place of host and port. */
  readonly socketPath?: string;
  readonly maxBodyBytes: number;
  readonly buffers: PageBuffers;
}

interface Exchange {
  readonly page: PageBuffer;
  readonly reader: ResponseReader;
  readonly resolve: (response: RawResponse) => void;
  readonly reject: (reason: unknown) => void;
}

/** The other side closed before it had answered. */
export class ConnectionLost extends Error {}

/**
 * One connection to one target over plain HTTP/1.1, one request at a time. The socket reads straight into the page's
 * buffer: a third of the CPU of undici on pages of this kind.
 */
export class KeepAliveClient {
  readonly #options: KeepAliveOptions;
  #socket: Socket | undefined;
  #exchange: Exchange | undefined;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
  }

  /**
   * Sends the bytes of a GET request and reads the answer into `page`. A connection that the target closed in the meantime
   * is replaced. Rejects with the signal's reason, a ResponseFault, ConnectionLost, or an error of the socket.
   */
  async get(request: Buffer, page: PageBuffer, signal: AbortSignal): Promise<RawResponse> {
    const reused = this.#socket !== undefined;
    try {
      return await this.#attempt(request, page, signal);
    } catch (error) {
      // A server may close an idle connection just as it is used; such a request was not answered with a single byte.
      if (reused && page.filled === 0 && !signal.aborted) {
        return await this.#attempt(request, page, signal);
      }
      throw error;
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #attempt(request: Buffer, page: PageBuffer, signal: AbortSignal): Promise<RawResponse> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<RawResponse>();
    const reader = new ResponseReader(page, this.#options.maxBodyBytes);
    this.#exchange = { page, reader, resolve, reject };
    const abort = (): void => this.#fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#socket ??= this.#connect();
    this.#socket.write(request);
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #connect(): Socket {
    const { host, port, socketPath } = this.#options;
    const onread = {
      buffer: () => this.#readBuffer(),
      callback: (count: number, buffer: Uint8Array): boolean => this.#read(socket, count, buffer),
    };
    const socket: Socket = connect({ ...(socketPath === undefined ? { host, port } : { path: socketPath }), onread });
    socket.setNoDelay(true);
    socket.on('error', (error) => this.#lost(socket, error));
    socket.on('end', () =>
      this.#lost(socket, new ConnectionLost('the target closed the connection before it had answered')),
    );
    socket.on('close', () => this.#lost(socket, new ConnectionLost('the connection was closed')));
    return socket;
  }

  /** Chosen after each read for the next one: while idle it must not be a page that was given back; while waiting it need not be one. */
  #readBuffer(): Buffer {
    const page = this.#exchange?.page;
    return page === undefined || page.filled === 0 ? this.#options.buffers.scratch : page.room(smallestReadBytes);
  }

  #read(socket: Socket, count: number, buffer: Uint8Array): boolean {
    const exchange = this.#exchange;
    if (exchange === undefined || socket !== this.#socket) {
      socket.destroy();
      return false;
    }
    const { page, reader } = exchange;
    if (buffer === this.#options.buffers.scratch) {
      page.append(buffer.subarray(0, count));
    } else {
      page.filled += count;
    }
    try {
      if (reader.advance()) {
        this.#done(exchange);
      }
    } catch (error) {
      this.#fail(error);
    }
    return true;
  }

  #done({ page, reader, resolve }: Exchange): void {
    this.#exchange = undefined;
    if (!reader.reusable) {
      this.close();
    }
    resolve({ ...reader.head, body: page.bytes.subarray(reader.from, reader.to) });
  }

  #fail(reason: unknown): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.close();
    exchange?.reject(reason);
  }

  #lost(socket: Socket, error: Error): void {
    if (socket !== this.#socket) {
      return;
    }
    const exchange = this.#exchange;
    if (error instanceof ConnectionLost && exchange?.reader.closed() === true) {
      this.#done(exchange);
    } else {
      this.#fail(error);
    }
    this.close();
  }
}
