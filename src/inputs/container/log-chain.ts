import type { LogBlock } from '../../model/log.ts';
import { type Gap, type Moment, momentOf } from './gap.ts';
import type { Inflaters } from './inflated-bytes.ts';
import { LogFile, type SeenFile } from './log-file.ts';
import { Order, type Place, placeOf } from './place-order.ts';
import type { FilePosition } from './position.ts';
import { UnplacedPositions } from './unplaced-positions.ts';

/** What a look at the directory found of one log. */
export interface SeenLog {
  /** From the oldest to the one that is written. */
  readonly files: readonly SeenFile[];
  /** Other logs of the same container are there. */
  readonly hasSiblings?: boolean;
}

/**
 * How long a position waits for its file to turn up under another name. A look lists names and then asks what they are, so a
 * file that is renamed in between is found under neither: what is known of it must outlive that look.
 */
const patienceMs = 5_000;
/** By then, once a file is done and closed, a look has come by that finds the compressed copy which takes its place. */
const restMs = 1_500;
/** The same where nothing of the log is there at all: the directory may not be mounted yet. */
const longPatienceMs = 60_000;

/** A rotated file is done when its successor has had bytes for this long: the runtime has one of them open, not both. */
const rotationGraceMs = 250;

function isThere({ files, hasSiblings = false }: SeenLog): boolean {
  return files.length > 0 || hasSiblings;
}

/** The files of one log, from the oldest that still matters to the one that is written, over rename, copy, truncation and deletion. */
export class LogChain {
  files: readonly LogFile[] = [];
  /** Why a file can't be opened now. */
  problem: string | undefined;
  readonly #unplaced = new UnplacedPositions();
  /** Copies of a file that is read itself: not read while that one stands. */
  readonly #copies = new Map<string, LogFile>();
  /** Compressed files that are not to be read: an earlier life has, or nobody can. */
  #leftOut: ReadonlySet<string> = new Set();
  #gaps: Gap[] = [];
  readonly #inflaters: Inflaters;

  readonly #begin: 'beginning' | 'end';

  /** `begin`: where the very first life began. */
  constructor(inflaters: Inflaters, begin: 'beginning' | 'end') {
    this.#inflaters = inflaters;
    this.#begin = begin;
  }

  /** Where an earlier life ended, which wrote its last record at `from`. */
  expect(positions: readonly FilePosition[], from: Moment | undefined, nowMs: number): void {
    for (const position of positions) {
      this.#unplaced.add(position, { reason: 'deleted', from }, nowMs);
    }
  }

  get awaitedFiles(): number {
    return this.#unplaced.positions.length;
  }

