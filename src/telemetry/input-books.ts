import type { InputStatus } from '../contract/status.ts';
import type { Signal } from '../model/batch.ts';

/** What one input took of one signal since the process began, in items: `received = accepted + refused + dropped`. */
export class InputBook {
  readonly id: string;
  readonly type: string;
  readonly signal: Signal;
  readonly #refused = new Map<string, number>();
  readonly #dropped = new Map<string, number>();
  #accepted = 0;

  constructor(id: string, type: string, signal: Signal) {
    this.id = id;
    this.type = type;
    this.signal = signal;
  }

  accepted(items: number): void {
    this.#accepted += items;
  }

  refused(items: number, reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + items);
  }

  dropped(items: number, reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + items);
  }

  status(detail?: object): InputStatus {
    const refused = Object.fromEntries(this.#refused);
    const dropped = Object.fromEntries(this.#dropped);
    return {
      id: this.id,
      type: this.type,
      signal: this.signal,
      received: this.#accepted + total(this.#refused) + total(this.#dropped),
      accepted: this.#accepted,
      refused,
      dropped,
      ...(detail === undefined ? {} : { detail }),
    };
  }
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) {
    sum += count;
  }
  return sum;
}
