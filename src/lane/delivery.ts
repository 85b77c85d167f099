import type { Output, WriteRequest, WriteResult } from '../contract/output.ts';
import type { Clock, Logger } from '../contract/runtime.ts';
import type { LaneLoss } from '../contract/status.ts';
import type { QueueRecord, Signal } from '../model/batch.ts';
import type { LaneTail, TailRead } from '../record/tail.ts';
import { backOffMs } from './back-off.ts';
import type { CursorActivity, CursorStep } from './cursor.ts';
import type { DeadLetters } from './dead-letters.ts';

/** What delivery needs of a lane. */
export interface DeliverySource {
  readonly signal: Signal;
  readonly queueId: string;
  readonly durableSeq: number;
  /** Calls back after each commit; returns how to end that. */
  onDurable(listener: () => void): () => void;
  /** Takes note of damage that reading met. */
  lost(losses: readonly LaneLoss[]): void;
}

/** What delivery needs of a cursor (`lane-cursor.ts`). */
export interface DeliveryCursor {
  readonly output: string;
  readonly seq: number;
  readonly cumItems: number;
  /** Resolves when it is durable. */
  advance(step: CursorStep): Promise<void>;
  report(activity: CursorActivity): void;
  /** While `work` runs the lane drops nothing under it; between two of them it may, and then the cursor has moved. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

export interface DeliveryOptions {
  readonly source: DeliverySource;
  readonly cursor: DeliveryCursor;
  /** Reads behind the cursor. */
  readonly tail: LaneTail;
  readonly output: Output;
  readonly deadLetters: DeadLetters;
  /** Records that this output is to have; the rest is counted as routed away. */
  readonly accepts: (record: QueueRecord) => boolean;
  readonly limits: {
    readonly batchItems: number;
    readonly batchBytes: number;
    readonly batchWaitMs: number;
    readonly timeoutMs: number;
  };
  readonly clock: Clock;
  readonly log: Logger;
  /** [0, 1) */
  readonly random: () => number;
}