  get isEmpty(): boolean {
    return this.files.length === 0 && this.#unplaced.isEmpty && this.#gaps.length === 0;
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

  /** Nobody writes to it any more: it was rotated away and its successor has bytes, or deleted; and some time has passed. */
  isFinished(file: LogFile, nowMs: number, flushAfterMs: number): boolean {
    const successor = this.successorOf(file);
    if (file.seen.compressed) {
      return true;
    }
    if (!file.gone && (file.seen.active || successor === undefined)) {
      return false;
    }
    const apartNanos = (successor?.seen.modifiedNanos ?? 0n) - file.seen.modifiedNanos;
    if (apartNanos > BigInt(rotationGraceMs) * 1_000_000n) {
      return true;
    }
    file.finishedSinceMs ??= nowMs;
    const graceMs = successor === undefined ? flushAfterMs : rotationGraceMs;
    return nowMs - file.finishedSinceMs >= graceMs;
  }

  /** Takes note of a look at the directory and opens what is new. True when anything may have changed. */
  async see(log: SeenLog, from: 'beginning' | 'end', nowMs: number): Promise<boolean> {
    const known = new Map([...this.files, ...this.#copies.values()].map((file) => [file.id, file]));
    const order = new Order();
    let changed = false;
    this.problem = undefined;
    this.#leftOut = new Set(log.files.map(versionOf).filter((version) => this.#leftOut.has(version)));
    for (const seen of log.files.filter((one) => !this.#leftOut.has(versionOf(one)))) {
      const file = this.#sameFile(known.get(seen.id), seen, nowMs);
      known.delete(seen.id);
      const place = file === undefined ? await this.#place(new LogFile(seen, this.#inflaters), from) : placeOf(file);
      changed = (file?.see(seen) ?? place.as !== 'later') || changed;
      if (!this.#copies.has(seen.id)) {
        order.add(place);
      }
    }
    this.files = [...this.files.filter((file) => known.has(file.id)), ...order.files];
    await this.#leaveOut(order, from, nowMs);
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
  giveUp(file: LogFile, from: Moment | undefined, nowMs: number): void {
    this.#unplaced.add({ ...file.position(), growing: false }, { reason: 'deleted', from }, nowMs);
    this.files = this.files.filter((other) => other !== file);
  }

  /** Forgets it, though it is not read to its end. */
  async abandon(file: LogFile): Promise<void> {
    this.files = this.files.filter((other) => other !== file);
    await file.close();
  }

  /** It was truncated and is another file now; what it held may have been copied before. */
  async startAnew(file: LogFile, from: Moment | undefined, nowMs: number): Promise<void> {
    this.#unplaced.add(file.lastPosition(), { reason: 'truncated', from }, nowMs);
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

  /** What is lost, since its file did not turn up in time or is damaged. Each is said once. */
  missed(log: SeenLog, nowMs: number): readonly Gap[] {
    const damaged = this.#gaps;
    this.#gaps = [];
    return [...damaged, ...this.#unplaced.giveUp(nowMs, isThere(log) ? patienceMs : longPatienceMs)];
  }

  /** These records were read. */
  noteFirst({ seconds, nanos }: LogBlock): void {
    if (seconds.length > 0) {
      this.#unplaced.noteRecord({ seconds: seconds[0] ?? 0, nanos: nanos[0] ?? 0 });
    }
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
        file.restingSinceMs ??= nowMs;
      }
    }
    this.files = this.files.filter((file) => !isForgotten(file, nowMs));
  }

  async close(): Promise<void> {
    await Promise.all([...this.files, ...this.#copies.values()].map((file) => file.close()));
  }

  /** The kubelet deletes a compressed file and writes another in one go, which often gets its inode. */
  #sameFile(file: LogFile | undefined, seen: SeenFile, nowMs: number): LogFile | undefined {
    const isEither = seen.compressed || file?.seen.compressed === true;
    if (file === undefined || file.isOpen || !isEither || file.seen.modifiedNanos === seen.modifiedNanos) {
      return file;
    }
    this.files = this.files.filter((other) => other !== file);
    this.#unplaced.add({ ...file.position(), growing: false }, { reason: 'deleted', from: undefined }, nowMs);
    return undefined;
  }

  /** Finds out what a new file is. */
  async #place(file: LogFile, from: 'beginning' | 'end'): Promise<Place> {
    if ((await this.open(file)) !== 'open') {
      await file.close();
      return { file, as: 'later' };
    }
    const position = await this.#unplaced.take(file);
    if (position !== undefined) {
      file.resume(position);
      return { file, as: 'known' };
    }
    for (const original of file.seen.active ? [] : this.files) {
      await original.learn();
      if (await file.isCopyOf(original)) {
        const as = await this.#settleCopy(file, original);
        await file.close();
        return { file, as };
      }
    }
    if (from === 'end' && !file.seen.compressed) {
      await file.skipToEnd();
    }
    return { file, as: file.seen.compressed ? 'unsure' : 'new' };
  }

  /** A copy waits while its original stands. A compressed one takes the place of the original once that was read and deleted. */
  async #settleCopy(file: LogFile, original: LogFile): Promise<Place['as']> {
    if (!file.seen.compressed) {
      this.#copies.set(file.id, file);
      return 'later';
    }
    if (original.isOpen || !original.done || !original.gone) {
      return 'later';
    }
    await file.succeed(original);
    this.files = this.files.filter((other) => other !== original);
    return 'known';
  }

  /**
   * Compressed files of which nothing is known are read: rotated away while nobody looked, or compressed during a look. Where
   * the first life began at the end, those older than all that is known came before it.
   */
  async #leaveOut(order: Order, from: 'beginning' | 'end', nowMs: number): Promise<void> {
    const damaged = order.unsure.filter((file) => file.damage !== undefined && file.fingerprint.prefixBytes === 0);
    const older = this.#begin === 'end' ? order.left : [];
    const left = [...older, ...(from === 'end' ? order.unsure : damaged)];
    for (const { seen } of from === 'end' ? [] : damaged) {
      const to = momentOf(nowMs);
      this.#gaps.push({ name: seen.name, bytes: undefined, reason: 'damaged', from: undefined, to });
    }
    this.files = this.files.filter((file) => !left.includes(file));
    this.#leftOut = new Set([...this.#leftOut, ...left.map(({ seen }) => versionOf(seen))]);
    await Promise.all(left.map((file) => file.close()));
  }
}

function isForgotten({ done, isOpen, goneSinceMs, restingSinceMs }: LogFile, nowMs: number): boolean {
  if (!done || isOpen || goneSinceMs === undefined || restingSinceMs === undefined) {
    return false;
  }
  return nowMs - goneSinceMs >= patienceMs && nowMs - restingSinceMs >= restMs;
}

/** Tells a file from one that gets its inode later. */
function versionOf({ id, modifiedNanos }: SeenFile): string {
  return `${id}@${modifiedNanos}`;
}
