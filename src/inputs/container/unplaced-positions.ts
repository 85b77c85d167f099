import { unreadInCompressed } from './compressed-log.ts';
import { beginsAs, tellingPrefixBytes } from './fingerprint.ts';
import type { LogFile } from './log-file.ts';
import type { FilePosition } from './position.ts';

/** Bytes that were rotated away, truncated or deleted before they were read. */
export interface MissedBytes {
  readonly name: string;
  /** At least; what was written after the last look is not known. */
  readonly bytes: number;
  readonly reason: 'deleted' | 'truncated' | 'compressed';
}

interface Unplaced {
  readonly position: FilePosition;
  readonly sinceMs: number;
  readonly reason: 'deleted' | 'truncated';
}

/** How far files were read that we do not find now: of an earlier life, or truncated in place, perhaps after they were copied. */
export class UnplacedPositions {
  #all: Unplaced[] = [];

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  get positions(): readonly FilePosition[] {
    return this.#all.map(({ position }) => position);
  }

  add(position: FilePosition, reason: Unplaced['reason'], nowMs: number): void {
    if (position.prefixBytes > 0) {
      this.#all.push({ position, reason, sinceMs: nowMs });
    }
  }

  /**
   * Takes out the position that belongs to a file: the same inode and first bytes, or else enough first bytes (renamed over a file
   * system, copied, restored).
   */
  async take(file: LogFile): Promise<FilePosition | undefined> {
    if (this.isEmpty) {
      return undefined;
    }
    const prefix = await file.prefix();
    const alike = this.#all.filter(({ position }) => beginsAs(prefix, position));
    const found =
      alike.find(({ position }) => position.id === file.id) ??
      alike.find(({ position }) => position.prefixBytes >= tellingPrefixBytes);
    this.#all = this.#all.filter((unplaced) => unplaced !== found);
    return found?.position;
  }

  /** Gives up on those that have been here for `patienceMs`, and says what is lost with them. */
  async giveUp(compressed: readonly string[], nowMs: number, patienceMs: number): Promise<readonly MissedBytes[]> {
    const late = this.#all.filter(({ sinceMs }) => nowMs - sinceMs >= patienceMs);
    this.#all = this.#all.filter((unplaced) => !late.includes(unplaced));
    return Promise.all(late.map((unplaced) => missedOf(unplaced, compressed)));
  }
}

async function missedOf({ position, reason }: Unplaced, compressed: readonly string[]): Promise<MissedBytes> {
  for (const path of compressed) {
    const bytes = await unreadInCompressed(path, position);
    if (bytes !== undefined) {
      return { name: position.name, bytes, reason: 'compressed' };
    }
  }
  return { name: position.name, bytes: Math.max(0, position.size - Math.min(...position.consumed)), reason };
}
