import type { LoadedConfig } from '../config/load.ts';
import type { Logger } from '../contract/runtime.ts';
import type { StoreReader, StoreStatus } from '../contract/store.ts';
import type { Lane } from '../lane/lane.ts';
import type { LaneCursor } from '../lane/lane-cursor.ts';
import type { Signal } from '../model/batch.ts';
import { StoreClient } from '../store/embedded/client.ts';
import type { Stored } from '../store/embedded/messages.ts';

export interface HostedStoreOptions {
  readonly dir: string;
  readonly lanes: Readonly<Record<Signal, Lane>>;
  readonly config: LoadedConfig['store'];
  readonly fileSystemBytes: number;
  readonly log: Logger;
}

export const storeCursor = 'store';
const mostBytes = 20e9;
const mostShare = 0.2;

/** The embedded store between its lanes and its readers: it reads the lanes' files itself, and its cursors follow what it has. */
export class HostedStore {
  readonly #client: StoreClient;
  readonly #log: Logger;
  readonly #cursors = new Map<Signal, LaneCursor>();
  readonly #waiting = new Set<Signal>();
  #turn: Promise<void> = Promise.resolve();

  private constructor(client: StoreClient, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  static async start(options: HostedStoreOptions): Promise<HostedStore> {
    const { dir, lanes, config, fileSystemBytes, log } = options;
    const maxBytes = config.max_bytes ?? Math.min(mostBytes, fileSystemBytes * mostShare);
    const client = await StoreClient.start({
      dir,
      retentionMs: config.retention,
      maxBytes,
      offeredTags: config.autocomplete_keys,
      pinnedMaxBytes: config.pinned_max_bytes,
    });
    const store = new HostedStore(client, log);
    client.onStored((stored) => store.#stored(stored));
    client.onWaiting((signal, wantedBytes) => store.#waits(signal, wantedBytes));
    client.onLost((signal, losses) => lanes[signal].lost(losses));
    for (const signal of client.signals) {
      await store.#follow(lanes[signal]);
    }
    return store;
  }

  get reader(): StoreReader {
    return this.#client;
  }

  status(): StoreStatus {
    return this.#client.status();
  }

  onDeath(listener: (error: Error) => void): void {
    this.#client.onDeath(listener);
  }

  async stop(): Promise<void> {
    await this.#client.stop();
    await this.#turn;
  }

  async #follow(lane: Lane): Promise<void> {
    const { signal, dir } = lane;
    const cursor = await lane.attach({ output: storeCursor, onFull: 'block', start: 'beginning' });
    const afterSeq = await lane.adopt(storeCursor, this.#client.position(signal));
    this.#cursors.set(signal, cursor);
    this.#client.follow({ signal, dir, queueId: lane.queueId, afterSeq, afterCumItems: cursor.cumItems });
    lane.onDurable((seq) => this.#client.durable(signal, seq));
    this.#client.durable(signal, lane.durableSeq);
  }

  /** Nothing is lost: what comes stays in the lane, until that has its cap. */
  #waits(signal: Signal, wantedBytes: number): void {
    const lastError = `no room on the disk: it wants ${Math.ceil(wantedBytes / 1e6)} MB free`;
    this.#waiting.add(signal);
    this.#cursors.get(signal)?.report({ state: 'retrying', retries: 0, lastError });
    this.#log.warn({ signal, wantedBytes }, 'The store waits for room on its disk.');
  }

  /** Steps of a cursor are taken one by one, in the order of the store's commits. */
  #stored({ signal, seq, cumItems, items, routedAway }: Stored): void {
    const cursor = this.#cursors.get(signal);
    if (cursor === undefined) {
      return;
    }
    if (this.#waiting.delete(signal)) {
      cursor.report({ state: 'idle', retries: 0 });
      this.#log.info({ signal }, 'There is room for the store again.');
    }
    const step = { seq, delivered: items, routedAway, ...(cumItems === undefined ? {} : { cumItems }) };
    this.#turn = this.#turn
      .then(() => cursor.advance(step))
      .catch((error: unknown) =>
        this.#log.error({ signal, error }, "The store's place in the queue could not be kept."),
      );
  }
}
