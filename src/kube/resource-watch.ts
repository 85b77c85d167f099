import { z } from 'zod';
import type { Clock, Logger } from '../contract/runtime.ts';
import { type ApiClient, ApiRefusal } from './api-client.ts';
import { describeFailure, type MissingRight, missingRight, type Right } from './right.ts';
import { versionOf, watchEvents } from './watch-events.ts';

/** What every object of Kubernetes that is watched has. */
export interface Identified {
  readonly uid: string;
}

/** Told of every change. Must not throw. */
export interface ResourceListener<T extends Identified> {
  put(object: T): void;
  remove(uid: string): void;
  /** Told after each attempt, whether or not it is another state. */
  state?(state: WatchState): void;
}

export type WatchState = 'starting' | 'watching' | 'retrying' | 'forbidden';

export interface ResourceWatchOptions<T extends Identified> {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Such as `/api/v1/pods`. */
  readonly path: string;
  /** `fieldSelector` or `labelSelector`: what is asked for. */
  readonly selector: Readonly<Record<string, string>>;
  /** For messages, with "The" before it: `pods of this node`. */
  readonly what: string;
  /** `list` and `watch`. */
  readonly right: Right;
  /** Undefined where the object is none of them. */
  readonly parse: (object: unknown) => T | undefined;
  readonly listener: ResourceListener<T>;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
}

/** What the page shows. Times are ms since 1970. */
export interface WatchStatus {
  readonly state: WatchState;
  readonly objects: number;
  readonly lists: number;
  readonly watches: number;
  readonly lastEventMs?: number;
  readonly error?: string;
  readonly hint?: string;
}

/** Bookmarks come about once a minute, so a watch that brings nothing for longer is dead. */
const silenceMs = 80_000;
/** The server ends a watch after this long at the latest; with jitter, so that not all nodes come back at once. */
const watchSeconds = { least: 300, most: 600 };
/** A list now and then finds what no watch said. */
const relistMs = { least: 600_000, most: 900_000 };
const backOffMs = { first: 500, most: 8_000 };
/** Soon at first: a server that has just started refuses what it has not read the rules of yet. */
const forbiddenMs = { first: 1_000, most: 60_000 };
/** A watch that ends sooner, with nothing to say, counts as a failure. */
const shortWatchMs = 1_000;

const listSchema = z.object({ items: z.array(z.unknown()).nullable() });

/**
 * Keeps some objects as the API server has them: a list, then a watch with bookmarks from there on, for ever. While the
 * server is away the last known ones stay. Guards: silence is death (a hung connection looks like a quiet one), 410 is
 * a new list and a comparison by uid, 429 and 5xx wait as told or with jitter, 403 is said by name and asked again,
 * soon at first and then each minute.
 */
export class ResourceWatch<T extends Identified> {
  readonly #options: ResourceWatchOptions<T>;
  readonly #known = new Map<string, T>();
  #version: string | undefined;
  #relistAtMs = 0;
  #failures = 0;
  /** In a row. */
  #refusals = { expired: 0, forbidden: 0 };
  #status: WatchStatus = { state: 'starting', objects: 0, lists: 0, watches: 0 };
  #verb = 'list';
  #missing: MissingRight | undefined;

  constructor(options: ResourceWatchOptions<T>) {
    this.#options = options;
  }

