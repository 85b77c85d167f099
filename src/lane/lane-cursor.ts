import type { CursorStatus, DeadLetterStatus } from '../contract/status.ts';
import { advanced, type CursorActivity, type CursorStep, moved, type OnFull, sum } from './cursor.ts';
import type { CursorBooks } from './lane-state.ts';
import { begunAt, endedAt, isClosed, itemsAhead, openSkip, type Place, remaining } from './skips.ts';

/** What a cursor needs of its lane. */
export interface CursorHome {
  /** Resolves when its books are durable, be it after the disk came back. Rejects when the lane is closed first. */
  persist(cursor: LaneCursor): Promise<void>;
  /** The lane's last durable record, and what waits behind that seq. */
  waiting(seq: number): Place & { readonly seq: number; readonly bytes: number; readonly oldestMs: number | undefined };
}

/** What an output may have waiting. */
export interface CursorLimits {
  readonly onFull: OnFull;
  /** Above it `onFull` acts. Default and most: a share of the lane's cap (`cursors.ts`), and with `block` all of it. */
  readonly maxBytes?: number;
  /** Shown in the status; delivery acts on it. */
  readonly maxAgeMs?: number;
  /** For the status. */
  readonly deadLetters?: { readonly status: DeadLetterStatus | undefined };
}

const idle: CursorActivity = { state: 'idle', retries: 0 };

/** How far an output has come in a lane, and what became of the items until there. */
export class LaneCursor {
  readonly #home: CursorHome;
  #books: CursorBooks;
  #durable: CursorBooks;
  #limits: CursorLimits | undefined;
  #activity: CursorActivity = idle;
  #busy = false;
  /** To be dropped through here once the request that is under way has been answered. */
  #dropLater: Place | undefined;

  constructor(home: CursorHome, books: CursorBooks) {
    this.#home = home;
    this.#books = books;
    this.#durable = books;
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

  /** As a crash would find them: segments that these do not need are not needed. */
  get durable(): CursorBooks {
    return this.#durable;
  }

  /** About how many bytes are durable behind it. */
  get waitingBytes(): number {
    return this.#home.waiting(this.#books.seq).bytes;
  }

  /** undefined while no output has attached to it in this life. */
  get limits(): CursorLimits | undefined {
    return this.#limits;
  }

  /** Records behind this one are not for it, or not yet known to be. */
  get readableSeq(): number {
    return this.#books.skips?.[0]?.afterSeq ?? Number.POSITIVE_INFINITY;
  }

  /** Resolves when it is durable. Rejects with RangeError on a step that goes back. */
  async advance(step: CursorStep): Promise<void> {
    this.#books = advanced(this.#books, step);
    await this.#home.persist(this);
  }

  /** Goes past the next records that are not for it; what may still be before them is lost. Resolves when that is durable. */
  async pass(): Promise<void> {
    const skip = this.#books.skips?.[0];
    if (skip === undefined) {
      return;
    }
    if (!isClosed(skip)) {
      this.#books = endedAt(this.#books, this.#home.waiting(this.#books.seq));
      return this.pass();
    }
    const { seq, cumItems, afterCumItems } = skip;
    await this.advance({ seq, cumItems, dropped: { newest: cumItems - afterCumItems } });
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
        const place = this.#dropLater;
        this.#dropLater = undefined;
        this.dropThrough(place);
      }
    }
  }

  /** For the lane: gives up what waits up to there, counted as `queue_full`. */
  dropThrough(place: Place): void {
    if (this.#busy) {
      this.#dropLater = place;
    } else if (place.seq > this.#books.seq) {
      this.#books = advanced(this.#books, givenUp(this.#books, place));
      this.#home.persist(this).catch(() => undefined);
    }
  }

  /** For the lane: what is appended behind that place is not for this output, or is again. */
  leaveOut(from: 'nothing' | 'all', place: Place): void {
    const isOpen = openSkip(this.#books) !== undefined;
    if (isOpen !== (from === 'all')) {
      this.#books = isOpen ? endedAt(this.#books, place) : begunAt(this.#books, place);
      this.#home.persist(this).catch(() => undefined);
    }
  }

  /** For the lane. */
  async attach(limits: CursorLimits): Promise<void> {
    this.#limits = limits;
    if (limits.onFull !== 'drop_newest' && openSkip(this.#books) !== undefined) {
      this.#books = endedAt(this.#books, this.#home.waiting(this.#books.seq));
      await this.#home.persist(this);
    }
  }

  /** For the lane: the output says itself that it holds everything up to there. */
  async moveTo(seq: number, cumItems: number): Promise<void> {
    this.#books = remaining(moved(this.#books, seq, cumItems));
    await this.#home.persist(this);
  }

  /** For the lane. */
  committed(books: CursorBooks): void {
    this.#durable = books;
  }

  /** What is left out ahead of it is shown as dropped at once, so that it does not seem to wait. */
  status(): CursorStatus {
    const { output, seq, delivered, dropped, routedAway, lost } = this.#books;
    const waiting = this.#home.waiting(seq);
    const leftOut = itemsAhead(this.#books, waiting);
    const cumItems = this.#books.cumItems + leftOut;
    const queuedItems = Math.max(0, waiting.cumItems - cumItems);
    const { onFull = 'block', maxBytes, maxAgeMs, deadLetters } = this.#limits ?? {};
    const letters = deadLetters?.status;
    return {
      ...this.#activity,
      output,
      seq,
      cumItems,
      delivered,
      dropped: leftOut === 0 ? dropped : { ...dropped, newest: (dropped['newest'] ?? 0) + leftOut },
      routedAway,
      lost,
      queuedItems,
      queuedBytes: queuedItems === 0 ? 0 : waiting.bytes,
      ...(queuedItems === 0 || waiting.oldestMs === undefined ? {} : { oldestMs: waiting.oldestMs }),
      onFull,
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      ...(letters === undefined ? {} : { deadLetters: letters }),
      ...(openSkip(this.#books) === undefined ? {} : { leavesOut: true }),
    };
  }
}

/** All up to there, of which some may have been left out before. */
function givenUp(books: CursorBooks, place: Place): CursorStep {
  const within = (books.skips ?? []).filter((skip) => skip.afterSeq < place.seq).filter(isClosed);
  const last = within.at(-1);
  const end = last !== undefined && last.seq > place.seq ? last : place;
  const newest = within.reduce((sum, { cumItems, afterCumItems }) => sum + cumItems - afterCumItems, 0);
  const queueFull = Math.max(0, end.cumItems - books.cumItems - newest);
  return { seq: end.seq, dropped: { queue_full: queueFull, newest } };
}

/** The rule that books keep. */
export function balanced(books: CursorBooks): boolean {
  return books.cumItems === books.delivered + sum(books.dropped) + books.routedAway + books.lost;
}
