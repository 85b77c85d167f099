import { type FileHandle, open } from 'node:fs/promises';
import { BridgeError } from '../contract/errors.ts';
import { checkFrame, prefixBytes, type ScanEvent } from './frame.ts';
import { type Accept, FrameScanner } from './scanner.ts';

export interface RecordReaderOptions {
  /** Offset of the first record. Default 0. */
  readonly from?: number;
  readonly accept?: Accept;
  /** How much is read at a time; a record that is larger is read whole. Default 256 KiB. */
  readonly windowBytes?: number;
}

const defaultWindowBytes = 256 * 1024;
/** Less than this part of a window is copied out of it. */
const copiedShare = 4;

/**
 * Reads the records of a file in order, window by window, by pread (never mapped: a torn file must be an error, not a
 * signal). The file may grow meanwhile.
 */
export class RecordReader {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #accept: Accept | undefined;
  readonly #windowBytes: number;
  #scanner: FrameScanner;
  /** A window that nothing is a view of. */
  #spare: Buffer | undefined;

  private constructor(path: string, handle: FileHandle, options: RecordReaderOptions) {
    this.path = path;
    this.#handle = handle;
    this.#accept = options.accept;
    this.#windowBytes = options.windowBytes ?? defaultWindowBytes;
    this.#scanner = new FrameScanner(options.from ?? 0, this.#accept);
  }

  /** Rejects with the file system's error. */
  static async open(path: string, options: RecordReaderOptions = {}): Promise<RecordReader> {
    return new RecordReader(path, await open(path, 'r'), options);
  }

  /** Everything before this offset has been told. */
  get offset(): number {
    return this.#scanner.offset;
  }

  /**
   * The next events, at least one; an empty list when the file, as long as it is now, holds nothing more that is certain.
   * Headers and payloads are views of a buffer that is not used again.
   */
  async read(): Promise<ScanEvent[]> {
    for (;;) {
      const events = this.#drain();
      if (events.length > 0 || !(await this.#fill())) {
        return events;
      }
    }
  }

  /**
   * What remains, taking the present end of the file for its end: damage is told where more records follow it, and a
   * last `torn` event where not. Call it when `read` answered an empty list; empty when the file ended with a whole record.
   */
  finish(): ScanEvent[] {
    const events: ScanEvent[] = [];
    for (let event = this.#scanner.finish(); event !== undefined; event = this.#scanner.finish()) {
      events.push(event);
    }
    return events;
  }

  /** Goes on at that offset, where a record must begin. */
  seek(offset: number): void {
    this.#scanner = new FrameScanner(offset, this.#accept);
  }

  /** What has been read and not told is forgotten, and read again as the file is then. */
  readAgain(): void {
    this.seek(this.#scanner.untold);
  }

  /** The record at that offset, wherever reading stands. Throws BRIDGE_CORRUPT if there is none. */
  recordAt(offset: number): Promise<{ header: Buffer; payload: Buffer }> {
    return readRecordAt(this.#handle, offset);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #drain(): ScanEvent[] {
    const events: ScanEvent[] = [];
    for (let event = this.#scanner.next(); event !== undefined; event = this.#scanner.next()) {
      events.push(event);
    }
    return events;
  }

  /** Reads on; false when the file has nothing more now. */
  async #fill(): Promise<boolean> {
    const rest = this.#scanner.rest;
    const wantedBytes = Math.max(this.#windowBytes, this.#scanner.needBytes, rest.length * 2);
    const spare = this.#spare;
    this.#spare = undefined;
    const target = spare !== undefined && spare.length >= wantedBytes ? spare : Buffer.allocUnsafeSlow(wantedBytes);
    const { bytesRead } = await this.#handle.read(
      target,
      rest.length,
      target.length - rest.length,
      this.#scanner.offset + rest.length,
    );
    if (bytesRead === 0) {
      this.#spare = target;
      return false;
    }
    target.set(rest);
    this.#scanner.window(this.#kept(target, rest.length + bytesRead));
    return true;
  }

  /** Who follows a file that grows reads a little at a time: that is copied, so that the window can be used again. */
  #kept(target: Buffer, filledBytes: number): Buffer {
    const filled = target.subarray(0, filledBytes);
    if (filledBytes > target.length / copiedShare) {
      return filled;
    }
    this.#spare = target;
    return Buffer.from(filled);
  }
}

const firstLookBytes = 4096;

/** One record by its offset. Throws BRIDGE_CORRUPT when the bytes there are not a whole, intact record. */
export async function readRecordAt(
  handle: FileHandle,
  offset: number,
  expectedBytes = firstLookBytes,
): Promise<{ header: Buffer; payload: Buffer }> {
  let bytes = await readUpTo(handle, offset, Math.max(expectedBytes, prefixBytes));
  for (;;) {
    const check = bytes.length === 0 ? undefined : checkFrame(bytes, 0);
    if (check?.kind === 'record') {
      return {
        header: bytes.subarray(prefixBytes, check.payloadAt),
        payload: bytes.subarray(check.payloadAt, check.end),
      };
    }
    const more = check?.kind === 'short' && check.needBytes > bytes.length ? check.needBytes : 0;
    const longer = more === 0 ? bytes : await readUpTo(handle, offset, more);
    if (longer.length <= bytes.length) {
      throw new BridgeError('BRIDGE_CORRUPT', `no intact record at offset ${offset}`);
    }
    bytes = longer;
  }
}

async function readUpTo(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  const { bytesRead } = await handle.read(bytes, 0, length, offset);
  return bytes.subarray(0, bytesRead);
}
