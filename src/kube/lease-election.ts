import type { Clock, Logger } from '../contract/runtime.ts';
import { type ApiClient, ApiRefusal } from './api-client.ts';
import type { Lease } from './lease.ts';
import { FailedVerb, LeaseRequests } from './lease-requests.ts';
import { describeFailure, type MissingRight, missingRight, type Right } from './right.ts';

export interface LeaseListener {
  /** It is ours from now on. Must not throw. */
  gained(): void;
  /** It is no longer: whatever only its holder does must have ended when it resolves, and begins to end at once. */
  lost(): Promise<void>;
  /** Told after each attempt, whether or not it is another state. */
  state(state: LeaseState): void;
}

export type LeaseState = 'starting' | 'holder' | 'candidate' | 'retrying' | 'forbidden';

export interface LeaseElectionOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** ms of a clock that nobody sets. */
  readonly monotonicMs: () => number;
  readonly log: Logger;
  readonly namespace: string;
  readonly name: string;
  /** Of this process, and of no other. */
  readonly identity: string;
  readonly right: Right;
  readonly listener: LeaseListener;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
  /** Longest time for one request. Default: 3 s, so that a holder has a second try before it must stop. */
  readonly requestMs?: number;
}

/** What the page shows. */
export interface LeaseStatus {
  readonly state: LeaseState;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  /** Who has it, as far as is known. */
  readonly holder?: string;
  readonly transitions?: number;
  readonly error?: string;
  readonly hint?: string;
}

/** A holder that could not renew for so long stops, before anyone else may begin. */
const renewDeadlineMs = 7_000;
const retryMs = 2_000;
const usualRequestMs = 3_000;
/** Soon at first: a server that has just started refuses what it has not read the rules of yet. */
const forbiddenMs = { first: 1_000, most: 60_000 };

/**
 * One of all agents that share a Lease holds it (client-go, tools/leaderelection). Whether it ran out is judged by how long
 * the record was not seen to change on our own clock, never by the times in it; of two that take it at once the API server
 * lets one through, by the version of the record.
 */
export class LeaseElection {
  readonly #options: LeaseElectionOptions;
  readonly #requests: LeaseRequests;
  #seen: { readonly lease: Lease; readonly atMs: number } | undefined;
  /** When the last renewal that succeeded was sent; undefined while it is not ours. */
  #renewedMs: number | undefined;
  #failures = 0;
  /** In a row. */
  #refusals = 0;
  #guard: AbortController | undefined;
  #status: LeaseStatus;
  #missing: MissingRight | undefined;
  #losing: Promise<void> = Promise.resolve();

  constructor(options: LeaseElectionOptions) {
    this.#options = options;
    const { namespace, name, identity, requestMs = usualRequestMs } = options;
    this.#requests = new LeaseRequests({ ...options, requestMs });
    this.#status = { state: 'starting', namespace, name, identity };
  }

  status(): LeaseStatus {
    return this.#status;
  }

  missing(): MissingRight | undefined {
    return this.#missing;
  }

  /** Whether it is ours now. True for less than the lease lasts, also where the process was stopped in between. */
  get holds(): boolean {
    return this.#renewedMs !== undefined && this.#options.monotonicMs() - this.#renewedMs < renewDeadlineMs;
  }

