import { BridgeError } from '../contract/errors.ts';
import type { Clock, Logger } from '../contract/runtime.ts';

const retryMs = 1000;

export interface DiskFailureOptions {
  readonly fields: object;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tries to write again; rejects if that fails too. */
  readonly revive: () => Promise<void>;
}

/** The time between a failed write or fdatasync and the first that succeeds again. */
export class DiskFailure {
  readonly #options: DiskFailureOptions;
  readonly #stop = new AbortController();
  #reason: string | undefined;
  #over: PromiseWithResolvers<void> | undefined;
  #reviving: Promise<void> | undefined;

  constructor(options: DiskFailureOptions) {
    this.#options = options;
  }

  /** What the disk said; undefined while it works. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** The disk failed: tries again each second from now on. Returns what those who wait are told. */
  begin(error: unknown): BridgeError {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#reason === undefined) {
      this.#over = Promise.withResolvers<void>();
      this.#over.promise.catch(() => undefined);
      this.#options.log.error(
        { ...this.#options.fields, reason: message },
        'The queue cannot be written; senders are told to come back.',
      );
      this.#reviving = this.#revive();
    }
    this.#reason = message;
    return new BridgeError('BRIDGE_OVERLOADED', `the queue cannot be written: ${message}`, { cause: error });
  }

  /** Resolves when the disk works; rejects when it is given up. */
  async whenOver(): Promise<void> {
    await this.#over?.promise;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#reviving;
  }

  async #revive(): Promise<void> {
    const { clock, log, revive, fields } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await clock.sleep(retryMs, this.#stop.signal);
        await revive();
        log.info(fields, 'The queue can be written again.');
        this.#reason = undefined;
        this.#over?.resolve();
        this.#over = undefined;
        return;
      } catch (error) {
        this.#reason = error instanceof Error ? error.message : String(error);
      }
    }
    this.#over?.reject(new BridgeError('BRIDGE_OVERLOADED', 'the queue was closed before the disk could be written'));
  }
}
