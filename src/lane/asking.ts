import type { Output, WriteRequest, WriteResult } from '../contract/output.ts';
import type { Clock, Logger } from '../contract/runtime.ts';
import type { QueueRecord } from '../model/batch.ts';
import type { Activity } from './activity.ts';
import { attempt } from './attempt.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { DeliveryCursor, DeliveryLimits, DeliverySource } from './delivery-parts.ts';
import { both, itemsOf, nothing, type Outcome } from './outcome.ts';

export interface AskingOptions {
  readonly source: DeliverySource;
  readonly cursor: DeliveryCursor;
  readonly output: Output;
  readonly deadLetters: DeadLetters;
  /** What of a record this output is to have, the same at each attempt; the rest is counted as routed away. */
  readonly choose: (record: QueueRecord) => QueueRecord | undefined;
  readonly limits: DeliveryLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

export type Retry = Extract<WriteResult, { status: 'retry' }>;
/** A number of records is done with; or it is to be halved; or it is to be asked again. */
export type Answered = { readonly status: 'done'; readonly outcome: Outcome } | 'split' | Retry;

/** Puts one question to an output, and takes its answer to the end: what is refused for good is in the dead letters. */
export class Asking {
  readonly #options: AskingOptions;
  readonly #activity: Activity;
  readonly #cut: AbortSignal;
  #burial: Promise<void> = Promise.resolve();

  /** `cut` ends whatever is under way. */
  constructor(options: AskingOptions, activity: Activity, cut: AbortSignal) {
    this.#options = options;
    this.#activity = activity;
    this.#cut = cut;
  }

  /** One attempt. Rejects when the dead letters cannot be written. */
  async ask(group: readonly QueueRecord[]): Promise<Answered> {
    const { source, choose, output, clock, limits, log, cursor } = this.#options;
    const { maxAgeMs = Number.POSITIVE_INFINITY } = limits;
    const addressed = group.filter(({ only = cursor.output }) => only === cursor.output);
    const wanted = addressed.flatMap((record) => choose(record) ?? []);
    const fresh = wanted.filter((record) => source.ageMs(record) <= maxAgeMs);
    const aside = {
      ...nothing,
      dropped: { age: itemsOf(wanted) - itemsOf(fresh) },
      routedAway: itemsOf(group) - itemsOf(wanted),
    };
    if (fresh.length === 0) {
      return { status: 'done', outcome: aside };
    }
    this.#activity.report('sending');
    const request = this.#request(wanted, fresh);
    const how = { output, name: cursor.output, timeoutMs: limits.timeoutMs, clock, log };
    const result = await attempt(request, how, this.#cut);
    if (result.status === 'retry') {
      this.#activity.retry(result.cause ?? 'failed');
      return result;
    }
    this.#activity.answered();
    const final = await this.#final(result, request);
    return final === 'split' ? final : { status: 'done', outcome: both(final, aside) };
  }

  async #final(result: Exclude<WriteResult, Retry>, request: WriteRequest): Promise<Outcome | 'split'> {
    switch (result.status) {
      case 'delivered':
        this.#activity.recovered();
        return { ...nothing, delivered: request.items };
      case 'partial':
        return { ...nothing, delivered: request.items - result.rejected, dropped: { rejected: result.rejected } };
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
    const buried = this.#burial.then(() => this.#bury(request, reason));
    this.#burial = buried.catch(() => undefined);
    await buried;
    const { output } = this.#options.cursor;
    this.#options.log.error(
      { output, reason, items: request.items },
      'A backend refused data for good; it is in the dead letters.',
    );
    this.#activity.report('sending', reason);
    return { ...nothing, dropped: { rejected: request.items } };
  }

  async #bury(request: WriteRequest, reason: string): Promise<void> {
    for (const record of request.records) {
      await this.#options.deadLetters.add(record, reason);
    }
  }

  /** Its id does not tell that some of the records have become too old since an earlier attempt. */
  #request(wanted: readonly QueueRecord[], records: readonly QueueRecord[]): WriteRequest {
    const { source } = this.#options;
    const id = `${source.queueId}:${wanted[0]?.seq}-${wanted.at(-1)?.seq}`;
    const { signal, ancestors = [] } = source;
    return { signal, records, items: itemsOf(records), id, ...(ancestors.length === 0 ? {} : { ancestors }) };
  }
}