  status(): WatchStatus {
    return { ...this.#status, objects: this.#known.size };
  }

  /** The right that it waits for. */
  missing(): MissingRight | undefined {
    return this.#missing;
  }

  /** Runs until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#round(signal).catch((error: unknown) => this.#failed(error, signal));
      if (waitMs > 0 && !signal.aborted) {
        await this.#options.clock.sleep(waitMs, signal).catch(() => undefined);
      }
    }
  }

  /** One watch, with a list before it where that is due. Resolves with the ms to wait before the next. */
  async #round(signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    if (this.#version === undefined || clock.now() >= this.#relistAtMs) {
      await this.#list(signal);
    }
    const fromMs = clock.now();
    const events = await this.#watch(signal);
    if (events > 0 || clock.now() - fromMs >= shortWatchMs) {
      this.#failures = 0;
      return 0;
    }
    return this.#backOff();
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    this.#verb = 'list';
    // From the server's cache: cheap for it, and the watch goes on from where that stood.
    const answer = await client.get(this.#path({ resourceVersion: '0' }), signal);
    const items = listSchema.parse(answer).items ?? [];
    const version = versionOf(answer);
    const found = items.map((item) => this.#options.parse(item)).filter((object) => object !== undefined);
    const here = new Set(found.map(({ uid }) => uid));
    for (const uid of [...this.#known.keys()]) {
      if (!here.has(uid)) {
        this.#remove(uid);
      }
    }
    for (const object of found) {
      this.#put(object);
    }
    this.#version = version;
    this.#relistAtMs = clock.now() + this.#between(relistMs);
    this.#status = { ...this.#status, lists: this.#status.lists + 1 };
  }

  /** Resolves with the number of events once the server ended it. */
  async #watch(signal: AbortSignal): Promise<number> {
    const { client, clock } = this.#options;
    const dead = new AbortController();
    const both = AbortSignal.any([signal, dead.signal]);
    let seenMs = clock.now();
    let events = 0;
    const guard = this.#guard(() => seenMs, dead, signal);
    try {
      const path = this.#path({
        watch: '1',
        allowWatchBookmarks: 'true',
        resourceVersion: this.#version ?? '',
        timeoutSeconds: String(Math.round(this.#between(watchSeconds))),
      });
      this.#verb = 'watch';
      const chunks = await client.stream(path, both);
      this.#watching();
      const onBytes = (): void => {
        seenMs = clock.now();
      };
      for await (const { type, object, resourceVersion } of watchEvents(chunks, onBytes)) {
        events++;
        this.#failures = 0;
        this.#refusals = { expired: 0, forbidden: 0 };
        this.#take(type, object);
        this.#version = resourceVersion;
        this.#status = { ...this.#status, lastEventMs: clock.now() };
      }
      return events;
    } finally {
      dead.abort();
      await guard;
    }
  }

  async #guard(seenMs: () => number, dead: AbortController, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const end = AbortSignal.any([signal, dead.signal]);
    while (!end.aborted) {
      const leftMs = seenMs() + silenceMs - clock.now();
      if (leftMs <= 0) {
        dead.abort(new Error(`the watch was silent for ${silenceMs / 1000} s`));
        return;
      }
      await clock.sleep(leftMs, end).catch(() => undefined);
    }
  }

  #take(type: string, object: unknown): void {
    const parsed = type === 'BOOKMARK' ? undefined : this.#options.parse(object);
    if (parsed === undefined) {
      return;
    }
    if (type === 'DELETED') {
      this.#remove(parsed.uid);
    } else {
      this.#put(parsed);
    }
  }

  #put(object: T): void {
    this.#known.set(object.uid, object);
    this.#options.listener.put(object);
  }

  #remove(uid: string): void {
    if (this.#known.delete(uid)) {
      this.#options.listener.remove(uid);
    }
  }

  #watching(): void {
    const { state, error: _, hint: __, ...rest } = this.#status;
    if (state === 'retrying' || state === 'forbidden') {
      this.#options.log.info({ what: this.#options.what }, 'They are watched again.');
    }
    this.#missing = undefined;
    this.#refusals.forbidden = 0;
    this.#status = { ...rest, state: 'watching', watches: rest.watches + 1 };
    this.#options.listener.state?.('watching');
  }

  /** How long to wait. */
  #failed(error: unknown, signal: AbortSignal): number {
    if (signal.aborted) {
      return 0;
    }
    const refusal = error instanceof ApiRefusal ? error : undefined;
    if (refusal?.status === 410) {
      this.#version = undefined;
      // The server is there: what went wrong before it was does not count.
      this.#failures = this.#refusals.expired++;
    }
    const state = refusal?.status === 403 ? 'forbidden' : 'retrying';
    const { right, what, log } = this.#options;
    const described = describeFailure(error, right);
    this.#missing = missingRight(error, right, this.#verb);
    if (this.#status.state !== state && refusal?.status !== 410) {
      log.warn({ what, ...described }, 'They cannot be watched; what is known of them stays.');
    }
    const { hint: _, ...before } = this.#status;
    this.#status = { ...before, state, ...described };
    this.#options.listener.state?.(state);
    const waitMs = this.#backOff();
    return state === 'forbidden' ? this.#forbiddenMs() : Math.max(waitMs, refusal?.retryAfterMs ?? 0);
  }

  #forbiddenMs(): number {
    const waitMs = Math.min(forbiddenMs.most, forbiddenMs.first * 2 ** this.#refusals.forbidden);
    this.#refusals.forbidden = Math.min(this.#refusals.forbidden + 1, 30);
    return waitMs;
  }

  #backOff(): number {
    const most = Math.min(backOffMs.most, backOffMs.first * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return most * (0.5 + this.#options.random() / 2);
  }

  #between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + (most - least) * this.#options.random();
  }

  #path(query: Readonly<Record<string, string>>): string {
    return `${this.#options.path}?${new URLSearchParams({ ...this.#options.selector, ...query })}`;
  }
}
