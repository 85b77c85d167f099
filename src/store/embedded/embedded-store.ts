import { join } from 'node:path';
import { BridgeError } from '../../contract/errors.ts';
import type { WriteRequest } from '../../contract/output.ts';
import type { Clock, Health } from '../../contract/runtime.ts';
import type { Answer, Question, Store, StorePosition, StoreStatus } from '../../contract/store.ts';
import type { Signal } from '../../model/batch.ts';
import { unlessDiskFull } from './blocks/disk-full.ts';
import { DamageBook } from './damage-book.ts';
import { EvictionBook } from './eviction-book.ts';
import { LogStore } from './logs/log-store.ts';
import { MetricStore } from './metrics/metric-store.ts';
import { RumStore } from './rum/rum-store.ts';
import type { SignalStore } from './signal-store.ts';
import { Slice } from './slice.ts';
import type { DecodeSpans } from './traces/trace-intake.ts';
import { TraceStore } from './traces/trace-store.ts';

export interface EmbeddedStoreOptions {
  readonly dir: string;
  readonly retentionMs: number;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly decodeSpans: DecodeSpans;
  /** Keys of tags whose values are offered to those who search for traces. */
  readonly offeredTags?: readonly string[];
  /** What pinned traces may take beside `maxBytes`. Default: as much again. */
  readonly pinnedMaxBytes?: number;
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
 * The store without a database (design.md §6): a directory per signal. One thread uses it; questions take turns with each
 * other and let commits go first.
 */
export class EmbeddedStore implements Store {
  readonly #options: EmbeddedStoreOptions;
  readonly #damage = new DamageBook();
  readonly #evictions = new EvictionBook();
  readonly #parts: ReadonlyMap<Signal, SignalStore>;
  readonly #ingest = new Set<Promise<void>>();
  readonly #priority = { clear: async () => void (await Promise.all(this.#ingest)) };
  #failure: string | undefined;

  constructor(options: EmbeddedStoreOptions) {
    this.#options = options;
    const { retentionMs, maxBytes, sealBytes, sealMs, clock, decodeSpans } = options;
    const common = (signal: Signal) => ({
      dir: join(options.dir, signal),
      retentionMs,
      sealBytes: sealBytes ?? Math.min(defaultSealBytes, Math.ceil(maxBytes / partitionsInStore)),
      sealMs: sealMs ?? defaultSealMs,
      clock,
      damage: this.#damage,
    });
    const traces = new TraceStore({
      ...common('traces'),
      decode: decodeSpans,
      offeredTags: options.offeredTags ?? [],
      pinnedMaxBytes: options.pinnedMaxBytes ?? options.maxBytes,
    });
    const parts: readonly SignalStore[] = [
      traces,
      new LogStore(common('logs')),
      new RumStore(common('rum')),
      new MetricStore({ ...common('metrics'), virtual: traces.series }),
    ];
    this.#parts = new Map(parts.map((part) => [part.signal, part]));
  }

  /** What it takes, a part for each signal. */
  get parts(): readonly SignalStore[] {
    return [...this.#parts.values()];
  }

  async open(): Promise<void> {
    for (const part of this.parts) {
      await part.open();
    }
  }

  async commit(request: WriteRequest): Promise<void> {
    const part = this.#parts.get(request.signal);
    part?.append(queueIdOf(request.id), request.records);
    try {
      await part?.flush();
    } catch (error) {
      this.failed(error);
      throw error;
    }
  }

  /** A flush went wrong: `check` says so from now on. */
  failed(error: unknown): void {
    this.#failure = error instanceof Error ? error.message : String(error);
  }

  /** Questions under way go on when this has settled. */
  ingesting(work: Promise<void>): void {
    const settled = work
      .catch(() => undefined)
      .then(() => {
        this.#ingest.delete(settled);
      });
    this.#ingest.add(settled);
  }

  async position(signal: Signal): Promise<StorePosition | undefined> {
    const held = this.#parts.get(signal)?.position;
    return held === undefined ? undefined : { queueId: held.queueId, seq: held.seq };
  }

  async ask(question: Question, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    if (question.kind === 'store.status') {
      const status = await this.status();
      const body = Buffer.from(JSON.stringify(status));
      return { contentType: 'application/json', body, count: status.partitions.length };
    }
    const slice = new Slice(this.#priority, signal);
    for (const part of this.parts) {
      const answer = part.answer(question, slice);
      if (answer !== undefined) {
        return answer;
      }
    }
    throw new BridgeError('BRIDGE_NOT_FOUND', 'the store does not know this question');
  }

  /** Between questions; commits go first. Rejects with the signal's reason when it is aborted. */
  async derive(signal: AbortSignal): Promise<void> {
    for (const part of this.parts) {
      await unlessDiskFull(part.derive?.(new Slice(this.#priority, signal)));
    }
  }

  /** First what is past its age, then, over all signals, the oldest partition until the rest fits. */
  async expire(): Promise<number> {
    let freed = 0;
    for (const part of this.parts) {
      // Sealing takes room for a moment: on a full disk it waits, and what grew is served as it is.
      freed += await this.#evictions.noting(part, 'age', async () => (await unlessDiskFull(part.expire())) ?? 0);
    }
    while (this.#bytes() > this.#options.maxBytes) {
      const oldest = oldestOf(this.parts);
      const bytes = oldest === undefined ? 0 : await this.#evictions.noting(oldest, 'bytes', () => oldest.dropOldest());
      if (bytes === 0) {
        break;
      }
      freed += bytes;
    }
    return freed;
  }

  async status(): Promise<StoreStatus> {
    const partitions = this.parts.flatMap((part) => part.partitions.map((partition) => partition.status()));
    return { partitions, bytes: this.#bytes(), damage: this.#damage.list(), evictions: this.#evictions.list() };
  }

  async check(): Promise<Health> {
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: this.#failure };
  }

  async close(): Promise<void> {
    for (const part of this.parts) {
      await part.close();
    }
  }

  #bytes(): number {
    return this.parts.flatMap(({ partitions }) => partitions).reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

/** The part with the oldest partition that may go: the newest of each part stays. */
function oldestOf(parts: readonly SignalStore[]): SignalStore | undefined {
  const droppable = parts.filter(({ partitions }) => partitions.length > 1);
  const arrivedMs = (part: SignalStore): number => part.partitions[0]?.arrivedMs ?? 0;
  return droppable.reduce<SignalStore | undefined>(
    (oldest, part) => (oldest === undefined || arrivedMs(part) < arrivedMs(oldest) ? part : oldest),
    undefined,
  );
}

/** `<queue id>:<first seq>-<last seq>` (contract/output.ts). */
function queueIdOf(requestId: string): string {
  return requestId.slice(0, requestId.lastIndexOf(':'));
}
