import { mkdir, rename } from 'node:fs/promises';
import type { Logger } from '../contract/runtime.ts';
import type { DeadLetterStatus } from '../contract/status.ts';
import type { QueueRecord, Signal } from '../model/batch.ts';
import { RecordFile } from '../record/writer.ts';
import { deadLetterPaths, fileFacts, readDeadLetters } from './dead-letter-file.ts';

const defaultMaxFileBytes = 64 * 1024 * 1024;

export interface DeadLettersOptions {
  /** `<dataDir>/dead-letters/<output>` */
  readonly dir: string;
  readonly signal: Signal;
  readonly now: () => number;
  readonly log?: Logger;
  /** Of each of the two files. Default 64 MiB. */
  readonly maxFileBytes?: number;
}

interface Held {
  records: number;
  items: number;
  bytes: number;
  /** Behind the last good record. */
  goodBytes: number;
}

const none: Held = { records: 0, items: 0, bytes: 0, goodBytes: 0 };

/**
 * Records that a backend refused for good, kept in `<signal>.seg` so that somebody can look at them and have them tried
 * again; past 64 MiB that becomes `<signal>.old.seg`, and an older one goes. A record file (`record/frame.ts`); each header is
 * JSON `{reason, atMs, seq, format, receivedAtMs, items, cumItems, origin, scope?, edits?, dictionary?, dictionaryBytes?}`, the
 * payload is the record's, followed by its dictionary where it has one.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #paths: ReturnType<typeof deadLetterPaths>;
  #file: RecordFile | undefined;
  #looking: Promise<void> | undefined;
  #before: Held = { ...none };
  #now: Held = { ...none };
  #last: { readonly reason: string; readonly atMs: number } | undefined;
  #discardedItems = 0;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
    this.#paths = deadLetterPaths(options.dir, options.signal);
  }

  /** Counts what is there from earlier lives. May be called more than once. */
  look(): Promise<void> {
    this.#looking ??= this.#look();
    return this.#looking;
  }

  /** What is there; undefined if there is nothing. */
  get status(): DeadLetterStatus | undefined {
    const { reason, atMs } = this.#last ?? {};
    if (reason === undefined || atMs === undefined) {
      return undefined;
    }
    return {
      records: this.#before.records + this.#now.records,
      items: this.#before.items + this.#now.items,
      bytes: this.#before.bytes + this.#now.bytes,
      lastReason: reason,
      lastMs: atMs,
      discardedItems: this.#discardedItems,
    };
  }

  /** Resolves when it is durable. One call at a time. */
  async add(record: QueueRecord, reason: string): Promise<void> {
    const { payload, dictionary, position: _position, signal: _signal, only: _only, ...facts } = record;
    const atMs = this.#options.now();
    const header = {
      reason,
      atMs,
      ...facts,
      ...(dictionary === undefined ? {} : { dictionary: dictionary.id, dictionaryBytes: dictionary.bytes.length }),
    };
    const parts = dictionary === undefined ? [payload] : [payload, dictionary.bytes];
    const file = await this.#roomy();
    await file.append(Buffer.from(JSON.stringify(header)), parts);
    this.#now.records += 1;
    this.#now.items += record.items;
    this.#now.bytes = file.bytes;
    this.#now.goodBytes = file.bytes;
    this.#last = { reason, atMs };
  }

  async close(): Promise<void> {
    // What failed was told to whoever added it.
    await this.#file?.close().catch(() => undefined);
  }

  async #look(): Promise<void> {
    const { before, now } = this.#paths;
    try {
      this.#before = await this.#held(before);
      this.#now = await this.#held(now);
    } catch (error) {
      this.#looking = undefined;
      throw error;
    }
  }

  async #held(path: string): Promise<Held> {
    const held = { ...none, bytes: (await fileFacts(path))?.bytes ?? 0 };
    for await (const { reason, atMs, batch, end } of readDeadLetters(path, this.#options.signal)) {
      held.records += 1;
      held.items += batch.items;
      held.goodBytes = end;
      this.#last = { reason, atMs };
    }
    return held;
  }

  async #roomy(): Promise<RecordFile> {
    if (this.#file?.failed === true) {
      await this.#file.close().catch(() => undefined);
      this.#file = undefined;
      this.#looking = undefined;
    }
    await this.look();
    this.#file ??= await this.#open();
    if (this.#file.bytes >= (this.#options.maxFileBytes ?? defaultMaxFileBytes)) {
      await this.#file.close();
      this.#file = undefined;
      await this.#discardOldest();
      this.#file = RecordFile.create(this.#paths.now);
    }
    return this.#file;
  }

  async #discardOldest(): Promise<void> {
    const { records, items } = this.#before;
    await rename(this.#paths.now, this.#paths.before);
    this.#before = this.#now;
    this.#now = { ...none };
    this.#discardedItems += items;
    if (records > 0) {
      const { dir, signal, log } = this.#options;
      log?.error({ signal, dir, records, items }, 'The dead letters are at their cap; the oldest are gone.');
    }
  }

  async #open(): Promise<RecordFile> {
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
    const { now } = this.#paths;
    return (await fileFacts(now)) === undefined ? RecordFile.create(now) : RecordFile.open(now, this.#now.goodBytes);
  }
}
