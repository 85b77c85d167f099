import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../contract/runtime.ts';
import type { LaneLoss } from '../../contract/status.ts';
import { LaneTail } from '../../record/tail.ts';
import type { FollowLane, Stored } from './messages.ts';
import type { SignalStore } from './signal-store.ts';
import { Watermark } from './watermark.ts';

/** Taken in at once; questions have their turn in between. */
const chunkItems = 1024;
const chunkBytes = 4 * 1024 * 1024;
/** While records come, the lane is read this often: a read of few records costs nearly what one of many does. */
const readGapMs = 100;
/** Commits are this far apart, unless this much waits. */
const commitGapMs = 200;
const commitBytes = 4 * 1024 * 1024;
/** Few items wait this long for others to share a block with. */
const fewItems = 256;
const fewItemsMs = 500;

/** A commit needs what waits and the index of it; while there is not that much room, the lane keeps what waits. */
const roomFactor = 2;
const roomBytes = 4 * 1024 * 1024;
const roomCheckMs = 1000;

export interface FollowerEvents {
  stored(stored: Stored): void;
  lost(losses: readonly LaneLoss[]): void;
  /** What was read waits in the lane until so many bytes are free, however long that takes; `stored` ends it. */
  waitsForRoom(wantedBytes: number): void;
  /** Work that goes before questions. */
  ingesting(work: Promise<void>): void;
}

export interface FollowerOptions {
  readonly part: SignalStore;
  readonly follow: FollowLane;
  readonly events: FollowerEvents;
  readonly clock: Clock;
  /** Of the file system that the store is on. */
  freeBytes(): number;
}

/** Reads one lane behind its durable watermark and commits what it finds to its part of the store. */
export class LaneFollower {
  readonly #part: SignalStore;
  readonly #follow: FollowLane;
  readonly #events: FollowerEvents;
  readonly #clock: Clock;
  readonly #freeBytes: () => number;
  readonly #tail: LaneTail;
  readonly #watermark: Watermark;
  readonly #stop = new AbortController();
  #wake = Promise.withResolvers<void>();
  #waitingSinceMs: number | undefined;
  #waitingItems = 0;
  #routedAway = 0;
  #readMs = Number.NEGATIVE_INFINITY;
  #committedMs = Number.NEGATIVE_INFINITY;
  #cumItems: number | undefined;

  constructor({ part, follow, events, clock, freeBytes }: FollowerOptions) {
    this.#freeBytes = freeBytes;
    this.#part = part;
    this.#follow = follow;
    this.#events = events;
    this.#clock = clock;
    this.#watermark = new Watermark(follow.watermark);
    const { dir, signal, afterSeq, afterCumItems } = follow;
    this.#tail = new LaneTail({ dir, signal, afterSeq, ...(afterCumItems === undefined ? {} : { afterCumItems }) });
  }

  /** The watermark was raised while it rested. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Until `stop`; rejects when the store cannot go on. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (this.#readInMs() <= 0) {
        await this.#readAll();
      }
      if (this.#commitInMs() <= 0) {
        await this.#commit();
      }
      await this.#rest();
    }
    await this.#commit();
    await this.#tail.close();
  }

  stop(): void {
    this.#stop.abort();
    this.#wake.resolve();
  }

  /** All that is durable, in chunks, with the commits that fall due on the way. */
  async #readAll(): Promise<void> {
    this.#readMs = this.#clock.now();
    let moved = true;
    while (moved && this.#tail.seq < this.#watermark.seq && !this.#stop.signal.aborted) {
      const before = this.#tail.seq;
      const work = this.#takeChunk();
      this.#events.ingesting(work);
      await work;
      // What is durable but cannot be read just now is looked at again after a while.
      moved = this.#tail.seq > before;
      if (this.#commitInMs() <= 0) {
        await this.#commit();
      }
      await nextTurn();
    }
  }

  async #takeChunk(): Promise<void> {
    const before = this.#tail.seq;
    const limits = { throughSeq: this.#watermark.seq, maxItems: chunkItems, maxBytes: chunkBytes };
    const read = await this.#tail.read(limits);
    if (read.losses.length > 0) {
      this.#events.lost(read.losses);
    }
    if (read.seq === before) {
      return;
    }
    const records = read.records.filter(({ only }) => only === undefined);
    const items = records.reduce((sum, record) => sum + record.items, 0);
    this.#part.append(this.#follow.queueId, records);
    this.#cumItems = read.cumItems;
    this.#waitingItems += items;
    this.#routedAway += read.items - items;
    this.#waitingSinceMs ??= this.#clock.now();
  }

  /** How long until the lane should be read; infinity when nothing is to be read. */
  #readInMs(): number {
    return this.#tail.seq < this.#watermark.seq
      ? this.#readMs + readGapMs - this.#clock.now()
      : Number.POSITIVE_INFINITY;
  }

  /** How long what waits may still wait; infinity when nothing does. */
  #commitInMs(): number {
    if (this.#waitingSinceMs === undefined) {
      return Number.POSITIVE_INFINITY;
    }
    const { items, bytes } = this.#part.waiting;
    if (bytes >= commitBytes) {
      return 0;
    }
    const now = this.#clock.now();
    const gapMs = this.#committedMs + commitGapMs - now;
    return items >= fewItems ? gapMs : Math.max(gapMs, this.#waitingSinceMs + fewItemsMs - now);
  }

  async #commit(): Promise<void> {
    if (this.#waitingSinceMs === undefined || !(await this.#room())) {
      return;
    }
    const seq = this.#tail.seq;
    const items = this.#waitingItems;
    const routedAway = this.#routedAway;
    this.#waitingItems = 0;
    this.#routedAway = 0;
    this.#waitingSinceMs = undefined;
    await this.#part.flush();
    this.#committedMs = this.#clock.now();
    const { signal, queueId } = this.#follow;
    this.#events.stored({ signal, queueId, seq, cumItems: this.#cumItems, items, routedAway });
  }

  /** Resolves with true once a commit fits, with false when it was told to stop before. */
  async #room(): Promise<boolean> {
    const wantedBytes = roomBytes + roomFactor * this.#part.waiting.bytes;
    if (this.#freeBytes() < wantedBytes) {
      this.#events.waitsForRoom(wantedBytes);
    }
    for (let free = this.#freeBytes(); free < wantedBytes; free = this.#freeBytes()) {
      await this.#clock.sleep(roomCheckMs, this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) {
        return this.#freeBytes() >= wantedBytes;
      }
    }
    return true;
  }

  /** Until something is due, or the watermark is raised. */
  async #rest(): Promise<void> {
    const inMs = this.#waitingSinceMs === undefined ? this.#readInMs() : Math.min(this.#commitInMs(), readGapMs);
    if (inMs < Number.POSITIVE_INFINITY) {
      // No message wakes it here: what comes meanwhile is read together.
      await this.#clock.sleep(Math.max(0, inMs), this.#stop.signal).catch(() => undefined);
      return;
    }
    this.#wake = Promise.withResolvers<void>();
    this.#watermark.rest();
    if (this.#tail.seq >= this.#watermark.seq && !this.#stop.signal.aborted) {
      await this.#wake.promise;
    }
  }
}
