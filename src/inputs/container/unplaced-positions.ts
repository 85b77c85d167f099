import { beginsAs, isTelling } from './fingerprint.ts';
import { type Gap, type GapReason, type Moment, momentOf } from './gap.ts';
import type { LogFile } from './log-file.ts';
import type { FilePosition } from './position.ts';

interface Unplaced {
  readonly position: FilePosition;
  readonly sinceMs: number;
  readonly reason: GapReason;
  /** The last record that was read before. */
  readonly from: Moment | undefined;
  /** The first record that was read since. */
  to: Moment | undefined;
}

export type Missing = Pick<Unplaced, 'reason' | 'from'>;

/** How far files were read that we do not find now: of an earlier life, or truncated in place, perhaps after they were copied. */
export class UnplacedPositions {
  #all: Unplaced[] = [];

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  get positions(): readonly FilePosition[] {
    return this.#all.map(({ position, from, to }) => ({ ...position, missing: { from, to } }));
  }

  add(position: FilePosition, missing: Missing, nowMs: number): void {
    if (position.prefixBytes > 0) {
      const { from = missing.from, to } = position.missing ?? {};
      this.#all.push({ ...missing, from, to, position, sinceMs: nowMs });
    }
  }

  /** The first record that has been read after positions were added bounds what is missing with them. */
  noteRecord(at: Moment): void {
    for (const unplaced of this.#all) {
      unplaced.to ??= at;
    }
  }

  /**
   * Takes out the position that belongs to a file: the same inode and first bytes, or else enough first bytes (compressed, renamed
   * over a file system, copied, restored).
   */
  async take(file: LogFile): Promise<FilePosition | undefined> {
    if (this.isEmpty) {
      return undefined;
    }
    const prefix = await file.prefix();
    const alike = this.#all.filter(({ position }) => beginsAs(prefix, position));
    const found =
      alike.find(({ position }) => position.id === file.id) ??
      alike.find(({ position }) => isTelling(prefix, position));
    this.#all = this.#all.filter((unplaced) => unplaced !== found);
    return found?.position;
  }

  /** Gives up on those that have been here for `patienceMs`, and says what is lost with them; 0 bytes: nothing is. */
  giveUp(nowMs: number, patienceMs: number): readonly Gap[] {
    const late = this.#all.filter(({ sinceMs }) => nowMs - sinceMs >= patienceMs);
    this.#all = this.#all.filter((unplaced) => !late.includes(unplaced));
    return late.map((unplaced) => gapOf(unplaced, nowMs));
  }
}

function gapOf({ position, reason, from, to }: Unplaced, nowMs: number): Gap {
  const known = Math.max(0, position.size - Math.min(...position.consumed));
  // Nobody looked while it went, so one that was growing may have held more than was known.
  const bytes = known === 0 && position.growing ? undefined : known;
  return { name: position.name, bytes, reason, from, to: to ?? momentOf(nowMs) };
}
