import { closeFile, factsOfOpen, readAt } from './file-io.ts';
import { readPrefix } from './fingerprint.ts';

/** Where the bytes of a log file come from. */
export interface FileBytes {
  /** Bytes read into `buffer` from its beginning; fewer than fit only at the end. Undefined: not now, others are first. */
  readAt(buffer: Buffer, from: number): Promise<number | undefined>;
  /** The first bytes that are there now, 1 KiB at most. */
  prefix(): Promise<Buffer>;
  /** Whether it holds so many bytes, as far as that can be told without reading it. */
  isOfSize(bytes: number): Promise<boolean>;
  /** Why it can not be read to its end; undefined while it can. */
  readonly damage: string | undefined;
  close(): Promise<void>;
}

/** Of a file as it is. */
export class PlainBytes implements FileBytes {
  readonly damage = undefined;
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  readAt(buffer: Buffer, from: number): Promise<number> {
    return readAt(this.#descriptor, buffer, from);
  }

  prefix(): Promise<Buffer> {
    return readPrefix(this.#descriptor);
  }

  async isOfSize(bytes: number): Promise<boolean> {
    return (await factsOfOpen(this.#descriptor)).size === bytes;
  }

  close(): Promise<void> {
    return closeFile(this.#descriptor);
  }
}
