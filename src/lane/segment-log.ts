import type { Clock } from '../contract/runtime.ts';
import type { Batch, Position } from '../model/batch.ts';
import type { Disk } from '../record/disk.ts';
import { segmentPath } from '../record/segment.ts';
import type { CursorBooks } from './lane-state.ts';
import {
  type CommitGroup,
  Encoders,
  type Numbers,
  type OpenEnd,
  OpenSegment,
  type OpenSegmentOptions,
} from './open-segment.ts';
import { SegmentIndex } from './segment-index.ts';
import { SegmentPlaces } from './segment-places.ts';

export interface SegmentLogListener {
  /** What a new segment begins with: all that holds after everything appended until now. */
  snapshot(): Buffer;
  committed(group: CommitGroup): void;
  /**
   * What was appended since the last `committed` is gone, and nothing is taken until `revive` succeeds.
   * Returns the reason that those who wait are given.
   */
  failed(error: unknown): unknown;
}

export interface SegmentLogOptions {
  readonly dir: string;
  /** A segment that has grown by this is full. */
  readonly segmentBytes: number;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly listener: SegmentLogListener;
}

/** Where an earlier life ended. */
export interface LogEnd extends Numbers {
  readonly segments: readonly SegmentIndex[];
}

/**
 * The segments of a lane as one log: numbers the records, writes them behind each other, and begins a new segment when
 * the last one is full. A segment is written only once the one before it is durable as a whole.
 */
export class SegmentLog {
  readonly #options: SegmentLogOptions;
  readonly #encoders = new Encoders();
  readonly #segments: SegmentIndex[];
  /** Those that may have bytes to write, oldest first. */
  readonly #open = new Set<OpenSegment>();
  readonly #removals = new Set<Promise<void>>();
  #active: OpenSegment | undefined;
  #durable: SegmentIndex | undefined;
  #bytes: number;
  #seq: number;
  #cumItems: number;
  #durableSeq: number;
  #durableCumItems: number;
  #receivedAtMs: number;

  constructor(options: SegmentLogOptions, end: LogEnd) {
    this.#options = options;
    this.#segments = [...end.segments];
    this.#bytes = end.segments.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#seq = end.seq;
    this.#durableSeq = end.seq;
    this.#cumItems = end.cumItems;
    this.#durableCumItems = end.cumItems;
    this.#receivedAtMs = end.receivedAtMs;
  }

  /** Of the last data record. */
  get seq(): number {
    return this.#seq;
  }

  get cumItems(): number {
    return this.#cumItems;
  }

  get durableSeq(): number {
    return this.#durableSeq;
  }

  get durableCumItems(): number {
    return this.#durableCumItems;
  }

  get segments(): readonly SegmentIndex[] {
    return this.#segments;
  }

  /** On disk, or about to be. */
  get bytes(): number {
    return this.#bytes;
  }

  get waitingBytes(): number {
    let bytes = 0;
    for (const segment of this.#open) {
      bytes += segment.waitingBytes;
    }
    return bytes;
  }

