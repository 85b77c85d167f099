import type { Output, WriteRequest, WriteResult } from '../contract/output.ts';
import type { Clock, Logger } from '../contract/runtime.ts';
import type { QueueRecord } from '../model/batch.ts';
import type { LaneTail, TailRead } from '../record/tail.ts';
import { Arrivals } from './arrivals.ts';
import { attempt } from './attempt.ts';
import { backOffMs } from './back-off.ts';
import type { CursorActivity } from './cursor.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { DeliveryCursor, DeliveryLimits, DeliverySource } from './delivery-parts.ts';

export interface DeliveryOptions {
  readonly source: DeliverySource;
  readonly cursor: DeliveryCursor;
  /** Reads behind the cursor. */
  readonly tail: LaneTail;
  readonly output: Output;
  readonly deadLetters: DeadLetters;
  /** Records that this output is to have; the rest is counted as routed away. */
  readonly accepts: (record: QueueRecord) => boolean;
  readonly limits: DeliveryLimits;
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
  readonly #arrivals: Arrivals;
  #running: Promise<void> | undefined;
  #retries = 0;
  #lastError: string | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options);
  }

  start(): void {
    if (this.#running === undefined) {
      this.#arrivals.start();
      this.#running = this.#run();
    }
  }

  /**
   * Lets the attempt in flight end, until `signal` cuts it off. What is not delivered stays in the lane. May be called
   * without `start`.
   */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    this.#arrivals.stop();
    const late = Promise.withResolvers<void>();
    const cut = (): void => {
      this.#cut.abort(signal.reason);
      // A cursor that the disk does not take is not waited for either.
      setImmediate(late.resolve);
    };
    signal.addEventListener('abort', cut, { once: true });
    if (signal.aborted) {
      cut();
    }
    await Promise.race([this.#running, late.promise]);
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
        await this.#toCursor();
      }
    }
  }

  async #round(): Promise<void> {
    const { tail, cursor, source, limits } = this.#options;
    if (cursor.seq > tail.seq) {
      await this.#toCursor();
    }
    await this.#arrivals.enough();
    if (this.#isStopping) {
      return;
    }
    const throughSeq = source.durableSeq;
    const read = await tail.read({ throughSeq, maxItems: limits.batchItems, maxBytes: limits.batchBytes });
    this.#arrivals.read();
    source.lost(read.losses);
    if (read.records.length > 0) {
      await this.#deliver(read);
    } else if (read.seq > cursor.seq && read.cumItems !== undefined) {
      const { seq, cumItems } = read;
      await cursor.during(async () => (cursor.seq < seq ? cursor.advance({ seq, cumItems }) : undefined));
    } else {
      // The end of the log is damaged, and nothing behind it bounds the loss yet.
      await this.#arrivals.behind(throughSeq);
    }
  }

  /** Back to where the cursor is: records were read that were not delivered. */
  async #toCursor(): Promise<void> {
    const { tail, cursor } = this.#options;
    await tail.seek(cursor.seq, cursor.cumItems);
    this.#arrivals.read();
  }

  /** Works through the records, in halves where the far side asks for that. */
  async #deliver(read: TailRead): Promise<void> {
    const groups: (readonly QueueRecord[])[] = [read.records];
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      const end = await this.#untilAnswered(group);
      if (end === 'left') {
        await this.#toCursor();
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
    for (let failures = 1; !this.#isStopping && cursor.seq < firstSeq; failures += 1) {
      const answer = await cursor.during(() => this.#once(group));
      if (typeof answer === 'string') {
        if (failures > 1) {
          log.info({ output: cursor.output }, 'An output takes data again.');
        }
        return answer;
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
    }
    return 'left';
  }

  /** One attempt, and the cursor moved by its answer if that is final. */
  async #once(group: readonly QueueRecord[]): Promise<'done' | 'split' | Extract<WriteResult, { status: 'retry' }>> {
    const { cursor, accepts } = this.#options;
    const wanted = group.filter(accepts);
    let outcome: Outcome = nothing;
    if (wanted.length > 0) {
      this.#report('sending');
      const request = this.#request(wanted);
      const { output, clock, limits, log } = this.#options;
      const how = { output, name: cursor.output, timeoutMs: limits.timeoutMs, clock, log };
      const result = await attempt(request, how, this.#cut.signal);
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
        this.#lastError = undefined;
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

  #request(records: readonly QueueRecord[]): WriteRequest {
    const { source } = this.#options;
    const id = `${source.queueId}:${records[0]?.seq}-${records.at(-1)?.seq}`;
    return { signal: source.signal, records, items: itemsOf(records), id };
  }

  #report(state: CursorActivity['state'], lastError?: string, nextAttemptMs?: number): void {
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
}

const nothing: Outcome = { delivered: 0, dropped: {} };

function itemsOf(records: readonly QueueRecord[]): number {
  let items = 0;
  for (const record of records) {
    items += record.items;
  }
  return items;
}
