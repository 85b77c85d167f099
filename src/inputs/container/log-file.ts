import type { StreamIndex } from '../../codec/cri/runtime-line.ts';
import { type FileBytes, PlainBytes } from './file-bytes.ts';
import { closeFile, factsOfOpen, openFile, openFileWithin, unlessMissing } from './file-io.ts';
import { beginsAs, type Fingerprint, fingerprintOf, isTelling, maxPrefixBytes, noFingerprint } from './fingerprint.ts';
import { InflatedBytes, type Inflaters } from './inflated-bytes.ts';
import type { FilePosition, PerStream } from './position.ts';

/** A file as a look at the directory saw it. */
export interface SeenFile {
  /** `<device>:<inode>`. */
  readonly id: string;
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly modifiedNanos: bigint;
  /** It is the log that the runtime writes, not one that was rotated away. */
  readonly active: boolean;
  /** It is gzip; `size` is that of the compressed bytes, while all offsets are of what they hold. */
  readonly compressed: boolean;
  /** Whoever writes it is not to be trusted: it must lie below this directory, a real path, when it is opened. */
  readonly within?: string;
}

/** A physical line that is longer than the read buffer and has not ended yet. */
export interface LongLine {
  readonly start: number;
  readonly stream: StreamIndex;
  readonly partial: boolean;
  /** It was handed over in an earlier life. */
  readonly skipped: boolean;
}

/** `buffer[from .. to)` is new; the byte at `from` is at the file's offset `framed`. */
export interface ReadBlock {
  readonly from: number;
  readonly to: number;
}

/** Bytes before the place of reading that must still be there; else the file was written anew in place. */
const overlapBytes = 256;

/** Offset in a file whose rest is left out. */
const neverRead = Number.MAX_SAFE_INTEGER;

/** How far back the last newline is looked for. */
const skipBytes = 65_536;

/** One physical file of a log: its identity, its descriptor, and how far it was read. */
export class LogFile {
  /** As last seen. */
  seen: SeenFile;
  /** Since when no look has found it, ms; undefined while it is there. What its descriptor still gives is all there will be. */
  goneSinceMs: number | undefined;
  /** Read to its end for good. */
  done = false;
  /** Since when it is done and closed, ms. */
  restingSinceMs: number | undefined;
  /** When it first looked finished, ms; undefined while it does not. */
  finishedSinceMs: number | undefined;
  fingerprint: Fingerprint = noFingerprint;
  /** Offset behind the last physical line that was taken. */
  framed = 0;
  /** Records of a stream that begin before it have been taken; held back while one is open. */
  consumed: PerStream<number> = [0, 0];
  longLine: LongLine | undefined;
  #durable: PerStream<number> = [0, 0];
  /** It was at least so large, of which we are sure. */
  #largest = 0;
  #bytes: FileBytes | undefined;
  #tail = Buffer.alloc(0);
  readonly #inflaters: Inflaters;

  constructor(seen: SeenFile, inflaters: Inflaters) {
    this.seen = seen;
    this.#inflaters = inflaters;
  }

  get id(): string {
    return this.seen.id;
  }

  get gone(): boolean {
    return this.goneSinceMs !== undefined;
  }

  get isOpen(): boolean {
    return this.#bytes !== undefined;
  }

