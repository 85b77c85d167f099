import { z } from 'zod';
import type { Clock, Logger } from '../contract/runtime.ts';
import { type ApiClient, ApiRefusal } from './api-client.ts';
import { type Pod, podOf } from './pod.ts';
import { versionOf, watchEvents } from './watch-events.ts';

/** Told of every change. Must not throw. */
export interface PodListener {
  put(pod: Pod): void;
  remove(uid: string): void;
  /** Told after each attempt, whether or not it is another state. */
  state?(state: PodWatchStatus['state']): void;
}

export interface PodWatchOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Only pods bound to it are asked for. */
  readonly node: string;
  readonly listener: PodListener;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
}

/** What the page shows. Times are ms since 1970. */
export interface PodWatchStatus {
  readonly state: 'starting' | 'watching' | 'retrying' | 'forbidden';
  readonly node: string;
  readonly pods: number;
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
const forbiddenMs = 60_000;
/** A watch that ends sooner, with nothing to say, counts as a failure. */
const shortWatchMs = 1_000;

const listSchema = z.object({ items: z.array(z.unknown()).nullable() });

/**
 * Keeps the pods of one node as the API server has them: a list, then a watch with bookmarks from there on, for ever. While
 * the server is away the last known pods stay. Guards: silence is death (a hung connection looks like a quiet one), 410 is
 * a new list and a comparison by uid, 429 and 5xx wait as told or with jitter, 403 is said by name and asked again each
 * minute.
 */
export class PodWatch {
  readonly #options: PodWatchOptions;
  readonly #pods = new Map<string, Pod>();
  #version: string | undefined;
  #relistAtMs = 0;
  #failures = 0;
  #status: PodWatchStatus;

  constructor(options: PodWatchOptions) {
    this.#options = options;
    this.#status = { state: 'starting', node: options.node, pods: 0, lists: 0, watches: 0 };
  }

  status(): PodWatchStatus {
    return { ...this.#status, pods: this.#pods.size };
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
    // From the server's cache: cheap for it, and the watch goes on from where that stood.
    const answer = await client.get(this.#path({ resourceVersion: '0' }), signal);
    const items = listSchema.parse(answer).items ?? [];
    const version = versionOf(answer);
    const pods = items.map(podOf).filter((pod) => pod !== undefined);
    const here = new Set(pods.map(({ uid }) => uid));
    for (const uid of [...this.#pods.keys()]) {
      if (!here.has(uid)) {
        this.#remove(uid);
      }
    }
    for (const pod of pods) {
      this.#put(pod);
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
      const chunks = await client.stream(path, both);
      this.#watching();
      const onBytes = (): void => {
        seenMs = clock.now();
      };
      for await (const { type, object, resourceVersion } of watchEvents(chunks, onBytes)) {
        events++;
        this.#failures = 0;
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
    const pod = type === 'BOOKMARK' ? undefined : podOf(object);
    if (pod === undefined) {
      return;
    }
    if (type === 'DELETED') {
      this.#remove(pod.uid);
    } else {
      this.#put(pod);
    }
  }

  #put(pod: Pod): void {
    this.#pods.set(pod.uid, pod);
    this.#options.listener.put(pod);
  }

  #remove(uid: string): void {
    if (this.#pods.delete(uid)) {
      this.#options.listener.remove(uid);
    }
  }

  #watching(): void {
    const { state, error: _, hint: __, ...rest } = this.#status;
    if (state === 'retrying' || state === 'forbidden') {
      this.#options.log.info({ node: rest.node }, 'The pods of this node are watched again.');
    }
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
    }
    const state = refusal?.status === 403 ? 'forbidden' : 'retrying';
    const described = describe(error);
    if (this.#status.state !== state && refusal?.status !== 410) {
      this.#options.log.warn(
        { node: this.#options.node, ...described },
        'The pods of this node cannot be watched; what is known of them stays.',
      );
    }
    const { hint: _, ...before } = this.#status;
    this.#status = { ...before, state, ...described };
    this.#options.listener.state?.(state);
    const waitMs = this.#backOff();
    return state === 'forbidden' ? forbiddenMs : Math.max(waitMs, refusal?.retryAfterMs ?? 0);
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
    const all = new URLSearchParams({ fieldSelector: `spec.nodeName=${this.#options.node}`, ...query });
    return `/api/v1/pods?${all}`;
  }
}

function describe(error: unknown): { readonly error: string; readonly hint?: string } {
  if (error instanceof ApiRefusal) {
    const text = `HTTP ${error.status}: ${error.message}`;
    return error.status === 403
      ? { error: text, hint: 'grant get, list and watch of pods to the service account (ClusterRole)' }
      : { error: text };
  }
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const text = typeof message === 'string' && message !== '' ? message : String(code ?? error);
  return code === 'ENOENT'
    ? { error: text, hint: 'mount the service account: automountServiceAccountToken: true' }
    : { error: text };
}
