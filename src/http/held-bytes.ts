import type { BodyBudget } from './body.ts';

const nothing = Buffer.alloc(0);

/** Bytes of one connection that wait for more of their kind. */
export class HeldBytes {
  readonly #budget: BodyBudget;
  #memory: Buffer = nothing;
  #bytes = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Copies; `wantedBytes` are expected in all. False when memory for bodies is used up. */
  add(more: Buffer, wantedBytes: number): boolean {
    if (more.length === 0) {
      return true;
    }
    if (!this.#budget.tryHold(more.length)) {
      return false;
    }
    const bytes = this.#bytes + more.length;
    if (bytes > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(bytes, wantedBytes, this.#memory.length * 2));
      larger.set(this.#memory.subarray(0, this.#bytes));
      this.#memory = larger;
    }
    this.#memory.set(more, this.#bytes);
    this.#bytes = bytes;
    return true;
  }

  /** All of them, which from now on belong to the caller. */
  take(): Buffer {
    const bytes = this.#memory.subarray(0, this.#bytes);
    this.drop();
    return bytes;
  }

  drop(): void {
    this.#budget.release(this.#bytes);
    this.#memory = nothing;
    this.#bytes = 0;
  }
}