/** What became of some records: the items that arrived, and those that never will, by reason. */
interface Outcome {
  readonly delivered: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/**
 * The only retry loop. Takes consecutive records of a lane, has its output write them, and moves the cursor by the
 * answer. One request is in flight at a time, so order holds; the next one waits until the cursor is durable, so a crash
 * repeats at most one.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();
  #running: Promise<void> | undefined;
  #retries = 0;
  #lastError: string | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Lets the attempt in flight end, until `signal` cuts it off. What is not delivered stays in the lane. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    const cut = (): void => this.#cut.abort(signal.reason);
    signal.addEventListener('abort', cut, { once: true });
    if (signal.aborted) {
      cut();
    }
    await this.#running;
    signal.removeEventListener('abort', cut);
    await this.#options.tail.close();
    await this.#options.deadLetters.close();
    this.#report('stopped');
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        await this.#round();
      } catch (error) {
        if (this.#isStopping) {
          return;
        }
        this.#options.log.error({ output: this.#options.cursor.output, error }, 'Delivery failed and begins again.');
        await this.#pause(1_000);
        await this.#options.tail.seek(this.#options.cursor.seq, this.#options.cursor.cumItems);
      }
    }
  }

  async #round(): Promise<void> {
    const { tail, cursor } = this.#options;
    if (cursor.seq > tail.seq) {
      await tail.seek(cursor.seq, cursor.cumItems);
    }
    const read = await this.#collect();
    this.#options.source.lost(read.losses);
    if (read.records.length > 0) {
      await this.#deliver(read);
      return;
    }
    if (read.cumItems !== undefined && read.cumItems > cursor.cumItems && read.seq > cursor.seq) {
      const { seq, cumItems } = read;
      await cursor.during(async () => (cursor.seq < seq ? cursor.advance({ seq, cumItems }) : undefined));
      return;
    }
    await this.#news();
  }

  /** One request's worth: what is there, and what comes within `batch_wait` if that does not fill it. */
  async #collect(): Promise<TailRead> {
    const { batchItems, batchBytes, batchWaitMs } = this.#options.limits;
    const first = await this.#read(batchItems, batchBytes);
    if (first.records.length === 0 || first.items >= batchItems || first.bytes >= batchBytes || batchWaitMs === 0) {
      return first;
    }
    await this.#pause(batchWaitMs);
    const more = await this.#read(batchItems - first.items, batchBytes - first.bytes);
    return {
      ...more,
      records: [...first.records, ...more.records],
      items: first.items + more.items,
      bytes: first.bytes + more.bytes,
      cumItems: more.cumItems ?? first.cumItems,
      losses: [...first.losses, ...more.losses],
    };
  }

  #read(maxItems: number, maxBytes: number): Promise<TailRead> {
    return this.#options.tail.read({ throughSeq: this.#options.source.durableSeq, maxItems, maxBytes });
  }

  /** Works through the records, in halves where the far side asks for that. */
  async #deliver(read: TailRead): Promise<void> {
    const groups: (readonly QueueRecord[])[] = [read.records];
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      const end = await this.#untilAnswered(group);
      if (end === 'left') {
        return;
      }
      if (end === 'split') {
        const middle = Math.ceil(group.length / 2);
        groups.unshift(group.slice(0, middle), group.slice(middle));
      }
    }
    this.#report('idle');
  }

  /** Tries until there is a final answer. `left`: it is stopping, or the lane gave up some of these records meanwhile. */
  async #untilAnswered(group: readonly QueueRecord[]): Promise<'done' | 'split' | 'left'> {
    const { cursor, clock, log, random } = this.#options;
    const firstSeq = group[0]?.seq ?? 0;
    for (let failures = 1; ; failures += 1) {
      const answer = await cursor.during(() => this.#once(group));
      if (typeof answer === 'string') {
        return answer;
      }
      if (this.#isStopping) {
        return 'left';
      }
      const waitMs = backOffMs(failures, answer.afterMs, random);
      this.#retries += 1;
      this.#report('retrying', answer.reason, clock.now() + waitMs);
      if (failures === 1) {
        log.warn(
          { output: cursor.output, reason: answer.reason },
          'An output takes no data; it is kept and tried again.',
        );
      }
      await this.#pause(waitMs);
      if (this.#isStopping || cursor.seq >= firstSeq) {
        return 'left';
      }
    }
  }

  /** One attempt, and the cursor moved by its answer if that is final. */
  async #once(group: readonly QueueRecord[]): Promise<'done' | 'split' | Extract<WriteResult, { status: 'retry' }>> {
    const { cursor, accepts } = this.#options;
    const wanted = group.filter(accepts);
    let outcome: Outcome = nothing;
    if (wanted.length > 0) {
      this.#report('sending');
      const request = this.#request(wanted);
      const result = await this.#attempt(request);
      if (result.status === 'retry') {
        return result;
      }
      const final = await this.#final(result, request);
      if (final === 'split') {
        return 'split';
      }
      outcome = final;
    }
    const last = group.at(-1);
    if (last !== undefined) {
      const routedAway = itemsOf(group) - itemsOf(wanted);
      await cursor.advance({ seq: last.seq, cumItems: last.cumItems, ...outcome, routedAway });
    }
    return 'done';
  }

  async #final(result: Exclude<WriteResult, { status: 'retry' }>, request: WriteRequest): Promise<Outcome | 'split'> {
    switch (result.status) {
      case 'delivered':
        return { delivered: request.items, dropped: {} };
      case 'partial':
        return { delivered: request.items - result.rejected, dropped: { rejected: result.rejected } };
      case 'split':
        if (request.records.length > 1) {
          return 'split';
        }
        return this.#giveUp(request, result.reason);
      case 'rejected':
        return this.#giveUp(request, result.reason);
      default:
        return result satisfies never;
    }
  }

  async #giveUp(request: WriteRequest, reason: string): Promise<Outcome> {
    for (const record of request.records) {
      await this.#options.deadLetters.add(record, reason);
    }
    const { output } = this.#options.cursor;
    this.#options.log.error(
      { output, reason, items: request.items },
      'A backend refused data for good; it is in the dead letters.',
    );
    this.#report('sending', reason);
    return { delivered: 0, dropped: { rejected: request.items } };
  }

  async #attempt(request: WriteRequest): Promise<WriteResult> {
    const { output, clock, limits, log } = this.#options;
    const done = new AbortController();
    const late = new AbortController();
    const timer = clock.sleep(limits.timeoutMs, done.signal).then(
      () => late.abort(new Error('timeout')),
      () => undefined,
    );
    try {
      return await output.write(request, AbortSignal.any([late.signal, this.#cut.signal]));
    } catch (error) {
      if (late.signal.aborted) {
        return { status: 'retry', reason: `no answer within ${limits.timeoutMs} ms` };
      }
      if (!this.#cut.signal.aborted) {
        log.error({ output: this.#options.cursor.output, error }, 'An output failed instead of answering.');
      }
      return {
        status: 'retry',
        reason: `the output failed: ${error instanceof Error ? error.message : String(error)}`,
      };
    } finally {
      done.abort();
      await timer;
    }
  }

  #request(records: readonly QueueRecord[]): WriteRequest {
    const { source } = this.#options;
    const id = `${source.queueId}:${records[0]?.seq}-${records.at(-1)?.seq}`;
    return { signal: source.signal, records, items: itemsOf(records), id };
  }

  #report(state: CursorActivity['state'], lastError?: string, nextAttemptMs?: number): void {
    if (state === 'idle') {
      this.#lastError = undefined;
    }
    this.#lastError = lastError ?? this.#lastError;
    this.#options.cursor.report({
      state,
      retries: this.#retries,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      ...(nextAttemptMs === undefined ? {} : { nextAttemptMs }),
    });
  }

  /** Waits, but not past the stop. */
  async #pause(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stopping.signal).catch(() => undefined);
  }

  /** Resolves when there is more durable data than the tail has read, or at the stop. */
  #news(): Promise<void> {
    const { source, tail } = this.#options;
    const seen = source.durableSeq;
    return new Promise((resolve) => {
      const finish = (): void => {
        end();
        this.#stopping.signal.removeEventListener('abort', finish);
        resolve();
      };
      const end = source.onDurable(() => {
        if (source.durableSeq > Math.max(seen, tail.seq)) {
          finish();
        }
      });
      this.#stopping.signal.addEventListener('abort', finish, { once: true });
      if (source.durableSeq > seen || this.#isStopping) {
        finish();
      }
    });
  }
}

const nothing: Outcome = { delivered: 0, dropped: {} };

function itemsOf(records: readonly QueueRecord[]): number {
  let items = 0;
  for (const record of records) {
    items += record.items;
  }
  return items;
}
