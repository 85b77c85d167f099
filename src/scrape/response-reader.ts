import type { PageBuffer } from './page-buffers.ts';

const maxHeadBytes = 64 * 1024;
const maxLineBytes = 4 * 1024;

export interface ResponseHead {
  readonly status: number;
  /** Lower-case names; of repeated ones the values are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
}

/** The bytes were not an HTTP/1.1 response, or more than wanted. */
export class ResponseFault extends Error {}

type Phase = 'head' | 'counted' | 'until close' | 'chunk size' | 'chunk' | 'chunk end' | 'trailer' | 'done';

/**
 * Reads one HTTP/1.1 response (RFC 9112) in the buffer that it comes into: chunks are moved together where they stand. Call
 * `advance` whenever there are more bytes; the body is `from` to `to` once it says that it is done. Throws ResponseFault.
 */
export class ResponseReader {
  head: ResponseHead = { status: 0, headers: new Map() };
  from = 0;
  to = 0;
  /** The connection may carry another request. */
  reusable = false;
  readonly #page: PageBuffer;
  readonly #maxBodyBytes: number;
  #phase: Phase = 'head';
  /** What is not yet looked at begins here. */
  #at = 0;
  #left = 0;

  constructor(page: PageBuffer, maxBodyBytes: number) {
    this.#page = page;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Whether it is done. */
  advance(): boolean {
    while (this.#step()) {}
    if (this.#at === this.#page.filled && this.#phase !== 'head') {
      this.#at = this.to;
      this.#page.filled = this.to;
    }
    if (this.#phase === 'done' && this.#page.filled > this.#at) {
      this.reusable = false;
    }
    return this.#phase === 'done';
  }

  /** The sender closed. False where that was too early. */
  closed(): boolean {
    if (this.#phase === 'until close') {
      this.#phase = 'done';
    }
    return this.#phase === 'done';
  }

  /** Whether it got anywhere; false where there is room for more bytes only. */
  #step(): boolean {
    switch (this.#phase) {
      case 'head':
        return this.#readHead();
      case 'counted':
        return this.#readBody(this.#left, 'done');
      case 'until close':
        return this.#readBody(Number.POSITIVE_INFINITY, 'done');
      case 'chunk size':
        return this.#readChunkSize();
      case 'chunk':
        return this.#readBody(this.#left, 'chunk end');
      case 'chunk end':
        return this.#readChunkEnd();
      case 'trailer':
        return this.#readTrailer();
      case 'done':
        return false;
    }
  }

  #readHead(): boolean {
    const { bytes, filled } = this.#page;
    const end = bytes.subarray(0, filled).indexOf('\r\n\r\n', this.#at, 'latin1');
    if (end < 0) {
      if (filled - this.#at > maxHeadBytes) {
        throw new ResponseFault('the head of the response does not end');
      }
      return false;
    }
    const lines = bytes.toString('latin1', this.#at, end).split('\r\n');
    this.#at = end + 4;
    const match = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: |$)/.exec(lines[0] ?? '');
    if (match === null) {
      throw new ResponseFault('what answers there does not speak HTTP/1.1');
    }
    const status = Number(match[2]);
    if (status < 200) {
      return true;
    }
    this.head = { status, headers: headersOf(lines.slice(1)) };
    this.from = this.#at;
    this.to = this.#at;
    this.#beginBody(match[1] === '1');
    return true;
  }

  #beginBody(persistent: boolean): void {
    const { status, headers } = this.head;
    const connection = (headers.get('connection') ?? '').toLowerCase();
    this.reusable = persistent ? !/\bclose\b/.test(connection) : /\bkeep-alive\b/.test(connection);
    const coding = headers.get('transfer-encoding')?.trim().toLowerCase();
    const length = headers.get('content-length');
    if (status === 204 || status === 304) {
      this.#phase = 'done';
    } else if (coding !== undefined) {
      if (coding !== 'chunked') {
        throw new ResponseFault(`transfer encoding "${coding}" is not understood`);
      }
      this.#phase = 'chunk size';
    } else if (length !== undefined) {
      if (!/^[0-9]{1,15}$/.test(length)) {
        throw new ResponseFault(`"${length}" is no content length`);
      }
      this.#left = this.#allowed(Number(length));
      this.#page.reserve(this.#at + this.#left);
      this.#phase = 'counted';
    } else {
      this.reusable = false;
      this.#phase = 'until close';
    }
  }

  #readBody(left: number, then: Phase): boolean {
    const { bytes, filled } = this.#page;
    const taken = Math.min(left, filled - this.#at);
    this.#allowed(taken);
    if (this.#at !== this.to) {
      bytes.copyWithin(this.to, this.#at, this.#at + taken);
    }
    this.#at += taken;
    this.to += taken;
    this.#left = left - taken;
    if (this.#left === 0) {
      this.#phase = then;
      return true;
    }
    return false;
  }

  #readChunkSize(): boolean {
    const line = this.#line();
    if (line === undefined) {
      return false;
    }
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) {
      throw new ResponseFault('the size of a chunk cannot be read');
    }
    this.#left = this.#allowed(Number.parseInt(size, 16));
    this.#phase = this.#left === 0 ? 'trailer' : 'chunk';
    return true;
  }

  #readChunkEnd(): boolean {
    const line = this.#line();
    if (line === undefined) {
      return false;
    }
    if (line !== '') {
      throw new ResponseFault('a chunk is longer than it says');
    }
    this.#phase = 'chunk size';
    return true;
  }

  #readTrailer(): boolean {
    const line = this.#line();
    if (line === '') {
      this.#phase = 'done';
    }
    return line !== undefined;
  }

  #line(): string | undefined {
    const { bytes, filled } = this.#page;
    const end = bytes.subarray(0, filled).indexOf(0x0a, this.#at);
    if (end < 0) {
      if (filled - this.#at > maxLineBytes) {
        throw new ResponseFault('a line between chunks does not end');
      }
      return undefined;
    }
    const line = bytes.toString('latin1', this.#at, end);
    this.#at = end + 1;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }

  #allowed(moreBytes: number): number {
    if (this.to - this.from + moreBytes > this.#maxBodyBytes) {
      throw new ResponseFault(`the page is larger than ${this.#maxBodyBytes} bytes`);
    }
    return moreBytes;
  }
}

function headersOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) {
      throw new ResponseFault('a header of the response cannot be read');
    }
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}
