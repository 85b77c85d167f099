import type { CursorStatus } from '../contract/status.ts';
import { advanced, type CursorActivity, type CursorStep, moved, type OnFull, sum } from './cursor.ts';
import type { CursorBooks } from './lane-state.ts';

/** What a cursor needs of its lane. */
export interface CursorHome {
  /** Resolves when its books are durable, be it after the disk came back. Rejects when the lane is closed first. */
  persist(cursor: LaneCursor): Promise<void>;
  /** The lane's durable `cumItems`, and what waits behind that seq. */
  waiting(seq: number): { readonly cumItems: number; readonly bytes: number; readonly oldestMs: number | undefined };
}

const idle: CursorActivity = { state: 'idle', retries: 0 };

/** How far an output has come in a lane, and what became of the items until there. */
export class LaneCursor {
  readonly #home: CursorHome;
  #books: CursorBooks;
  #durableSeq: number;
  #onFull: OnFull | undefined;
  #activity: CursorActivity = idle;
  #busy = false;
  /** To be dropped through here once the request that is under way has been answered. */
  #dropLater: { readonly seq: number; readonly cumItems: number } | undefined;

  constructor(home: CursorHome, books: CursorBooks) {
    this.#home = home;
    this.#books = books;
    this.#durableSeq = books.seq;
  }

  get output(): string {
    return this.#books.output;
  }

  /** The last record that is done with. */
  get seq(): number {
    return this.#books.seq;
  }

  get cumItems(): number {
    return this.#books.cumItems;
  }

  get books(): CursorBooks {
    return this.#books;
  }

  /** Segments up to here are not needed, even after a crash. */
  get durableSeq(): number {
    return this.#durableSeq;
  }

  /** About how many bytes are durable behind it. */
  get waitingBytes(): number {
    return this.#home.waiting(this.#books.seq).bytes;
  }

  /** undefined while no output has attached to it in this life. */
  get onFull(): OnFull | undefined {
    return this.#onFull;
  }

  /** Resolves when it is durable. Rejects with RangeError on a step that goes back. */
  async advance(step: CursorStep): Promise<void> {
    this.#books = advanced(this.#books, step);
    await this.#home.persist(this);
  }

  /** What the output is doing, for the status. */
  report(activity: CursorActivity): void {
    this.#activity = activity;
  }

  /** While `work` runs nothing is dropped under it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
      if (this.#dropLater !== undefined) {
        const { seq, cumItems } = this.#dropLater;
        this.#dropLater = undefined;
        this.dropThrough(seq, cumItems);
      }
    }
  }

  /** For the lane: gives up what waits up to there, counted as `queue_full`. */
  dropThrough(seq: number, cumItems: number): void {
    if (this.#busy) {
      this.#dropLater = { seq, cumItems };
    } else if (seq > this.#books.seq) {
      const items = Math.max(0, cumItems - this.#books.cumItems);
      this.#books = advanced(this.#books, { seq, dropped: { queue_full: items } });
      this.#home.persist(this).catch(() => undefined);
    }
  }

  /** For the lane. */
  attach(onFull: OnFull): void {
    this.#onFull = onFull;
  }

  /** For the lane: the output says itself that it holds everything up to there. */
  async moveTo(seq: number, cumItems: number): Promise<void> {
    this.#books = moved(this.#books, seq, cumItems);
    await this.#home.persist(this);
  }

  /** For the lane. */
  committed(books: CursorBooks): void {
    this.#durableSeq = books.seq;
  }

  status(): CursorStatus {
    const { output, seq, cumItems, delivered, dropped, routedAway, lost } = this.#books;
    const waiting = this.#home.waiting(seq);
    const queuedItems = Math.max(0, waiting.cumItems - cumItems);
    return {
      ...this.#activity,
      output,
      seq,
      cumItems,
      delivered,
      dropped,
      routedAway,
      lost,
      queuedItems,
      queuedBytes: queuedItems === 0 ? 0 : waiting.bytes,
      ...(queuedItems === 0 || waiting.oldestMs === undefined ? {} : { oldestMs: waiting.oldestMs }),
      onFull: this.#onFull ?? 'block',
    };
  }
}

/** The rule that books keep. */
export function balanced(books: CursorBooks): boolean {
  return books.cumItems === books.delivered + sum(books.dropped) + books.routedAway + books.lost;
}