  get #isOurs(): boolean {
    return this.#renewedMs !== undefined;
  }

  /** Runs until the signal is aborted, and gives the lease back. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#round(signal).catch((error: unknown) => this.#failed(error, signal));
      if (waitMs > 0 && !signal.aborted) {
        await this.#options.clock.sleep(waitMs, signal).catch(() => undefined);
      }
    }
    await this.#release();
  }

  /** Resolves with the ms to wait before the next. */
  async #round(signal: AbortSignal): Promise<number> {
    if (this.#isOurs && this.#seen !== undefined) {
      return this.#renew(this.#seen.lease, signal);
    }
    const lease = await this.#read(signal);
    if (lease === undefined) {
      const sentMs = this.#options.monotonicMs();
      this.#have(await this.#requests.create(signal), sentMs);
      return retryMs;
    }
    const leftMs = this.#leftMs(lease);
    if (leftMs <= 0) {
      return this.#renew(lease, signal);
    }
    this.#wait(lease);
    const { random } = this.#options;
    return Math.min(retryMs * (1 + 0.2 * random()), leftMs + retryMs * 0.2 * random());
  }

  /** How long others must still leave it to its holder. */
  #leftMs(lease: Lease): number {
    const { identity, monotonicMs } = this.#options;
    const seenMs = this.#seen?.atMs ?? monotonicMs();
    return lease.holder === '' || lease.holder === identity ? 0 : seenMs + lease.durationMs - monotonicMs();
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const lease = await this.#requests.read('cached', signal);
    if (lease !== undefined && this.#seen?.lease.resourceVersion !== lease.resourceVersion) {
      this.#seen = { lease, atMs: this.#options.monotonicMs() };
    }
    return lease;
  }

  /** Takes it, or keeps it. Resolves with the ms to wait before the next round. */
  async #renew(lease: Lease, signal: AbortSignal): Promise<number> {
    const sentMs = this.#options.monotonicMs();
    const taken = await this.#requests.take(lease, signal);
    if (taken !== undefined) {
      this.#have(taken, sentMs);
      return retryMs;
    }
    await this.#overtaken(signal);
    // What stands there is our own write, whose answer was lost: it only has to be renewed.
    return this.#isOurs ? 0 : retryMs * this.#options.random();
  }

  /** Somebody else wrote it, or removed it: what stands there now says whether we still have it. */
  async #overtaken(signal: AbortSignal): Promise<void> {
    const lease = await this.#requests.read('newest', signal);
    this.#seen = lease === undefined ? undefined : { lease, atMs: this.#options.monotonicMs() };
    if (lease?.holder !== this.#options.identity) {
      await this.#lose('another agent has it, or it was removed');
    }
    if (lease !== undefined && !this.#isOurs) {
      this.#wait(lease);
    }
  }

  #have(lease: Lease, sentMs: number): void {
    const { log, listener, name, monotonicMs } = this.#options;
    if (monotonicMs() - sentMs >= renewDeadlineMs) {
      // The answer took longer than the lease is good for; the next round asks again.
      return;
    }
    const before = this.#isOurs;
    this.#seen = { lease, atMs: monotonicMs() };
    this.#renewedMs = sentMs;
    this.#answered('holder', lease);
    if (!before) {
      log.info({ lease: name }, 'This agent scrapes what is scraped once per cluster.');
      void this.#watchDeadline();
      listener.gained();
    }
    listener.state('holder');
  }

  #wait(lease: Lease): void {
    this.#answered('candidate', lease);
    this.#options.listener.state('candidate');
  }

  #answered(state: LeaseState, { holder, transitions }: Lease): void {
    const { error: _, hint: __, ...rest } = this.#status;
    this.#failures = 0;
    this.#refusals = 0;
    this.#missing = undefined;
    this.#status = { ...rest, state, holder, transitions };
  }

  /** A holder stops in time even while a request of it hangs. */
  async #watchDeadline(): Promise<void> {
    const { clock, monotonicMs } = this.#options;
    const guard = new AbortController();
    this.#guard = guard;
    while (!guard.signal.aborted && this.#renewedMs !== undefined) {
      const leftMs = this.#renewedMs + renewDeadlineMs - monotonicMs();
      if (leftMs <= 0) {
        await this.#lose('it could not be renewed in time');
        return;
      }
      await clock.sleep(leftMs, guard.signal).catch(() => undefined);
    }
  }

  #lose(why: string): Promise<void> {
    if (this.#isOurs) {
      this.#renewedMs = undefined;
      this.#guard?.abort();
      this.#status = { ...this.#status, state: 'candidate' };
      this.#options.log.info({ lease: this.#options.name, why }, 'This agent no longer scrapes for the whole cluster.');
      this.#losing = this.#options.listener.lost();
    }
    return this.#losing;
  }

  /** How long to wait. */
  #failed(error: unknown, signal: AbortSignal): number {
    if (signal.aborted) {
      return 0;
    }
    const { cause, verb } = error instanceof FailedVerb ? error : { cause: error, verb: 'get' };
    const { right, log, listener, random } = this.#options;
    const refusal = cause instanceof ApiRefusal ? cause : undefined;
    const described = describeFailure(cause, right);
    if (refusal?.status === 409) {
      // Another one was first.
      return retryMs * random();
    }
    const state = refusal?.status === 403 ? 'forbidden' : 'retrying';
    if (this.#status.error === undefined) {
      log.warn({ verb, ...described }, 'The lease cannot be asked for.');
    }
    this.#missing = missingRight(cause, right, verb);
    const { hint: _, ...before } = this.#status;
    this.#status = { ...before, ...described, ...(!this.#isOurs && { state }) };
    if (!this.#isOurs) {
      listener.state(state);
    }
    if (state === 'forbidden' && !this.#isOurs) {
      return Math.min(forbiddenMs.most, forbiddenMs.first * 2 ** Math.min(this.#refusals++, 10));
    }
    this.#failures++;
    const backOffMs = this.#isOurs ? retryMs / 2 : Math.min(8_000, retryMs * 2 ** Math.min(this.#failures - 1, 4));
    return Math.max(backOffMs * (0.5 + random() / 2), refusal?.retryAfterMs ?? 0);
  }

  /** So that another one need not wait until it runs out. */
  async #release(): Promise<void> {
    const before = this.#isOurs;
    await this.#lose('it is stopping');
    const lease = this.#seen?.lease;
    if (before && lease !== undefined) {
      await this.#requests.release(lease);
    }
  }
}
