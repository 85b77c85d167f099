import type { StreamIndex } from '../../codec/cri/runtime-line.ts';
import { closeFile, factsOfOpen, openFile, readAt, unlessMissing } from './file-io.ts';
import {
  beginsAs,
  type Fingerprint,
  fingerprintOf,
  maxPrefixBytes,
  noFingerprint,
  readPrefix,
  tellingPrefixBytes,
} from './fingerprint.ts';
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
  /** When it first looked finished, ms; undefined while it does not. */
  finishedSinceMs: number | undefined;
  fingerprint: Fingerprint = noFingerprint;
  /** Offset behind the last physical line that was taken. */
  framed = 0;
  /** Records of a stream that begin before it have been taken; held back while one is open. */
  consumed: PerStream<number> = [0, 0];
  longLine: LongLine | undefined;
  #durable: PerStream<number> = [0, 0];
  #largest: number;
  #descriptor: number | undefined;
  #tail = Buffer.alloc(0);

  constructor(seen: SeenFile) {
    this.seen = seen;
    this.#largest = seen.size;
  }

  get id(): string {
    return this.seen.id;
  }

  get gone(): boolean {
    return this.goneSinceMs !== undefined;
  }

  get isOpen(): boolean {
    return this.#descriptor !== undefined;
  }

  /** Bytes that are there and were not taken yet. */
  get lagBytes(): number {
    return this.done ? 0 : Math.max(0, this.seen.size - this.framed);
  }

  /** Takes note of a look at the directory. True when the file may have changed since the last one. */
  see(seen: SeenFile): boolean {
    const { size, modifiedNanos, active } = this.seen;
    this.seen = seen;
    this.goneSinceMs = undefined;
    this.#largest = Math.max(this.#largest, seen.size);
    if (this.done && (seen.size !== this.framed || modifiedNanos !== seen.modifiedNanos)) {
      // Its inode may belong to another file by now: `open` finds out.
      this.done = false;
      this.finishedSinceMs = undefined;
    }
    return size !== seen.size || modifiedNanos !== seen.modifiedNanos || active !== seen.active;
  }

  /**
   * Opens it, unless it is open. `replaced`: what is there does not begin as what was read. `moved`: another file, or none, is
   * at its path; the next look at the directory tells.
   */
  async open(): Promise<'open' | 'moved' | 'replaced'> {
    if (this.#descriptor !== undefined) {
      return 'open';
    }
    const descriptor = await unlessMissing(openFile(this.seen.path));
    if (descriptor === undefined) {
      return 'moved';
    }
    const facts = await factsOfOpen(descriptor);
    if (facts.id !== this.id) {
      await closeFile(descriptor);
      return 'moved';
    }
    this.#descriptor = descriptor;
    return this.#isReplaced(await readPrefix(descriptor)) ? 'replaced' : 'open';
  }

  /** Reads behind what was taken. `replaced`: the bytes before it are not those that were read. */
  async read(buffer: Buffer): Promise<ReadBlock | 'replaced'> {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) {
      return { from: 0, to: 0 };
    }
    const overlap = this.#tail.length;
    const to = await readAt(descriptor, buffer, this.framed - overlap);
    const isUnsure = this.fingerprint.prefixBytes < maxPrefixBytes || (overlap === 0 && this.framed > 0);
    // After the bytes, so that what was read is never without a fingerprint.
    if (isUnsure && this.#isReplaced(await readPrefix(descriptor))) {
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
    return this.#descriptor === undefined ? Buffer.alloc(0) : await readPrefix(this.#descriptor);
  }

  /** Does this file, which is open, hold all that was read of the other one? */
  async isCopyOf(other: LogFile): Promise<boolean> {
    const isTelling = other.fingerprint.prefixBytes >= tellingPrefixBytes;
    if (this.#descriptor === undefined || !isTelling || !beginsAs(await this.prefix(), other.fingerprint)) {
      return false;
    }
    const tail = other.#tail;
    const same = Buffer.alloc(tail.length);
    const bytes = tail.length === 0 ? 0 : await readAt(this.#descriptor, same, other.framed - tail.length);
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
    const bytes = this.#descriptor === undefined ? 0 : await readAt(this.#descriptor, last, size - last.length);
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
    this.#largest = Math.max(this.seen.size, this.seen.id === position.id ? size : 0);
    // A crash of the machine may take bytes off the end that had been read.
    this.#startFrom([Math.min(consumed[0], this.seen.size), Math.min(consumed[1], this.seen.size)]);
  }

  /** The file was written anew in place, or its inode belongs to another file now: nothing of it was read yet. */
  restart(): void {
    this.fingerprint = noFingerprint;
    this.#largest = 0;
    this.#startFrom([0, 0]);
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) {
      await closeFile(descriptor);
    }
  }

  position(): FilePosition {
    const { seen, fingerprint, consumed } = this;
    return { id: seen.id, name: seen.name, size: this.#largest, ...fingerprint, consumed: [...consumed] };
  }

  #startFrom(consumed: PerStream<number>): void {
    this.#durable = [...consumed];
    this.consumed = [...consumed];
    this.framed = Math.min(...consumed);
    this.longLine = undefined;
    this.done = false;
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
