import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { QueueRecord, Signal } from '../model/batch.ts';
import { RecordReader } from '../record/reader.ts';
import { RecordFile } from '../record/writer.ts';

const maxFileBytes = 64 * 1024 * 1024;

export interface DeadLettersOptions {
  /** `<dataDir>/dead-letters/<output>` */
  readonly dir: string;
  readonly signal: Signal;
  readonly now: () => number;
}

/**
 * Records that a backend refused for good, kept in `<signal>.seg` so that somebody can look at them; past 64 MiB that
 * becomes `<signal>.old.seg`, and an older one goes. A record file (`record/frame.ts`); each header is JSON `{reason,
 * atMs, seq, format, receivedAtMs, items, cumItems, origin, edits?, dictionary?, dictionaryBytes?}`, the payload is the
 * record's, followed by its dictionary where it has one.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #path: string;
  #file: RecordFile | undefined;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
    this.#path = join(options.dir, `${options.signal}.seg`);
  }

  /** Resolves when it is durable. One call at a time. */
  async add(record: QueueRecord, reason: string): Promise<void> {
    const { payload, dictionary, position: _position, signal: _signal, ...facts } = record;
    const header = {
      reason,
      atMs: this.#options.now(),
      ...facts,
      ...(dictionary === undefined ? {} : { dictionary: dictionary.id, dictionaryBytes: dictionary.bytes.length }),
    };
    const parts = dictionary === undefined ? [payload] : [payload, dictionary.bytes];
    const file = await this.#roomy();
    await file.append(Buffer.from(JSON.stringify(header)), parts);
  }

  async close(): Promise<void> {
    // What failed was told to whoever added it.
    await this.#file?.close().catch(() => undefined);
  }

  async #roomy(): Promise<RecordFile> {
    if (this.#file?.failed === true) {
      await this.#file.close().catch(() => undefined);
      this.#file = undefined;
    }
    this.#file ??= await this.#open();
    if (this.#file.bytes >= maxFileBytes) {
      await this.#file.close();
      this.#file = undefined;
      await rename(this.#path, join(this.#options.dir, `${this.#options.signal}.old.seg`));
      this.#file = RecordFile.create(this.#path);
    }
    return this.#file;
  }

  async #open(): Promise<RecordFile> {
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
    const goodBytes = await goodEnd(this.#path);
    return goodBytes === undefined ? RecordFile.create(this.#path) : RecordFile.open(this.#path, goodBytes);
  }
}

/** Behind the last good record of a file; undefined if there is no file. */
async function goodEnd(path: string): Promise<number | undefined> {
  const reader = await RecordReader.open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
  if (reader === undefined) {
    return undefined;
  }
  try {
    let end = 0;
    for (let events = await reader.read(); ; events = await reader.read()) {
      const last = events.length === 0;
      for (const event of last ? reader.finish() : events) {
        end = event.kind === 'record' ? event.end : end;
      }
      if (last) {
        return end;
      }
    }
  } finally {
    await reader.close();
  }
}
