import { write } from 'node:fs';
import { promisify } from 'node:util';
import { NdjsonEncoder } from '../../codec/ndjson/ndjson-encoder.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Clock, Health } from '../../contract/runtime.ts';

const writeCall = promisify(write);

/** What one call writes at most: a reader that stalls holds one thread of the pool, for so many bytes. */
const sliceBytes = 65_536;
/** How long to leave a pipe alone that is full and does not block. */
const fullPipeMs = 10;
const newline = Buffer.from('\n');

/** Prints lines, as fast as they are read at the other end. Requests of different signals take turns. */
export class StdoutOutput implements Output {
  readonly #descriptor: number;
  readonly #clock: Clock;
  readonly #encoder: NdjsonEncoder;
  #turn: Promise<unknown> = Promise.resolve();
  /** The last line was left in its middle. */
  #isTorn = false;

  constructor(descriptor: number, runtime: OutputRuntime) {
    this.#descriptor = descriptor;
    this.#clock = runtime.clock;
    this.#encoder = new NdjsonEncoder(runtime.decode);
  }

  async start(): Promise<void> {}

  write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const result = this.#turn.then(() => this.#write(request, signal));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async check(): Promise<Health> {
    return { ok: true };
  }

  async stop(): Promise<void> {
    await this.#turn;
  }

  async #write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    try {
      if (this.#isTorn) {
        await this.#print(newline, signal);
      }
      for (const piece of this.#encoder.pieces(request.records)) {
        await this.#print(piece, signal);
      }
      return { status: 'delivered' };
    } catch (error) {
      if (hasCode(error, 'BRIDGE_DECODE')) {
        return { status: 'split', reason: error.message };
      }
      if (codeOf(error) === 'EPIPE' || codeOf(error) === 'EIO') {
        return { status: 'retry', reason: 'nobody reads what is printed', cause: 'local' };
      }
      throw error;
    }
  }

  async #print(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      signal.throwIfAborted();
      try {
        const { bytesWritten } = await writeCall(
          this.#descriptor,
          bytes,
          done,
          Math.min(sliceBytes, bytes.length - done),
        );
        done += bytesWritten;
        this.#isTorn = done < bytes.length || bytes.at(-1) !== newline[0];
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') {
          throw error;
        }
        await this.#clock.sleep(fullPipeMs, signal);
      }
    }
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
