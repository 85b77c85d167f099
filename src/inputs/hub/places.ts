import type { InputRuntime } from '../../contract/input.ts';
import type { Position, Signal } from '../../model/batch.ts';
import type { ParcelHead } from './parcel-head.ts';

const prefix = 'hub:';
const dayMs = 86_400_000;
/** A lane that said nothing for so long is gone; were it to come back, it would go on under its number all the same. */
const forgottenAfterDays = 30;

/**
 * How far each lane of each agent was taken: position `hub:<queue id>:<signal>` = `<seq> <day>`, where the day (since 1970) is
 * when that was, so that lanes that are gone can be forgotten.
 */
export class Places {
  readonly #runtime: InputRuntime;

  constructor(runtime: InputRuntime) {
    this.#runtime = runtime;
  }

  /** The last record of that lane that is durable here; of an earlier queue id of it, what of that is still in the lane. */
  seqOf({ signal, queueId, ancestors }: ParcelHead): number {
    const own = this.#seq(signal, queueId);
    if (own !== undefined) {
      return own;
    }
    const inherited = ancestors.map((ancestor, i) => {
      const left = ancestors.slice(i).map(({ seq }) => seq);
      return Math.min(this.#seq(signal, ancestor.queueId) ?? 0, ...left);
    });
    return Math.max(0, ...inherited);
  }

  positionAt({ signal, queueId }: ParcelHead, seq: number): Position {
    return { key: keyOf(queueId, signal), value: `${seq} ${this.#today}` };
  }

  forgetOld(signals: readonly Signal[]): void {
    for (const signal of signals) {
      for (const [key, value] of this.#runtime.positions(signal, prefix)) {
        const day = Number(value.split(' ')[1]);
        if (this.#today - day > forgottenAfterDays) {
          this.#runtime.forget(signal, key);
        }
      }
    }
  }

  get #today(): number {
    return Math.floor(this.#runtime.clock.now() / dayMs);
  }

  #seq(signal: Signal, queueId: string): number | undefined {
    const value = this.#runtime.position(signal, keyOf(queueId, signal));
    return value === undefined ? undefined : Number(value.split(' ')[0]);
  }
}

function keyOf(queueId: string, signal: Signal): string {
  return `${prefix}${queueId}:${signal}`;
}
