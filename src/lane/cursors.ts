import type { CursorStatus } from '../contract/status.ts';
import { newBooks, type OnFull } from './cursor.ts';
import type { DiskFailure } from './disk-failure.ts';
import { type CursorHome, LaneCursor } from './lane-cursor.ts';
import { type CursorBooks, encodeState } from './lane-state.ts';
import type { SegmentLog } from './segment-log.ts';

export interface AttachOptions {
  readonly output: string;
  readonly onFull: OnFull;
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

  constructor(home: { readonly log: SegmentLog; readonly failure: DiskFailure }, known: Iterable<CursorBooks>) {
    this.#log = home.log;
    this.#failure = home.failure;
    this.#byOutput = new Map();
    for (const books of known) {
      this.#byOutput.set(books.output, new LaneCursor(this, books));
    }
  }

  get(output: string): LaneCursor | undefined {
    return this.#byOutput.get(output);
  }

  async attach({ output, onFull, start }: AttachOptions): Promise<LaneCursor> {
    const known = this.#byOutput.get(output);
    if (known !== undefined) {
      known.attach(onFull);
      return known;
    }
    const cursor = new LaneCursor(this, this.#begin(output, start));
    cursor.attach(onFull);
    this.#byOutput.set(output, cursor);
    await this.persist(cursor);
    return cursor;
  }

  async detachMissing(wanted?: ReadonlySet<string>): Promise<readonly Missing[]> {
    const missing = [...this.#byOutput.values()].filter(
      ({ onFull, output }) => onFull === undefined || wanted?.has(output) === false,
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
      cumItems: this.#log.durableCumItems,
      bytes: this.#log.bytesBehind(seq),
      oldestMs: this.#log.receivedBehind(seq),
    };
  }

  committed(books: readonly CursorBooks[]): void {
    for (const one of books) {
      this.#byOutput.get(one.output)?.committed(one);
    }
  }

  /** Outputs that may drop and have more than `bytes` waiting lose the oldest. */
  dropOldest(bytes: number): void {
    for (const cursor of this.#byOutput.values()) {
      const boundary = cursor.onFull === 'drop_oldest' ? this.#log.boundaryFor(cursor.seq, bytes) : undefined;
      if (boundary !== undefined) {
        cursor.dropThrough(boundary.seq, boundary.cumItems);
      }
    }
  }

  /** Records up to here are done with for everyone. */
  doneSeq(): number {
    let done = Number.POSITIVE_INFINITY;
    for (const { durableSeq } of this.#byOutput.values()) {
      done = Math.min(done, durableSeq);
    }
    return done;
  }

  books(): CursorBooks[] {
    return [...this.#byOutput.values()].map(({ books }) => books);
  }

  status(): CursorStatus[] {
    return [...this.#byOutput.values()].map((cursor) => cursor.status());
  }

  #begin(output: string, start: AttachOptions['start']): CursorBooks {
    const oldest = this.#log.segments[0];
    return start === 'end' || oldest === undefined
      ? newBooks(output, this.#log.seq, this.#log.cumItems)
      : newBooks(output, oldest.firstSeq - 1, oldest.startCumItems);
  }
}
