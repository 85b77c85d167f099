import type { Output } from '../../contract/output.ts';
import type { Clock, Health, Logger } from '../../contract/runtime.ts';
import type { OutputCheckStatus } from '../../contract/status.ts';

export interface OutputCheckOptions {
  readonly name: string;
  readonly output: Output;
  /** Longest time for one answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const againMs = 30_000;

/** Asks an output at its start whether it could deliver, and again until it can, so that a wrong setting shows before data comes. */
export class OutputCheck {
  readonly #options: OutputCheckOptions;
  readonly #stopping = new AbortController();
  #status: OutputCheckStatus | undefined;
  #running: Promise<void> | undefined;

  constructor(options: OutputCheckOptions) {
    this.#options = options;
  }

  get status(): OutputCheckStatus | undefined {
    return this.#status;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** An answer that is under way is not waited for. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const health = await this.#health();
      if (health === undefined) {
        return;
      }
      this.#note(health);
      if (health.ok) {
        return;
      }
      await clock.sleep(againMs, signal).catch(() => undefined);
    }
  }

  /** Undefined when it is to stop. */
  async #health(): Promise<Health | undefined> {
    const { output, timeoutMs, clock } = this.#options;
    const answered = new AbortController();
    const either = AbortSignal.any([answered.signal, this.#stopping.signal]);
    const asking = output.check().catch((error: unknown): Health => ({ ok: false, reason: messageOf(error) }));
    const late = clock.sleep(timeoutMs, either).then(
      (): Health => ({ ok: false, reason: `no answer within ${timeoutMs / 1_000} s`, cause: 'timeout' }),
      () => undefined,
    );
    try {
      return await Promise.race([asking, late]);
    } finally {
      answered.abort();
    }
  }

  #note(health: Health): void {
    const { name, clock, log } = this.#options;
    const before = this.#status;
    this.#status = { atMs: clock.now(), ...health };
    if (!health.ok && before?.reason !== health.reason) {
      log.warn({ output: name, reason: health.reason }, 'An output could not deliver now; it is asked again.');
    } else if (health.ok && before !== undefined) {
      log.info({ output: name }, 'An output can deliver now.');
    }
  }
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}
