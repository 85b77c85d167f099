import { randomBytes } from 'node:crypto';
import type { StorePosition } from '../contract/store.ts';
import type { Ancestor } from './lane-state.ts';

const keptAncestors = 32;

/** The queue id of a lane and those that it had before. Records keep their seq when the id changes. */
export class QueueIdentity {
  #queueId: string | undefined;
  #ancestors: readonly Ancestor[];

  constructor(queueId: string | undefined, ancestors: readonly Ancestor[]) {
    this.#queueId = queueId;
    this.#ancestors = ancestors;
  }

  /** 64 random bits as hex. */
  get queueId(): string {
    this.#queueId ??= newQueueId();
    return this.#queueId;
  }

  get ancestors(): readonly Ancestor[] {
    return this.#ancestors;
  }

  /** From now on a new id; of the one before, the records up to `survivingSeq` are still there. */
  renew(survivingSeq: number): void {
    if (this.#queueId !== undefined) {
      this.#ancestors = [...this.#ancestors, { queueId: this.#queueId, seq: survivingSeq }].slice(-keptAncestors);
    }
    this.#queueId = newQueueId();
  }

  /** Which seq of today a position means; undefined if this lane never had that id. */
  resolve({ queueId, seq }: StorePosition): number | undefined {
    if (queueId === this.queueId) {
      return seq;
    }
    const from = this.#ancestors.findLastIndex((ancestor) => ancestor.queueId === queueId);
    return from < 0 ? undefined : Math.min(seq, ...this.#ancestors.slice(from).map((ancestor) => ancestor.seq));
  }
}

function newQueueId(): string {
  return randomBytes(8).toString('hex');
}
