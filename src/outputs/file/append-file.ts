import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const newline = 10;
/** How a line begins that we wrote; a torn end that begins otherwise is somebody else's and stays. */
const ourBeginning = '{"signal":"';
const tailBytes = 65_536;

/** A file of lines that is appended to. What stands there is whole lines, also after a crash or a full disk. */
export class AppendFile {
  readonly #path: string;
  #handle: FileHandle | undefined;
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Appends all pieces and makes them durable, and resolves with the size of the file; or leaves it as it was and throws. */
  async append(pieces: Iterable<Uint8Array>): Promise<number> {
    const handle = await this.#open();
    const before = this.#bytes;
    try {
      for (const piece of pieces) {
        await writeAll(handle, piece);
        this.#bytes += piece.length;
      }
      await handle.datasync();
      return this.#bytes;
    } catch (error) {
      // When not even this works, the next opening cuts the torn line; whole ones may come twice.
      await handle.truncate(before).catch(() => undefined);
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** Opens it anew when somebody moved, removed or shortened it since. */
  async #open(): Promise<FileHandle> {
    if (this.#handle !== undefined && (await this.#isStill(this.#handle))) {
      return this.#handle;
    }
    await this.close();
    await mkdir(dirname(this.#path), { recursive: true });
    const handle = await open(this.#path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    try {
      this.#bytes = await mendEnd(handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
    this.#handle = handle;
    return handle;
  }

  async #isStill(handle: FileHandle): Promise<boolean> {
    const [there, ours] = await Promise.all([stat(this.#path).catch(() => undefined), handle.stat()]);
    return there !== undefined && there.ino === ours.ino && there.dev === ours.dev && there.size === this.#bytes;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}

/**
 * Makes the file end with a newline, and resolves with its size. A last line of ours that is torn was never acknowledged and
 * comes again, so it is cut off; anything else gets its newline.
 */
async function mendEnd(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  const start = await lastLineStart(handle, size);
  if (start === size) {
    return size;
  }
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(ourBeginning.length), 0, ourBeginning.length, start);
  const beginning = buffer.toString('latin1', 0, bytesRead);
  if (ourBeginning.startsWith(beginning)) {
    await handle.truncate(start);
    return start;
  }
  await handle.write('\n');
  return size + 1;
}

/** Offset behind the last newline. */
async function lastLineStart(handle: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.alloc(Math.min(size, tailBytes));
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - buffer.length);
    const { bytesRead } = await handle.read(buffer, 0, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(newline);
    if (at >= 0) {
      return start + at + 1;
    }
    end = start;
  }
  return 0;
}
