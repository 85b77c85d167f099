import type { QueueRecord } from '../model/batch.ts';
import type { LaneTail, TailRead } from '../record/tail.ts';
import { Activity } from './activity.ts';
import { Arrivals } from './arrivals.ts';
import { type Answered, Asking, type AskingOptions, type Retry } from './asking.ts';
import { backOffMs } from './back-off.ts';
import { both, nothing, type Outcome } from './outcome.ts';
import { halves, type Strand, strandsOf } from './strands.ts';

export interface DeliveryOptions extends AskingOptions {
  /** Reads behind the cursor. */
  readonly tail: LaneTail;
  /**
   * With `concurrency` above 1: records of one key arrive in their order, such as those of one target. Those without a
   * key arrive in any.
   */
  readonly orderKey: (record: QueueRecord) => string | undefined;
  /** [0, 1) */
  readonly random: () => number;
}

/**
 * The only retry loop. Takes consecutive records of a lane, has its output write them, and moves the cursor by the
 * answer. One request is in flight at a time, so order holds; the next one waits until the cursor is durable, so a crash
 * repeats at most one. With `concurrency` above 1 that many requests are made of what is read at once, and the cursor moves
 * when all of them are answered: a crash repeats those.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();
  readonly #arrivals: Arrivals;
  readonly #activity: Activity;
  readonly #asking: Asking;
  #running: Promise<void> | undefined;
  #isDraining = false;
  #isPausing = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options);
    this.#activity = new Activity((activity) => options.cursor.report(activity));
    this.#asking = new Asking(options, this.#activity, this.#cut.signal);
  }

  start(): void {
    if (this.#running === undefined) {
      this.#arrivals.start();
      this.#running = this.#run();
    }
  }

  /**
   * As `stop`, but first sends what is queued now, as long as each attempt goes through and `signal` is not aborted. An output
   * that is being waited for is not tried again.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isDraining = true;
    this.#arrivals.hurry();
    if (this.#running !== undefined && !this.#isPausing && !signal.aborted) {
      const late = Promise.withResolvers<void>();
      const end = (): void => late.resolve();
      signal.addEventListener('abort', end, { once: true });
      await Promise.race([this.#running, late.promise]);
      signal.removeEventListener('abort', end);
    }
    await this.stop(signal);
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
    this.#activity.report('stopped');
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
    if (cursor.seq >= cursor.readableSeq) {
      await cursor.during(() => cursor.pass());
    }
    if (cursor.seq > tail.seq) {
      await this.#toCursor();
    }
    await this.#arrivals.enough();
    if (this.#isStopping) {
      return;
    }
    await limits.pace?.rested(this.#stopping.signal);
    const throughSeq = Math.min(source.durableSeq, cursor.readableSeq);
    if (this.#isDraining && source.durableSeq <= tail.seq) {
      this.#endDraining();
      return;
    }
    const read = await tail.read({
      throughSeq,
      maxItems: limits.batchItems * limits.concurrency,
      maxBytes: limits.batchBytes * limits.concurrency,
    });
    this.#arrivals.read();
    source.lost(read.losses);
    if (read.records.length > 0) {
      limits.pace?.spent(bytesOf(read.records));
      await this.#deliver(read);
    } else if (read.seq > cursor.seq && read.cumItems !== undefined) {
      const { seq, cumItems } = read;
      await cursor.during(async () => (cursor.seq < seq ? cursor.advance({ seq, cumItems }) : undefined));
    } else if (throughSeq === cursor.readableSeq) {
      // Damage right before what is not for this output: that bounds it.
      await cursor.during(() => cursor.pass());
    } else {
      // The end of the log is damaged, and nothing behind it bounds the loss yet.
      this.#endDraining();
      await this.#arrivals.behind(throughSeq);
    }
  }

  /** Back to where the cursor is: records were read that were not delivered. */
  async #toCursor(): Promise<void> {
    const { tail, cursor } = this.#options;
    await tail.seek(cursor.seq, cursor.cumItems);
    this.#arrivals.read();
  }

  async #deliver({ records }: TailRead): Promise<void> {
    const end = this.#options.limits.concurrency === 1 ? await this.#inTurn(records) : await this.#together(records);
    if (end === 'left') {
      await this.#toCursor();
    } else {
      this.#activity.report('idle');
    }
  }

  /** One request, in halves where the far side asks for that; the cursor moves with each answer. */
  async #inTurn(records: readonly QueueRecord[]): Promise<'done' | 'left'> {
    const groups = [records];
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      const asked = group;
      const end = await this.#untilAnswered(asked, async () => {
        const answer = await this.#asking.ask(asked);
        if (answer === 'split' || answer.status === 'retry') {
          return answer;
        }
        await this.#advance(asked, answer.outcome);
        return 'done';
      });
      if (end === 'left') {
        return 'left';
      }
      if (end === 'split') {
        groups.unshift(...halves(asked));
      }
    }
    return 'done';
  }

  /** Several requests; the cursor moves when all of them have their final answers. */
  async #together(records: readonly QueueRecord[]): Promise<'done' | 'left'> {
    const { orderKey, limits } = this.#options;
    const strands = strandsOf(records, orderKey, { ...limits, strands: limits.concurrency });
    return this.#untilAnswered<'done' | 'left'>(records, async (failures) => {
      const answers = failures === 0 ? await this.#runAll(strands) : await this.#probe(strands);
      const retries = answers.filter((answer) => answer !== undefined);
      const [first] = retries;
      if (first !== undefined) {
        return { ...first, afterMs: Math.max(...retries.map(({ afterMs }) => afterMs ?? 0)) };
      }
      if (!strands.every(({ isDone }) => isDone)) {
        return 'left';
      }
      await this.#advance(records, strands.map(({ outcome }) => outcome).reduce(both, nothing));
      return 'done';
    });
  }

  #runAll(strands: readonly Strand[]): Promise<readonly (Retry | undefined)[]> {
    return Promise.all(
      strands.map((strand) =>
        strand.run(
          (group) => this.#asking.ask(group),
          () => this.#isStopping,
        ),
      ),
    );
  }

  /** After a failure one request goes alone; the others follow when that was answered. */
  async #probe(strands: readonly Strand[]): Promise<readonly (Retry | undefined)[]> {
    let hasAsked = false;
    const ask = (group: readonly QueueRecord[]): Promise<Answered> => {
      hasAsked = true;
      return this.#asking.ask(group);
    };
    const first = await strands.find(({ isDone }) => !isDone)?.run(ask, () => hasAsked || this.#isStopping);
    return first === undefined ? await this.#runAll(strands) : [first];
  }

  /** Tries until there is a final answer. `left`: it is stopping, or the lane gave up some of these records meanwhile. */
  async #untilAnswered<T extends string>(
    records: readonly QueueRecord[],
    once: (failures: number) => Promise<T | Retry>,
  ): Promise<T | 'left'> {
    const { cursor, clock, log, random } = this.#options;
    const firstSeq = records[0]?.seq ?? 0;
    for (let failures = 1; !this.#isStopping && cursor.seq < firstSeq; failures += 1) {
      const answer = await cursor.during(() => once(failures - 1));
      if (typeof answer === 'string') {
        if (failures > 1) {
          log.info({ output: cursor.output }, 'An output takes data again.');
        }
        return answer;
      }
      const waitMs = backOffMs(failures, answer.afterMs, random);
      this.#activity.report('retrying', answer.reason, clock.now() + waitMs);
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

  async #advance(records: readonly QueueRecord[], outcome: Outcome): Promise<void> {
    const last = records.at(-1);
    if (last !== undefined) {
      await this.#options.cursor.advance({ seq: last.seq, cumItems: last.cumItems, ...outcome });
    }
  }

  #endDraining(): void {
    if (this.#isDraining) {
      this.#stopping.abort(new Error('drained as far as it goes'));
    }
  }

  /** Waits, but not past the stop. */
  async #pause(ms: number): Promise<void> {
    this.#endDraining();
    this.#isPausing = true;
    await this.#options.clock.sleep(ms, this.#stopping.signal).catch(() => undefined);
    this.#isPausing = false;
  }
}

function bytesOf(records: readonly QueueRecord[]): number {
  return records.reduce((sum, { payload }) => sum + payload.length, 0);
}
