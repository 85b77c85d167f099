import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../contract/runtime.ts';
import type { Answer, Question } from '../../../contract/store.ts';
import type { QueueRecord } from '../../../model/batch.ts';
import type { DamageBook } from '../damage-book.ts';
import { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { SignalStore } from '../signal-store.ts';
import type { Slice } from '../slice.ts';
import { BlockCache } from './block-cache.ts';
import { HeldRanges } from './held-ranges.ts';
import { Partition } from './partition.ts';
import { PartitionWriter } from './partition-writer.ts';
import { type DecodeSpans, TraceIntake, type Waiting } from './trace-intake.ts';
import { isTraceQuestion, TraceQuestions } from './trace-questions.ts';

export interface TraceStoreOptions {
  /** `<store>/traces` */
  readonly dir: string;
  /** Partitions whose last span came longer ago than this are unlinked. */
  readonly retentionMs: number;
  /** A partition is sealed when its blocks take this much, or its first span came `sealMs` ago. */
  readonly sealBytes: number;
  readonly sealMs: number;
  readonly clock: Clock;
  readonly decode: DecodeSpans;
  readonly damage: DamageBook;
}

interface Active {
  readonly partition: Partition;
  readonly writer: PartitionWriter;
}

/** Traces on disk: one active partition, the sealed ones before it, and what waits in memory for the next commit. */
export class TraceStore implements SignalStore {
  readonly signal = 'traces';
  readonly #options: TraceStoreOptions;
  readonly #files = new FileCache();
  readonly #intake: TraceIntake;
  readonly blocks = new BlockCache();
  readonly #questions = new TraceQuestions(this);
  /** Oldest first; the active one, if there is one, is the last. */
  #partitions: readonly Partition[] = [];
  #active: Active | undefined;
  #position: HeldPosition | undefined;
  /** Commits, seals and unlinks, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: TraceStoreOptions) {
    this.#options = options;
    this.#intake = new TraceIntake(options.decode, options.damage);
  }

  get partitions(): readonly Partition[] {
    return this.#partitions;
  }

  /** The last record whose spans are durable and found by questions. */
  get position(): HeldPosition | undefined {
    return this.#position;
  }

  get waiting(): SignalStore['waiting'] {
    return { items: this.#intake.spans, bytes: this.#intake.bytes };
  }

  async open(): Promise<void> {
    mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 });
    const names = readdirSync(this.#options.dir).filter((name) => /^\d{1,16}$/.test(name));
    const ordered = names
      .map(Number)
      .sort((a, b) => a - b)
      .map((startMs) => this.#partition(startMs))
      // One that ended before its file was made holds nothing.
      .filter(({ blocksPath }) => existsSync(blocksPath));
    this.#partitions = ordered;
    let held = new HeldRanges(undefined, []);
    for (const partition of ordered) {
      held = (await this.#recover(partition, partition === ordered.at(-1))) ?? held;
    }
    this.#position = ordered.findLast(({ position }) => position !== undefined)?.position;
    this.#intake.begin(this.#position, held);
  }

  /** Takes records into memory; what is at or before the position is skipped. */
  append(queueId: string, records: readonly QueueRecord[]): void {
    for (const record of records) {
      this.#intake.add(queueId, record);
    }
  }

  /** Makes durable, and then visible, what was appended before. */
  flush(): Promise<void> {
    return this.#inTurn(async () => {
      const waiting = this.#intake.take();
      if (waiting !== undefined) {
        await this.#commit(waiting);
      }
    });
  }

  expire(): Promise<number> {
    return this.#inTurn(async () => {
      const before = this.#options.clock.now() - this.#options.retentionMs;
      await this.#resealRebuilt();
      if (this.#active !== undefined && this.#active.partition.spans > 0 && this.#active.partition.arrivedMs < before) {
        await this.#roll(this.#options.clock.now());
      }
      let bytes = 0;
      for (const partition of this.#partitions.slice(0, -1)) {
        if (partition.arrivedMs >= before) {
          break;
        }
        bytes += await this.#remove(partition);
      }
      return bytes;
    });
  }

  dropOldest(): Promise<number> {
    return this.#inTurn(async () => {
      const [oldest, ...others] = this.#partitions;
      return oldest === undefined || others.length === 0 ? 0 : this.#remove(oldest);
    });
  }

  answer(question: Question, slice: Slice): Promise<Answer> | undefined {
    return isTraceQuestion(question) ? this.#questions.answer(question, slice) : undefined;
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#active?.writer.close();
      this.#active = undefined;
      this.#files.close();
    });
  }

  #partition(startMs: number): Partition {
    const dir = join(this.#options.dir, String(startMs));
    return new Partition(dir, startMs, { files: this.#files, damage: this.#options.damage });
  }

  async #recover(partition: Partition, newest: boolean): Promise<HeldRanges | undefined> {
    if (partition.openSealed()) {
      return undefined;
    }
    const scan = partition.openLive();
    this.#files.forget(partition.blocksPath);
    if (!newest || scan.nonce === undefined) {
      await partition.seal();
      return undefined;
    }
    const writer = await PartitionWriter.open(partition.blocksPath, scan.nonce, scan);
    this.#active = { partition, writer };
    const beyond = scan.blocks.slice(scan.beyond).map(({ summary }) => summary);
    return new HeldRanges(scan.beyondQueueId, beyond);
  }

  async #commit({ blocks, position, firstArrivedMs, arrivedMs }: Waiting): Promise<void> {
    const { partition, writer } = await this.#activeFor(firstArrivedMs);
    const found = await writer.commit(blocks, position, arrivedMs);
    partition.grow(found, position, writer.bytes, arrivedMs);
    this.#position = position;
  }

  /** The active partition, a new one where the old one is old or large enough. */
  async #activeFor(arrivedMs: number): Promise<Active> {
    const active = this.#active;
    if (active === undefined) {
      return this.#begin(arrivedMs);
    }
    const old = arrivedMs - active.partition.startMs >= this.#options.sealMs;
    if (active.partition.spans > 0 && (old || active.writer.bytes >= this.#options.sealBytes)) {
      return this.#roll(arrivedMs);
    }
    return active;
  }

  async #roll(arrivedMs: number): Promise<Active> {
    const old = this.#active;
    await old?.writer.close();
    const next = await this.#begin(arrivedMs);
    await old?.partition.seal();
    return next;
  }

  async #begin(arrivedMs: number): Promise<Active> {
    const last = this.#partitions.at(-1);
    const partition = this.#partition(Math.max(Math.floor(arrivedMs), (last?.startMs ?? -1) + 1));
    const writer = await PartitionWriter.create(partition.blocksPath, this.#position);
    partition.grow([], this.#position, writer.bytes);
    this.#partitions = [...this.#partitions, partition];
    this.#active = { partition, writer };
    return this.#active;
  }

  async #remove(partition: Partition): Promise<number> {
    const { bytes } = partition;
    this.#partitions = this.#partitions.filter((other) => other !== partition);
    await partition.remove();
    return bytes;
  }

  async #resealRebuilt(): Promise<void> {
    for (const partition of this.#partitions) {
      if (partition !== this.#active?.partition && !partition.sealed) {
        await partition.seal();
      }
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