  /** Bytes that are there and were not taken yet; of a compressed file at least one, as long as it is not read to its end. */
  get lagBytes(): number {
    const { size, compressed } = this.seen;
    return this.done ? 0 : compressed ? Math.max(1, this.#largest - this.framed) : Math.max(0, size - this.framed);
  }

  /** Why it can not be read to its end. */
  get damage(): string | undefined {
    return this.#bytes?.damage;
  }

  /** Takes note of a look at the directory. True when the file may have changed since the last one. */
  see(seen: SeenFile): boolean {
    const { size, modifiedNanos, active } = this.seen;
    // What the newest look saw may be another file, written in its place, until it has been read.
    this.#largest = this.#sizeSeen;
    this.seen = seen;
    this.goneSinceMs = undefined;
    const hasGrown = !seen.compressed && seen.size !== this.framed;
    if (this.done && (hasGrown || modifiedNanos !== seen.modifiedNanos)) {
      // Its inode may belong to another file by now: `open` finds out.
      this.done = false;
      this.restingSinceMs = undefined;
      this.finishedSinceMs = undefined;
    }
    return size !== seen.size || modifiedNanos !== seen.modifiedNanos || active !== seen.active;
  }

  /**
   * Opens it, unless it is open. `replaced`: what is there does not begin as what was read. `moved`: another file, or none, is
   * at its path; the next look at the directory tells.
   */
  async open(): Promise<'open' | 'moved' | 'replaced'> {
    if (this.#bytes !== undefined) {
      return 'open';
    }
    const { path, within } = this.seen;
    const opening = within === undefined ? openFile(path) : openFileWithin(path, within);
    const descriptor = await unlessMissing(opening);
    if (descriptor === undefined) {
      return 'moved';
    }
    const facts = await factsOfOpen(descriptor);
    if (facts.id !== this.id) {
      await closeFile(descriptor);
      return 'moved';
    }
    this.#bytes = this.seen.compressed ? new InflatedBytes(descriptor, this.#inflaters) : new PlainBytes(descriptor);
    return this.#isReplaced(await this.#bytes.prefix()) ? 'replaced' : 'open';
  }

  /** Reads behind what was taken. `replaced`: the bytes before it are not those that were read. `later`: others are first. */
  async read(buffer: Buffer): Promise<ReadBlock | 'replaced' | 'later'> {
    const bytes = this.#bytes;
    if (bytes === undefined) {
      return { from: 0, to: 0 };
    }
    const overlap = this.#tail.length;
    const to = await bytes.readAt(buffer, this.framed - overlap);
    if (to === undefined) {
      return 'later';
    }
    const isUnsure = this.fingerprint.prefixBytes < maxPrefixBytes || (overlap === 0 && this.framed > 0);
    // After the bytes, so that what was read is never without a fingerprint.
    if (isUnsure && this.#isReplaced(await bytes.prefix())) {
      return 'replaced';
    }
    if (to < overlap || this.#tail.compare(buffer, 0, overlap) !== 0) {
      return 'replaced';
    }
    this.#largest = Math.max(this.#largest, this.framed + to - overlap);
    return { from: overlap, to };
  }

  /** The first bytes that are there now; none when it is not open. */
  async prefix(): Promise<Buffer> {
    return this.#bytes === undefined ? Buffer.alloc(0) : await this.#bytes.prefix();
  }

  /** Knows by its first bytes what was written since it was last read, while its descriptor still gives them. */
  async learn(): Promise<void> {
    if (this.#bytes !== undefined && this.fingerprint.prefixBytes < maxPrefixBytes) {
      this.#isReplaced(await this.#bytes.prefix());
    }
  }

  /** Does this file, which is open, hold all that was read of the other one? */
  async isCopyOf(other: LogFile): Promise<boolean> {
    const prefix = await this.prefix();
    if (this.#bytes === undefined || !isTelling(prefix, other.fingerprint) || !beginsAs(prefix, other.fingerprint)) {
      return false;
    }
    if (this.seen.compressed) {
      return true;
    }
    const tail = other.#tail;
    const same = Buffer.alloc(tail.length);
    const bytes = tail.length === 0 ? 0 : await this.#bytes.readAt(same, other.framed - tail.length);
    return bytes === tail.length && tail.equals(same);
  }

  /** The bytes of the buffer up to `end`, which `read` put there, are taken. */
  advance(buffer: Buffer, from: number, end: number): void {
    this.framed += end - from;
    this.#tail = Buffer.from(buffer.subarray(Math.max(0, end - overlapBytes), end));
  }

  /** Starts behind the last newline that is there now. */
  async skipToEnd(): Promise<void> {
    const { size } = this.seen;
    const last = Buffer.alloc(Math.min(size, skipBytes));
    const bytes = (await this.#bytes?.readAt(last, size - last.length)) ?? 0;
    const start = size - last.length + last.subarray(0, bytes).lastIndexOf(10) + 1;
    this.#startFrom([start, start]);
  }

  /** Nothing is held back: no open record begins in it. */
  get isTaken(): boolean {
    return this.consumed[0] >= this.framed && this.consumed[1] >= this.framed;
  }

  /** All that was taken is on disk. */
  commit(): void {
    this.#durable = [...this.consumed];
  }

  /** Back to what is on disk: the rest is read again. */
  rollback(): void {
    this.#startFrom(this.#durable);
  }

  /** Goes on where an earlier life ended, or where the file was read to that this one is a copy of. */
  resume(position: FilePosition): void {
    const { prefixBytes, hash, consumed, size } = position;
    this.fingerprint = { prefixBytes, hash };
    this.#largest = this.seen.id === position.id ? size : Math.max(...consumed);
    // A crash of the machine may take bytes off the end that had been read.
    const most = this.seen.compressed ? Number.POSITIVE_INFINITY : this.seen.size;
    this.#startFrom([Math.min(consumed[0], most), Math.min(consumed[1], most)]);
    this.done = this.framed === neverRead;
  }

  /** What is left of it can't be read, in later lives neither. */
  leaveRest(): void {
    this.longLine = undefined;
    this.framed = neverRead;
    this.consumed = [neverRead, neverRead];
  }

  /** Takes the place of the file that it is a copy of, and that was read to what was its end then. */
  async succeed(original: LogFile): Promise<void> {
    const hasMore = !(await this.#bytes?.isOfSize(original.framed));
    this.resume(original.position());
    if (!hasMore) {
      this.framed = original.framed;
      this.done = true;
    }
  }

  /** The file was written anew in place, or its inode belongs to another file now: nothing of it was read yet. */
  restart(): void {
    this.fingerprint = noFingerprint;
    this.#largest = 0;
    this.#startFrom([0, 0]);
  }

  async close(): Promise<void> {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    await bytes?.close();
  }

  position(): FilePosition {
    const { seen, fingerprint, consumed } = this;
    const growing = seen.active && !this.gone;
    return { id: seen.id, name: seen.name, size: this.#sizeSeen, ...fingerprint, consumed: [...consumed], growing };
  }

  /** The same when another file has been written in its place. */
  lastPosition(): FilePosition {
    return { ...this.position(), size: this.#largest, growing: false };
  }

  get #sizeSeen(): number {
    return this.isOpen && !this.seen.compressed ? Math.max(this.#largest, this.seen.size) : this.#largest;
  }

  #startFrom(consumed: PerStream<number>): void {
    this.#durable = [...consumed];
    this.consumed = [...consumed];
    this.framed = Math.min(...consumed);
    this.longLine = undefined;
    this.done = false;
    this.restingSinceMs = undefined;
    this.finishedSinceMs = undefined;
    this.#tail = Buffer.alloc(0);
  }

  /** Learns more of the prefix while the file grows. */
  #isReplaced(prefix: Buffer): boolean {
    if (this.fingerprint.prefixBytes > 0 && !beginsAs(prefix, this.fingerprint)) {
      return true;
    }
    if (prefix.length > this.fingerprint.prefixBytes) {
      this.fingerprint = fingerprintOf(prefix);
    }
    return false;
  }
}
