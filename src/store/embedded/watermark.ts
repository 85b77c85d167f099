/**
 * How far a lane is durable, in memory that both threads see. The main thread raises it at every commit of the lane; a
 * message goes only to a reader that has said it rests, so a busy lane costs no messages.
 */
export class Watermark {
  readonly memory: SharedArrayBuffer;
  readonly #seq: BigInt64Array;
  readonly #resting: Int32Array;

  constructor(memory = new SharedArrayBuffer(16)) {
    this.memory = memory;
    this.#seq = new BigInt64Array(memory, 0, 1);
    this.#resting = new Int32Array(memory, 8, 1);
  }

  get seq(): number {
    return Number(Atomics.load(this.#seq, 0));
  }

  /** True when the reader rests and must be told. */
  raise(seq: number): boolean {
    Atomics.store(this.#seq, 0, BigInt(seq));
    return Atomics.exchange(this.#resting, 0, 0) === 1;
  }

  /** From now on `raise` tells. Look at `seq` once more afterwards: it may have been raised just before. */
  rest(): void {
    Atomics.store(this.#resting, 0, 1);
  }
}
