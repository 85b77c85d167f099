import type { Clock } from '../../contract/runtime.ts';
import type { LaneLoss } from '../../contract/status.ts';
import { LaneTail } from '../../record/tail.ts';
import type { EmbeddedStore } from './embedded-store.ts';
import type { Follow, Stored } from './messages.ts';

/** Taken in at once; questions have their turn in between. */
const chunkItems = 1024;
const chunkBytes = 4 * 1024 * 1024;
/** Commits are this far apart, unless this much waits. */
const commitGapMs = 200;
const commitBytes = 4 * 1024 * 1024;
/** Few spans wait this long for others to share a block with. */
const fewSpans = 256;
const fewSpansMs = 500;
const lookAgainMs = 200;

export interface FollowerEvents {
  stored(stored: Stored): void;
  lost(losses: readonly LaneLoss[]): void;
}

/** Reads one lane behind its durable watermark and commits what it finds to the store. */
export class LaneFollower {
  readonly #store: EmbeddedStore;
  readonly #follow: Follow;
  readonly #events: FollowerEvents;
  readonly #clock: Clock;
  readonly #tail: LaneTail;
  readonly #stop = new AbortController();
  #durableSeq: number;
  #wake = Promise.withResolvers<void>();
  #waitingSinceMs: number | undefined;
  #waitingItems = 0;
  #committedMs = Number.NEGATIVE_INFINITY;
  #cumItems: number | undefined;
  /** What is durable could not be read just now. */
  #stuck = false;

  constructor(store: EmbeddedStore, follow: Follow, events: FollowerEvents, clock: Clock) {
    this.#store = store;
    this.#follow = follow;
    this.#events = events;
    this.#clock = clock;
    this.#durableSeq = follow.afterSeq;
    const { dir, signal, afterSeq, afterCumItems } = follow;
    this.#tail = new LaneTail({ dir, signal, afterSeq, ...(afterCumItems === undefined ? {} : { afterCumItems }) });
  }

  /** The lane is durable up to that record. */
  durable(seq: number): void {
    if (seq > this.#durableSeq) {
      this.#durableSeq = seq;
      this.#wake.resolve();
    }
  }

  /** Until `stop`; rejects when the store cannot go on. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (this.#tail.seq < this.#durableSeq) {
        const work = this.#takeChunk();
        this.#store.ingesting(work);
        await work;
      }
      if (this.#commitInMs() <= 0) {
        await this.#commit();
      }
      if (this.#stuck || this.#tail.seq >= this.#durableSeq) {
        await this.#rest();
      }
    }
    await this.#commit();
    await this.#tail.close();
  }

  stop(): void {
    this.#stop.abort();
    this.#wake.resolve();
  }

  async #takeChunk(): Promise<void> {
    const before = this.#tail.seq;
    const read = await this.#tail.read({
      throughSeq: this.#durableSeq,
      maxItems: chunkItems,
      maxBytes: chunkBytes,
    });
    if (read.losses.length > 0) {
      this.#events.lost(read.losses);
    }
    this.#stuck = read.seq === before;
    if (this.#stuck) {
      return;
    }
    this.#store.append(this.#follow.queueId, read.records);
    this.#cumItems = read.cumItems;
    this.#waitingItems += read.items;
    this.#waitingSinceMs ??= this.#clock.now();
  }

  /** How long what waits may still wait; infinity when nothing does. */
  #commitInMs(): number {
    if (this.#waitingSinceMs === undefined) {
      return Number.POSITIVE_INFINITY;
    }
    const { spans, bytes } = this.#store.waiting;
    if (bytes >= commitBytes) {
      return 0;
    }
    const now = this.#clock.now();
    const gapMs = this.#committedMs + commitGapMs - now;
    return spans >= fewSpans ? gapMs : Math.max(gapMs, this.#waitingSinceMs + fewSpansMs - now);
  }

  async #commit(): Promise<void> {
    if (this.#waitingSinceMs === undefined) {
      return;
    }
    const seq = this.#tail.seq;
    const items = this.#waitingItems;
    this.#waitingItems = 0;
    this.#waitingSinceMs = undefined;
    await this.#store.flush();
    this.#committedMs = this.#clock.now();
    const { signal, queueId } = this.#follow;
    this.#events.stored({ signal, queueId, seq, cumItems: this.#cumItems, items });
  }

  /** Until there is more to read, or what waits is due. */
  async #rest(): Promise<void> {
    const inMs = Math.min(this.#commitInMs(), this.#stuck ? lookAgainMs : Number.POSITIVE_INFINITY);
    const woken = this.#wake.promise;
    if (inMs === Number.POSITIVE_INFINITY) {
      await woken;
    } else if (inMs > 0) {
      const timer = new AbortController();
      const slept = this.#clock.sleep(inMs, timer.signal).catch(() => undefined);
      await Promise.race([slept, woken]);
      timer.abort();
    }
    this.#wake = Promise.withResolvers<void>();
  }
}
