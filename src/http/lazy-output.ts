import { hasCode } from '../contract/errors.ts';
import type { Output, WriteRequest, WriteResult } from '../contract/output.ts';
import type { Health } from '../contract/runtime.ts';
import { resultOfNoAnswer } from './status.ts';

/** What does an output's work: it holds the connections to the far side, and is there from `start` to `stop`. */
export interface Sender {
  /** As `Output.write`. */
  write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult>;
  /** As `Output.check`. */
  check(): Promise<Health>;
  /** Cuts what is under way. May be called more than once. */
  close(): Promise<void>;
}

/**
 * An output whose working part is imported when it starts, so that one that is not configured costs no memory. The
 * definition of an output makes it: `new LazyOutput(async () => new (await import('./sender.ts')).Sender(config, runtime))`.
 */
export class LazyOutput implements Output {
  readonly #open: () => Promise<Sender>;
  #sender: Sender | undefined;

  /** `open` is called once for each start. */
  constructor(open: () => Promise<Sender>) {
    this.#open = open;
  }

  async start(): Promise<void> {
    this.#sender = await this.#open();
  }

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    return await this.#started().write(request, signal);
  }

  async check(): Promise<Health> {
    return await this.#started().check();
  }

  async stop(): Promise<void> {
    await this.#sender?.close();
  }

  #started(): Sender {
    if (this.#sender === undefined) {
      throw new Error('write before start');
    }
    return this.#sender;
  }
}

/** The two steps of a request whose body is made of records. */
export interface Steps<T> {
  /** How many records there are. */
  readonly records: number;
  /** Throws BRIDGE_DECODE. */
  readonly encode: () => T;
  /** Rejects when there is no answer. */
  readonly post: (body: T) => Promise<WriteResult>;
}

/**
 * One attempt. Records that cannot be decoded ask for halves, and are final alone; no answer is tried again. Rejects with
 * the reason of an aborted `signal`, and with whatever else `encode` throws.
 */
export async function attempt<T>({ records, encode, post }: Steps<T>, signal: AbortSignal): Promise<WriteResult> {
  let body: T;
  try {
    body = encode();
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
    return { status: records > 1 ? 'split' : 'rejected', reason: `cannot be decoded: ${error.message}` };
  }
  try {
    return await post(body);
  } catch (error) {
    signal.throwIfAborted();
    return resultOfNoAnswer(error);
  }
}
