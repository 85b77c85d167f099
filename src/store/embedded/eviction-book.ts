import type { Eviction } from '../../contract/store.ts';
import type { Signal } from '../../model/batch.ts';
import type { SignalStore, StoredPartition } from './signal-store.ts';

type Reason = Eviction['reason'];
interface Sum {
  readonly signal: Signal;
  readonly reason: Reason;
  partitions: number;
  items: number;
  bytes: number;
}

/** What was deleted since the process began. */
export class EvictionBook {
  readonly #sums = new Map<string, Sum>();

  /** Counts the partitions that are gone afterwards. Resolves as `work` does. */
  async noting<T>(part: SignalStore, reason: Reason, work: () => Promise<T>): Promise<T> {
    const before = new Map(part.partitions.map((partition) => [partition, partition.status()]));
    const done = await work();
    const after = new Set<StoredPartition>(part.partitions);
    for (const [partition, { items, bytes }] of before) {
      if (!after.has(partition)) {
        this.#add(part.signal, reason, { items, bytes });
      }
    }
    return done;
  }

  list(): readonly Eviction[] {
    return [...this.#sums.values()].map((sum) => ({ ...sum }));
  }

  #add(signal: Signal, reason: Reason, gone: { readonly items: number; readonly bytes: number }): void {
    const key = `${signal} ${reason}`;
    const sum = this.#sums.get(key) ?? { signal, reason, partitions: 0, items: 0, bytes: 0 };
    sum.partitions++;
    sum.items += gone.items;
    sum.bytes += gone.bytes;
    this.#sums.set(key, sum);
  }
}
