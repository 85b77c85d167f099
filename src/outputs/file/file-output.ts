import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NdjsonEncoder } from '../../codec/ndjson/ndjson-encoder.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health } from '../../contract/runtime.ts';
import { AppendFile } from './append-file.ts';

/** Appends, and says `delivered` when the lines are on disk. Requests of different signals take turns. */
export class FileOutput implements Output {
  readonly #path: string;
  readonly #file: AppendFile;
  readonly #encoder: NdjsonEncoder;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string, runtime: OutputRuntime) {
    this.#path = resolve(runtime.dataDir, path);
    this.#file = new AppendFile(this.#path);
    this.#encoder = new NdjsonEncoder(runtime.decode);
  }

  async start(): Promise<void> {}

  write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    const result = this.#turn.then(() => this.#write(request, signal));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async check(): Promise<Health> {
    const path = await nearestExisting(this.#path);
    try {
      await access(path, constants.W_OK);
    } catch {
      return { ok: false, reason: `${path} can not be written to` };
    }
    const isDirectory = (await stat(path)).isDirectory();
    return isDirectory === (path !== this.#path) ? { ok: true } : { ok: false, reason: `${path} is in the way` };
  }

  async stop(): Promise<void> {
    await this.#turn;
    await this.#file.close();
  }

  async #write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    try {
      await this.#file.append(this.#encoder.pieces(request.records));
      return { status: 'delivered' };
    } catch (error) {
      if (hasCode(error, 'BRIDGE_DECODE')) {
        return { status: 'split', reason: error.message };
      }
      if (isSystemError(error)) {
        return { status: 'retry', reason: `${this.#path}: ${error.message}`, cause: 'local' };
      }
      throw error;
    }
  }
}

/** The file, or of the directories above it the first that is there. */
async function nearestExisting(path: string): Promise<string> {
  try {
    await access(path);
    return path;
  } catch {
    return dirname(path) === path ? path : nearestExisting(dirname(path));
  }
}

/** What the system said, such as a full disk; anything else is our own fault. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return typeof error === 'object' && error !== null && 'syscall' in error;
}
