import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { QueueRecord, Signal } from '../model/batch.ts';
import { RecordFile } from '../record/writer.ts';

export interface DeadLettersOptions {
  /** `<dataDir>/dead-letters/<output>` */
  readonly dir: string;
  readonly signal: Signal;
  readonly now: () => number;
}

/**
 * Records that a backend refused for good, kept so that somebody can look at them. A record file (`record/frame.ts`);
 * each header is JSON `{reason, atMs, seq, format, receivedAtMs, items, origin, edits?, dictionary?}`, the payload is the
 * record's, followed by its dictionary (`dictionaryBytes` long) where it has one.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  #file: RecordFile | undefined;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** Resolves when it is durable. */
  async add(record: QueueRecord, reason: string): Promise<void> {
    const { payload, dictionary, position: _position, signal: _signal, ...facts } = record;
    const header = {
      reason,
      atMs: this.#options.now(),
      ...facts,
      ...(dictionary === undefined ? {} : { dictionary: dictionary.id, dictionaryBytes: dictionary.bytes.length }),
    };
    const parts = dictionary === undefined ? [payload] : [payload, dictionary.bytes];
    const file = await this.#open();
    await file.append(Buffer.from(JSON.stringify(header)), parts);
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #open(): Promise<RecordFile> {
    if (this.#file === undefined || this.#file.failed) {
      await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
      this.#file = RecordFile.create(join(this.#options.dir, `${this.#options.signal}-${this.#options.now()}.seg`));
    }
    return this.#file;
  }
}
