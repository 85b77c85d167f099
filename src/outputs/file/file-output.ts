import { constants } from 'node:fs';
import { access, type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ndjsonOf } from '../../codec/ndjson/ndjson.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import type { FileConfig } from './file.ts';

const tailBytes = 64 * 1024;

/** Appends, and says `delivered` when the lines are on disk. The signals' requests take turns. */
export class FileOutput implements Output {
  readonly #path: string;
  readonly #runtime: OutputRuntime;
  #file: FileHandle | undefined;
  #bytes = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(config: FileConfig, runtime: OutputRuntime) {
    this.#path = resolve(runtime.dataDir, config.path);
    this.#runtime = runtime;
  }

  async start(): Promise<void> {}

  write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const result = this.#turn.then(() => this.#write(request, signal));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    let text: string;
    try {
      text = request.records.map((record) => ndjsonOf(record, this.#runtime.decode)).join('');
    } catch (error) {
      if (hasCode(error, 'BRIDGE_DECODE')) {
        return { status: 'split', reason: error.message };
      }
      throw error;
    }
    try {
      await this.#append(Buffer.from(text));
      return { status: 'delivered' };
    } catch (error) {
      await this.#reopenLater();
      return { status: 'retry', reason: `${this.#path}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  /** All or nothing: what a failed write left behind is cut off before the next one. */
  async #append(bytes: Buffer): Promise<void> {
    const file = await this.#open();
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, this.#bytes + done);
      done += bytesWritten;
    }
    await file.datasync();
    this.#bytes += bytes.length;
  }

  async #open(): Promise<FileHandle> {
    if (this.#file === undefined) {
      await mkdir(dirname(this.#path), { recursive: true });
      const file = await open(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
      try {
        this.#bytes = await wholeLines(file);
        await file.truncate(this.#bytes);
      } catch (error) {
        await file.close();
        throw error;
      }
      this.#file = file;
    }
    return this.#file;
  }

  async #reopenLater(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) {
      await file.truncate(this.#bytes).catch(() => undefined);
      await file.close().catch(() => undefined);
    }
  }

  async check(): Promise<Health> {
    try {
      await access(dirname(this.#path), constants.W_OK);
      return { ok: true };
    } catch {
      return { ok: false, reason: `${dirname(this.#path)} cannot be written` };
    }
  }

  async stop(): Promise<void> {
    await this.#turn;
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** Length of the file up to its last newline: what stands behind it was never acknowledged and comes again. */
async function wholeLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const buffer = Buffer.alloc(Math.min(size, tailBytes));
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - buffer.length);
    await file.read(buffer, 0, end - start, start);
    const newline = buffer.subarray(0, end - start).lastIndexOf(10);
    if (newline >= 0) {
      return start + newline + 1;
    }
    end = start;
  }
  return 0;
}