  /** Goes on in the newest segment. */
  async resume(end: OpenEnd): Promise<void> {
    const index = this.#segments.at(-1);
    if (index === undefined) {
      throw new RangeError('there is no segment to go on in');
    }
    const segment = await OpenSegment.resume(this.#openOptions(index), end);
    this.#open.add(segment);
    this.#active = segment;
    this.#durable = index;
  }

  /** Begins a new segment; resolves when its snapshot is durable. */
  roll(): Promise<void> {
    const firstSeq = Math.max(this.#seq, this.#segments.at(-1)?.firstSeq ?? 0) + 1;
    this.#seq = firstSeq - 1;
    const after = this.#active === undefined ? Promise.resolve() : this.#seal(this.#active);
    const path = segmentPath(this.#options.dir, firstSeq);
    const index = new SegmentIndex({ path, firstSeq, startCumItems: this.#cumItems, bytes: 0 });
    const segment = OpenSegment.create(this.#openOptions(index), after);
    this.#open.add(segment);
    this.#segments.push(index);
    this.#active = segment;
    return this.#counted(segment, () => segment.snapshot(this.#numbers(), this.#options.listener.snapshot()));
  }

  /** Copies at once. Throws BRIDGE_TOO_LARGE. */
  data(batch: Batch, position: Position | undefined): Promise<void> {
    const segment = this.#roomy();
    const seq = this.#seq + 1;
    const cumItems = this.#cumItems + batch.items;
    const done = this.#counted(segment, () =>
      segment.data({ seq, cumItems, receivedAtMs: this.#now() }, batch, position),
    );
    this.#seq = seq;
    this.#cumItems = cumItems;
    return done;
  }

  position(position: Position): Promise<void> {
    const segment = this.#roomy();
    return this.#counted(segment, () => segment.position(this.#numbers(), position));
  }

  forget(key: string): Promise<void> {
    const segment = this.#roomy();
    return this.#counted(segment, () => segment.forget(this.#numbers(), key));
  }

  cursor(books: CursorBooks, payload: Buffer): Promise<void> {
    const segment = this.#roomy();
    return this.#counted(segment, () => segment.cursor(this.#numbers(), books, payload));
  }

  detach(payload: Buffer): Promise<void> {
    const segment = this.#roomy();
    return this.#counted(segment, () => segment.detach(this.#numbers(), payload));
  }

  /** Unlinks the oldest segments whose last record is at or before that one; never the newest durable one. */
  removeThrough(seq: number): void {
    for (;;) {
      const [oldest, next] = this.#segments;
      const needed = oldest === undefined || next === undefined || this.#durable === undefined;
      if (needed || oldest === this.#durable || next.firstSeq - 1 > seq) {
        return;
      }
      this.#segments.shift();
      this.#remove(oldest);
    }
  }

  /** Unlinks durable segments of which nobody needs a record, wherever they are. */
  removeUnneeded(isNeeded: (afterSeq: number, throughSeq: number) => boolean): void {
    const sealed = this.#durable === undefined ? 0 : this.#segments.indexOf(this.#durable);
    for (let at = sealed - 1; at >= 0; at -= 1) {
      const segment = this.#segments[at];
      const next = this.#segments[at + 1];
      if (segment !== undefined && next !== undefined && !isNeeded(segment.firstSeq - 1, next.firstSeq - 1)) {
        this.#segments.splice(at, 1);
        this.#remove(segment);
      }
    }
  }

  /** Begins a new segment if the newest is full, so that it can be removed once it is done with. */
  rollIfFull(): void {
    this.#roomy();
  }

  /** Where records lie in it. */
  get places(): SegmentPlaces {
    return new SegmentPlaces(this.#segments, this.#durableSeq);
  }

  /** Resolves when all that was appended is durable. */
  async flush(): Promise<void> {
    await this.#active?.flush();
  }

  async close(): Promise<void> {
    const closing = [...this.#open].map((segment) => segment.close());
    await Promise.allSettled(closing);
    // The last commits have begun some.
    await Promise.all(this.#removals);
    await Promise.all(closing);
  }

  /** After a failure: forgets what never became durable. */
  rollBack(): void {
    this.#cumItems = this.#durableCumItems;
  }

  /**
   * After a failure: takes what may be half on disk away and begins a new segment. Rejects while that cannot be done;
   * it may be called again then.
   */
  async revive(): Promise<void> {
    this.#active = undefined;
    for (const segment of this.#open) {
      await segment.close().catch(() => undefined);
      await this.#takeBack(segment);
      this.#open.delete(segment);
    }
    await this.roll();
  }

  async #takeBack({ index, durableBytes }: OpenSegment): Promise<void> {
    const { disk } = this.#options;
    if (durableBytes === 0) {
      await disk.remove(index.path);
      this.#segments.splice(this.#segments.indexOf(index), 1);
    } else {
      const file = await disk.file(index.path, 'open');
      try {
        await file.truncate(durableBytes);
        await file.datasync();
      } finally {
        await file.close();
      }
    }
    this.#bytes += durableBytes - index.bytes;
    index.cutTo(durableBytes);
  }

  #remove(segment: SegmentIndex): void {
    this.#bytes -= segment.bytes;
    // A file that stays is found again at the next start, and is removed then.
    const removal: Promise<void> = this.#options.disk
      .remove(segment.path)
      .catch(() => undefined)
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  async #seal(segment: OpenSegment): Promise<void> {
    await segment.close();
    this.#open.delete(segment);
  }

  /** The newest segment, or a new one if that is full. */
  #roomy(): OpenSegment {
    if (this.#active === undefined || this.#active.grownBytes >= this.#options.segmentBytes) {
      void this.roll();
    }
    if (this.#active === undefined) {
      throw new RangeError('the log has no segment');
    }
    return this.#active;
  }

  #counted(segment: OpenSegment, append: () => Promise<void>): Promise<void> {
    const bytes = segment.index.bytes;
    try {
      return append();
    } finally {
      this.#bytes += segment.index.bytes - bytes;
    }
  }

  #numbers(): Numbers {
    return { seq: this.#seq, cumItems: this.#cumItems, receivedAtMs: this.#now() };
  }

  #now(): number {
    this.#receivedAtMs = Math.max(this.#receivedAtMs, this.#options.clock.now());
    return this.#receivedAtMs;
  }

  #openOptions(index: SegmentIndex): OpenSegmentOptions {
    return {
      index,
      disk: this.#options.disk,
      encoders: this.#encoders,
      listener: {
        committed: (segment, group) => this.#committed(segment, group),
        failed: (error) => this.#options.listener.failed(error),
      },
    };
  }

  #committed(segment: OpenSegment, group: CommitGroup): void {
    this.#durable = segment.index;
    if (group.seq > 0) {
      this.#durableSeq = group.seq;
      this.#durableCumItems = group.cumItems;
    }
    this.#options.listener.committed(group);
  }
}
