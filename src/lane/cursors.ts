import type { CursorStatus } from '../contract/status.ts';
import { newBooks } from './cursor.ts';
import type { DiskFailure } from './disk-failure.ts';
import { type CursorHome, type CursorLimits, LaneCursor } from './lane-cursor.ts';
import { type CursorBooks, encodeState } from './lane-state.ts';
import type { SegmentLog } from './segment-log.ts';
import { isDoneWith } from './skips.ts';

/** What is left out comes again once so much of what may wait has gone: not with every record that goes. */
const againShare = 0.5;
/**
 * Shares of the lane's cap that may wait at most: for each output that drops its oldest, and for all together that drop the
 * newest. The former hold the end of the lane, the latter each a stretch of its own: so neither fills it for the others.
 */
const shares = { drop_oldest: 1 / 2, drop_newest: 1 / 4 };

export interface AttachOptions extends CursorLimits {
  readonly output: string;
  /** Where a name that the lane does not know begins. */
  readonly start: 'end' | 'beginning';
}

export interface Missing {
  readonly output: string;
  readonly queuedItems: number;
}

/** The cursors of a lane: of outputs that have attached, and of those of earlier lives that have not. */
export class Cursors implements CursorHome {
  readonly #log: SegmentLog;
  readonly #failure: DiskFailure;
  readonly #byOutput: Map<string, LaneCursor>;
  readonly #laneBytes: number;
  #blocking: string | undefined;

  constructor(
    home: { readonly log: SegmentLog; readonly failure: DiskFailure; readonly maxBytes: number },
    known: Iterable<CursorBooks>,
  ) {
    this.#log = home.log;
    this.#failure = home.failure;
    this.#laneBytes = home.maxBytes;
    this.#byOutput = new Map();
    for (const books of known) {
      this.#byOutput.set(books.output, new LaneCursor(this, books));
    }
  }

  get(output: string): LaneCursor | undefined {
    return this.#byOutput.get(output);
  }

  async attach({ output, start, ...limits }: AttachOptions): Promise<LaneCursor> {
    const known = this.#byOutput.get(output);
    if (known !== undefined) {
      await known.attach(limits);
      return known;
    }
    const cursor = new LaneCursor(this, this.#begin(output, start));
    this.#byOutput.set(output, cursor);
    await cursor.attach(limits);
    await this.persist(cursor);
    return cursor;
  }

  async detachMissing(wanted?: ReadonlySet<string>): Promise<readonly Missing[]> {
    const missing = [...this.#byOutput.values()].filter(
      ({ limits, output }) => limits === undefined || wanted?.has(output) === false,
    );
    const detached: Promise<void>[] = [];
    for (const { output } of missing) {
      this.#byOutput.delete(output);
      detached.push(this.#log.detach(encodeState({ output })));
    }
    await Promise.all(detached);
    return missing.map(({ output, cumItems }) => ({
      output,
      queuedItems: Math.max(0, this.#log.durableCumItems - cumItems),
    }));
  }

  async persist(cursor: LaneCursor): Promise<void> {
    for (;;) {
      await this.#failure.whenOver();
      if (this.#byOutput.get(cursor.output) !== cursor) {
        return;
      }
      try {
        const { books } = cursor;
        await this.#log.cursor(books, encodeState(books));
        return;
      } catch (error) {
        if (this.#failure.reason === undefined) {
          throw error;
        }
      }
    }
  }

  waiting(seq: number): ReturnType<CursorHome['waiting']> {
    return {
      seq: this.#log.durableSeq,
      cumItems: this.#log.durableCumItems,
      bytes: this.#log.places.bytesBehind(seq),
      oldestMs: this.#log.places.receivedBehind(seq),
    };
  }

  committed(books: readonly CursorBooks[]): void {
    for (const one of books) {
      this.#byOutput.get(one.output)?.committed(one);
    }
  }

  /** Why the lane must not take more: an output with `block` holds back as much as it may. */
  get blocking(): string | undefined {
    return this.#blocking;
  }

  /** Has each output that holds back more than it may do what its `onFull` says. */
  limit(): void {
    this.#blocking = undefined;
    for (const cursor of this.#byOutput.values()) {
      if (cursor.limits !== undefined) {
        this.#limit(cursor, cursor.limits);
      }
    }
  }

  /** Records up to here are done with for everyone. */
  doneSeq(): number {
    let done = Number.POSITIVE_INFINITY;
    for (const { durable } of this.#byOutput.values()) {
      done = Math.min(done, durable.seq);
    }
    return done;
  }

  /** Does any output leave records out that others may still be waiting behind? */
  get leavesOut(): boolean {
    return [...this.#byOutput.values()].some(({ durable }) => durable.skips !== undefined);
  }

  /** Must a record behind `afterSeq` through `throughSeq` be kept? */
  needs(afterSeq: number, throughSeq: number): boolean {
    return [...this.#byOutput.values()].some(({ durable }) => !isDoneWith(durable, afterSeq, throughSeq));
  }

  books(): CursorBooks[] {
    return [...this.#byOutput.values()].map(({ books }) => books);
  }

  status(): CursorStatus[] {
    return [...this.#byOutput.values()].map((cursor) => cursor.status());
  }

  #limit(cursor: LaneCursor, { onFull, maxBytes }: CursorLimits): void {
    const { output, books } = cursor;
    const place = { seq: this.#log.durableSeq, cumItems: this.#log.durableCumItems };
    if (onFull === 'drop_oldest') {
      const bytes = this.#most(shares.drop_oldest, maxBytes);
      const boundary = this.#log.bytes > bytes ? this.#log.places.boundaryFor(cursor.seq, bytes) : undefined;
      if (boundary !== undefined) {
        cursor.dropThrough(boundary);
      }
    } else if (onFull === 'drop_newest') {
      const alike = [...this.#byOutput.values()].filter((one) => one.limits?.onFull === onFull);
      const bytes = this.#most(shares.drop_newest / alike.length, maxBytes);
      const waiting = this.#waitingBytes(books);
      if (waiting >= bytes) {
        cursor.leaveOut('all', place);
      } else if (waiting <= bytes * againShare) {
        cursor.leaveOut('nothing', place);
      }
    } else if (maxBytes !== undefined && this.#log.bytes >= maxBytes && this.#waitingBytes(books) >= maxBytes) {
      this.#blocking = `${maxBytes} bytes wait for the output "${output}", which is its queue_bytes`;
    }
  }

  #most(share: number, maxBytes = Number.POSITIVE_INFINITY): number {
    return Math.min(this.#laneBytes * share, maxBytes);
  }

  /** Of those that are for that output. */
  #waitingBytes(books: CursorBooks): number {
    if (books.skips === undefined && books.seq >= this.#log.durableSeq) {
      return 0;
    }
    let bytes = this.#log.places.leastBytesBehind(books.seq);
    for (const { afterSeq, seq = Number.POSITIVE_INFINITY } of books.skips ?? []) {
      bytes -= this.#log.places.leastBytesBehind(afterSeq) - this.#log.places.leastBytesBehind(seq);
    }
    return bytes;
  }

  #begin(output: string, start: AttachOptions['start']): CursorBooks {
    const oldest = this.#log.segments[0];
    return start === 'end' || oldest === undefined
      ? newBooks(output, this.#log.seq, this.#log.cumItems)
      : newBooks(output, oldest.firstSeq - 1, oldest.startCumItems);
  }
}
