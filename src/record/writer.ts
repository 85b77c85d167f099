import { type Disk, type DiskFile, systemDisk } from './disk.ts';
import { checkCaps, encodeRecord, recordBytes } from './frame.ts';

const firstBufferBytes = 64 * 1024;
/** A buffer that one large record made larger than this is given back after its commit. */
const keptBufferBytes = 2 * 1024 * 1024;

/** What the owner of a file hears, synchronously, of each commit. */
export interface CommitListener {
  /** What was appended until now goes to disk together; what is appended from now on belongs to the next commit. */
  began?(): void;
  /** Durable, before those who wait are told. `durableBytes` is the durable length of the file. */
  committed?(durableBytes: number): void;
  /**
   * The file takes nothing more. What was appended since the last `committed` may or may not be on disk.
   * Returns the reason that those who wait, and all later calls, are given.
   */
  failed?(error: unknown): unknown;
}

export interface RecordFileOptions {
  readonly disk?: Disk;
  /** Nothing is written before this resolves; if it rejects, the file has failed. */
  readonly after?: Promise<void>;
  readonly listener?: CommitListener;
}

/**
 * A file that only grows, by records (`frame.ts`). Natural group commit: a commit is one write and one fdatasync; it
 * starts when bytes wait and none is running, so it takes whatever came while the last one ran. No timer.
 * Once a write or fdatasync failed, nobody can know what is on disk: all that waits rejects, and so does every later call.
 */
export class RecordFile {
  readonly path: string;
  readonly #listener: CommitListener;
  readonly #opening: Promise<DiskFile>;
  #active: Buffer = Buffer.allocUnsafeSlow(firstBufferBytes);
  #spare: Buffer | undefined;
  #used = 0;
  #bytes: number;
  #durableBytes: number;
  /** Those of the next commit, and those of the one that runs. */
  #waiting: PromiseWithResolvers<void> | undefined;
  #current: PromiseWithResolvers<void> | undefined;
  #running = false;
  #failure: { readonly error: unknown } | undefined;
  #closed: Promise<void> | undefined;

  private constructor(path: string, bytes: number, opening: Promise<DiskFile>, listener: CommitListener) {
    this.path = path;
    this.#bytes = bytes;
    this.#durableBytes = bytes;
    this.#listener = listener;
    this.#opening = opening;
    ignoreHere(opening);
  }

  /**
   * A new file; appends are taken at once, while it is still being opened. Its name is durable before the first commit
   * counts. Fails (at the first commit) if the file is there already.
   */
  static create(path: string, options: RecordFileOptions = {}): RecordFile {
    const opening = createFile(path, options.disk ?? systemDisk, options.after);
    return new RecordFile(path, 0, opening, options.listener ?? {});
  }

  /**
   * Goes on in a file that is there, behind its first `bytes` bytes; what stands behind them is cut off. Makes what is
   * kept durable, since an earlier life may have ended between its write and its fdatasync.
   */
  static async open(path: string, bytes: number, options: RecordFileOptions = {}): Promise<RecordFile> {
    await options.after;
    const file = await (options.disk ?? systemDisk).file(path, 'open');
    await file.truncate(bytes);
    await file.datasync();
    return new RecordFile(path, bytes, Promise.resolve(file), options.listener ?? {});
  }

  /** Offset at which the next record will stand. */
  get bytes(): number {
    return this.#bytes;
  }

  get durableBytes(): number {
    return this.#durableBytes;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Copies at once, so the caller may use its buffers again; resolves when it is durable. All that go with one commit
   * get the same promise. Throws BRIDGE_TOO_LARGE past the caps of `frame.ts`.
   */
  append(header: Uint8Array, payload: readonly Uint8Array[] = []): Promise<void> {
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure.error);
    }
    if (this.#closed !== undefined) {
      return Promise.reject(new Error('the record file is closed'));
    }
    let payloadLength = 0;
    for (const part of payload) {
      payloadLength += part.length;
    }
    checkCaps(header.length, payloadLength);
    const size = recordBytes(header.length, payloadLength);
    this.#reserve(size);
    encodeRecord(this.#active, this.#used, header, payload);
    this.#used += size;
    this.#bytes += size;
    return this.#nextCommit();
  }

  /** Resolves when all that was appended is durable; at once if nothing waits. */
  async flush(): Promise<void> {
    await (this.#waiting ?? this.#current)?.promise;
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
  }

  /** Flushes and closes; rejects if not everything became durable. May be called more than once. */
  close(): Promise<void> {
    this.#closed ??= this.#flushAndClose();
    return this.#closed;
  }

  async #flushAndClose(): Promise<void> {
    const file = await this.#opening;
    try {
      await this.flush();
    } finally {
      await file.close();
    }
  }

  #reserve(bytes: number): void {
    const wanted = this.#used + bytes;
    if (wanted <= this.#active.length) {
      return;
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#active.length * 2));
    larger.set(this.#active.subarray(0, this.#used));
    this.#active = larger;
  }

  #nextCommit(): Promise<void> {
    if (this.#waiting === undefined) {
      this.#waiting = Promise.withResolvers<void>();
      ignoreHere(this.#waiting.promise);
      if (!this.#running) {
        this.#running = true;
        // After the I/O callbacks of this turn of the loop, so that they share the first commit.
        setImmediate(() => this.#run());
      }
    }
    return this.#waiting.promise;
  }

  async #run(): Promise<void> {
    try {
      const file = await this.#opening;
      while (this.#waiting !== undefined) {
        await this.#commit(file, this.#waiting);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#running = false;
  }

  async #commit(file: DiskFile, waiters: PromiseWithResolvers<void>): Promise<void> {
    const buffer = this.#active;
    const used = this.#used;
    this.#active = this.#spare ?? Buffer.allocUnsafeSlow(firstBufferBytes);
    this.#spare = undefined;
    this.#used = 0;
    this.#waiting = undefined;
    this.#current = waiters;
    this.#listener.began?.();
    await file.write(buffer.subarray(0, used), this.#durableBytes);
    await file.datasync();
    this.#durableBytes += used;
    this.#spare = buffer.length <= keptBufferBytes ? buffer : undefined;
    this.#current = undefined;
    this.#listener.committed?.(this.#durableBytes);
    waiters.resolve();
  }

  #fail(error: unknown): void {
    const reason = this.#listener.failed?.(error) ?? error;
    this.#failure = { error: reason };
    const waiting = [this.#current, this.#waiting];
    this.#current = undefined;
    this.#waiting = undefined;
    for (const waiters of waiting) {
      waiters?.reject(reason);
    }
  }
}

async function createFile(path: string, disk: Disk, after: Promise<void> | undefined): Promise<DiskFile> {
  await after;
  const file = await disk.file(path, 'create');
  await disk.syncDirOf(path);
  return file;
}

/** Whoever waits sees the rejection; if nobody does, it is not an unhandled one. */
function ignoreHere(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}
