import type { BodyBudget } from './body.ts';
import type { BodyMemory } from './body-memory.ts';

const nothing = Buffer.alloc(0);

/** Bytes of one connection that wait for more of their kind. */
export class HeldBytes {
  readonly #budget: BodyBudget;
  readonly #pool: BodyMemory;
  #memory: Buffer = nothing;
  #bytes = 0;

  constructor(budget: BodyBudget, pool: BodyMemory) {
    this.#budget = budget;
    this.#pool = pool;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of all of them; holds until the next `add` or `drop`. */
  view(): Buffer {
    return this.#memory.subarray(0, this.#bytes);
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
      const larger = this.#pool.take(Math.max(bytes, wantedBytes));
      larger.set(this.view());
      this.#pool.give(this.#memory);
      this.#memory = larger;
    }
    this.#memory.set(more, this.#bytes);
    this.#bytes = bytes;
    return true;
  }

  /** Gives the memory away, to be given back to the pool by whoever looks at it last. */
  take(): Buffer {
    const memory = this.#memory;
    this.#memory = nothing;
    this.drop();
    return memory;
  }

  drop(): void {
    this.#budget.release(this.#bytes);
    this.#pool.give(this.#memory);
    this.#memory = nothing;
    this.#bytes = 0;
  }
}
