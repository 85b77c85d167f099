import { join } from 'node:path';
import type { WriteRequest } from '../../contract/output.ts';
import type { Clock, Health } from '../../contract/runtime.ts';
import type { Answer, Question, Store, StorePosition, StoreStatus } from '../../contract/store.ts';
import type { QueueRecord, Signal } from '../../model/batch.ts';
import { DamageBook } from './damage-book.ts';
import type { HeldPosition } from './position.ts';
import { Slice } from './slice.ts';
import type { DecodeSpans } from './traces/trace-intake.ts';
import { TraceQuestions } from './traces/trace-questions.ts';
import { TraceStore } from './traces/trace-store.ts';

export interface EmbeddedStoreOptions {
  readonly dir: string;
  readonly retentionMs: number;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly decodeSpans: DecodeSpans;
  /** A partition is sealed at this many bytes. Default: 128 MiB, or a sixteenth of `maxBytes` if that is less. */
  readonly sealBytes?: number;
  /** ... or this long after its first record. Default: 6 h. */
  readonly sealMs?: number;
}

const defaultSealBytes = 128 * 1024 * 1024;
const defaultSealMs = 6 * 3_600_000;
/** So that unlinking the oldest partition frees a small part of what the store may take. */
const partitionsInStore = 16;

/**
 * The store without a database (design.md §6): a directory per signal, today `traces`. One thread uses it; questions
 * take turns with each other and let commits go first.
 */
export class EmbeddedStore implements Store {
  readonly #damage = new DamageBook();
  readonly #traces: TraceStore;
  readonly #questions: TraceQuestions;
  readonly #priority = { clear: () => this.#ingest };
  #ingest: Promise<void> = Promise.resolve();
  #failure: string | undefined;

  constructor(options: EmbeddedStoreOptions) {
    const { sealBytes, sealMs } = options;
    this.#traces = new TraceStore({
      dir: join(options.dir, 'traces'),
      retentionMs: options.retentionMs,
      maxBytes: options.maxBytes,
      sealBytes: sealBytes ?? Math.min(defaultSealBytes, Math.ceil(options.maxBytes / partitionsInStore)),
      sealMs: sealMs ?? defaultSealMs,
      clock: options.clock,
      decode: options.decodeSpans,
      damage: this.#damage,
    });
    this.#questions = new TraceQuestions(this.#traces);
  }

  open(): Promise<void> {
    return this.#traces.open();
  }

  async commit(request: WriteRequest): Promise<void> {
    if (request.signal === 'traces') {
      this.append(queueIdOf(request.id), request.records);
    }
    await this.flush();
  }

  /** Takes records of the traces lane into memory; `flush` makes them durable and lets questions find them. */
  append(queueId: string, records: readonly QueueRecord[]): void {
    this.#traces.append(queueId, records);
  }

  async flush(): Promise<void> {
    try {
      await this.#traces.flush();
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  /** Spans and bytes that wait for `flush`. */
  get waiting(): { readonly spans: number; readonly bytes: number } {
    return { spans: this.#traces.waitingSpans, bytes: this.#traces.waitingBytes };
  }

  /** Questions under way go on when this has settled. */
  ingesting(work: Promise<void>): void {
    this.#ingest = work.catch(() => undefined);
  }

  /** With the lane's `cumItems` there. */
  held(signal: Signal): HeldPosition | undefined {
    return signal === 'traces' ? this.#traces.position : undefined;
  }

  async position(signal: Signal): Promise<StorePosition | undefined> {
    const held = this.held(signal);
    return held === undefined ? undefined : { queueId: held.queueId, seq: held.seq };
  }

  async ask(question: Question, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    const slice = new Slice(this.#priority, signal);
    if (question.kind === 'store.status') {
      const status = await this.status();
      const body = Buffer.from(JSON.stringify(status));
      return { contentType: 'application/json', body, count: status.partitions.length };
    }
    return this.#questions.answer(question, slice);
  }

  expire(): Promise<number> {
    return this.#traces.expire();
  }

  async status(): Promise<StoreStatus> {
    const partitions = this.#traces.partitions.map((partition) => partition.status());
    const bytes = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
    return { partitions, bytes, damage: this.#damage.list() };
  }

  async check(): Promise<Health> {
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: this.#failure };
  }

  close(): Promise<void> {
    return this.#traces.close();
  }
}

/** `<queue id>:<first seq>-<last seq>` (contract/output.ts). */
function queueIdOf(requestId: string): string {
  return requestId.slice(0, requestId.lastIndexOf(':'));
}
