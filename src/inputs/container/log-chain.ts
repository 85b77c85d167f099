import { LogFile, type SeenFile } from './log-file.ts';
import type { FilePosition } from './position.ts';
import { type MissedBytes, UnplacedPositions } from './unplaced-positions.ts';

/** What a look at the directory found of one log. */
export interface SeenLog {
  /** From the oldest to the one that is written. */
  readonly files: readonly SeenFile[];
  /** Paths of those that were rotated away and compressed. */
  readonly compressed: readonly string[];
}

/**
 * How long a position waits for its file to turn up under another name. A look lists names and then asks what they are, so a
 * file that is renamed in between is found under neither: what is known of it must outlive that look.
 */
const patienceMs = 5_000;
/** The same where nothing of the log is there at all: the directory may not be mounted yet. */
const longPatienceMs = 60_000;

/** The files of one log, from the oldest that still matters to the one that is written, over rename, copy, truncation and deletion. */
export class LogChain {
  files: readonly LogFile[] = [];
  /** Why a file can't be opened now. */
  problem: string | undefined;
  readonly #unplaced = new UnplacedPositions();
  /** Copies of a file that is read itself: not read while that one stands. */
  readonly #copies = new Map<string, LogFile>();

  /** Where an earlier life ended. */
  expect(positions: readonly FilePosition[], nowMs: number): void {
    for (const position of positions) {
      this.#unplaced.add(position, 'deleted', nowMs);
    }
  }

  get isEmpty(): boolean {
    return this.files.length === 0 && this.#unplaced.isEmpty;
  }

  /** The oldest that is not done. */
  get current(): LogFile | undefined {
    return this.files.find((file) => !file.done);
  }

  olderThan(file: LogFile): readonly LogFile[] {
    return this.files.slice(0, this.files.indexOf(file));
  }

  /** The next one that has bytes. */
  successorOf(file: LogFile): LogFile | undefined {
    return this.files.slice(this.files.indexOf(file) + 1).find((later) => later.seen.size > 0);
  }

  /** Takes note of a look at the directory and opens what is new. True when anything may have changed. */
  async see(log: SeenLog, from: 'beginning' | 'end', nowMs: number): Promise<boolean> {
    const known = new Map([...this.files, ...this.#copies.values()].map((file) => [file.id, file]));
    const next: LogFile[] = [];
    let changed = false;
    this.problem = undefined;
    for (const seen of log.files) {
      const file = known.get(seen.id);
      known.delete(seen.id);
      changed = (file?.see(seen) ?? true) || changed;
      const placed = file ?? (await this.#place(new LogFile(seen), from));
      if (placed !== undefined && !this.#copies.has(seen.id)) {
        next.push(placed);
      }
    }
    this.files = [...this.files.filter((file) => known.has(file.id)), ...next];
    for (const [id, file] of known) {
      file.goneSinceMs ??= nowMs;
      if (this.#copies.delete(id)) {
        await file.close();
      }
    }
    return changed;
  }

  /** As `LogFile.open`; `refused` where the system does not let us, with the reason in `problem`. */
  async open(file: LogFile): Promise<'open' | 'moved' | 'replaced' | 'refused'> {
    try {
      return await file.open();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      return 'refused';
    }
  }

  /** It was deleted before we had it open. */
  giveUp(file: LogFile, nowMs: number): void {
    this.#unplaced.add(file.position(), 'deleted', nowMs);
    this.files = this.files.filter((other) => other !== file);
  }

  /** It was truncated and is another file now; what it held may have been copied before. */
  async startAnew(file: LogFile, nowMs: number): Promise<void> {
    this.#unplaced.add(file.position(), 'truncated', nowMs);
    file.restart();
    for (const copy of this.#copies.values()) {
      const position = (await this.open(copy)) === 'refused' ? undefined : await this.#unplaced.take(copy);
      if (position === undefined) {
        await copy.close();
        continue;
      }
      copy.resume(position);
      this.#copies.delete(copy.id);
      this.files = this.files.flatMap((other) => (other === file ? [copy, file] : [other]));
    }
  }

  /** What is lost, since its file did not turn up in time. */
  missed(log: SeenLog, nowMs: number): Promise<readonly MissedBytes[]> {
    return this.#unplaced.giveUp(log.compressed, nowMs, log.files.length === 0 ? longPatienceMs : patienceMs);
  }

  positions(): readonly FilePosition[] {
    const files = this.files.map((file) => file.position()).filter(({ prefixBytes }) => prefixBytes > 0);
    return [...this.#unplaced.positions, ...files];
  }

  commit(): void {
    for (const file of this.files) {
      file.commit();
    }
  }

  rollback(): void {
    for (const file of this.files) {
      if (!file.done || file.isOpen) {
        file.rollback();
      }
    }
  }

  /** Lets go of files that are done. Only while nothing of them may have to be read again. */
  async release(nowMs: number): Promise<void> {
    for (const file of this.files) {
      if (file.done && file.isTaken) {
        await file.close();
      }
    }
    const isPast = ({ goneSinceMs = nowMs }: LogFile): boolean => nowMs - goneSinceMs >= patienceMs;
    this.files = this.files.filter((file) => !(file.done && !file.isOpen && isPast(file)));
  }

  async close(): Promise<void> {
    await Promise.all([...this.files, ...this.#copies.values()].map((file) => file.close()));
  }

  /** Finds out what a new file is. Undefined when that can't be told now: the next look tries again. */
  async #place(file: LogFile, from: 'beginning' | 'end'): Promise<LogFile | undefined> {
    if ((await this.open(file)) !== 'open') {
      await file.close();
      return undefined;
    }
    const position = await this.#unplaced.take(file);
    if (position !== undefined) {
      file.resume(position);
      return file;
    }
    for (const original of file.seen.active ? [] : this.files) {
      if (await file.isCopyOf(original)) {
        await file.close();
        this.#copies.set(file.id, file);
        return file;
      }
    }
    if (from === 'end') {
      await file.skipToEnd();
    }
    return file;
  }
}
