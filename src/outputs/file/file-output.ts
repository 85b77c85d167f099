import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NdjsonEncoder } from '../../codec/ndjson/ndjson-encoder.ts';
import { hasCode } from '../../contract/errors.ts';
import type { Output, OutputRuntime, WriteRequest, WriteResult } from '../../contract/output.ts';
import type { Health, Logger } from '../../contract/runtime.ts';
import { AppendFile } from './append-file.ts';
import type { FileConfig } from './file.ts';
import { Rotation } from './rotation.ts';

/** Appends, and says `delivered` when the lines are on disk. Requests of different signals take turns. */
export class FileOutput implements Output {
  readonly #path: string;
  readonly #file: AppendFile;
  readonly #encoder: NdjsonEncoder;
  readonly #rotation: Rotation;
  readonly #rotateBytes: number;
  readonly #log: Logger;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(config: FileConfig, runtime: OutputRuntime) {
    const path = resolve(runtime.dataDir, config.path);
    const { clock, log } = runtime;
    this.#path = path;
    this.#file = new AppendFile(path);
    this.#rotateBytes = config.rotate_bytes ?? Number.POSITIVE_INFINITY;
    this.#rotation = new Rotation({ path, keep: config.rotate_keep, compression: config.compression, clock, log });
    this.#log = log;
    this.#encoder = new NdjsonEncoder(runtime.decode);
  }

  async start(): Promise<void> {
    if (this.#rotateBytes !== Number.POSITIVE_INFINITY) {
      await mkdir(dirname(this.#path), { recursive: true }).catch(() => undefined);
      this.#rotation.tidy();
    }
  }

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
    await this.#rotation.stop();
  }

  async #write(request: WriteRequest, signal: AbortSignal): Promise<WriteResult> {
    signal.throwIfAborted();
    try {
      const bytes = await this.#file.append(this.#encoder.pieces(request.records));
      if (bytes >= this.#rotateBytes) {
        await this.#rotate();
      }
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

  /** What was written is durable either way: a file that can't be set aside grows on. */
  async #rotate(): Promise<void> {
    await this.#file.close();
    try {
      await this.#rotation.setAside();
    } catch (error) {
      this.#log.warn({ path: this.#path, error }, 'A full file could not be set aside; it grows on.');
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
