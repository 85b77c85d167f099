const firstLength = 256;

/** Doubles that are appended one by one; cleared together, the room stays. */
export class GrowingFloats {
  #values: Float64Array;
  length: number;

  constructor(values: Float64Array = new Float64Array(firstLength), length = 0) {
    this.#values = values;
    this.length = length;
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(Math.max(firstLength, this.#values.length * 2));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] ?? Number.NaN;
  }

  /** A view that holds until the next `push` or `clear`. */
  view(): Float64Array {
    return this.#values.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}

/** The same for whole numbers of 0 to 2^32 - 1. */
export class GrowingWords {
  #values: Uint32Array;
  length: number;

  constructor(values: Uint32Array = new Uint32Array(firstLength), length = 0) {
    this.#values = values;
    this.length = length;
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Uint32Array(Math.max(firstLength, this.#values.length * 2));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }

  view(): Uint32Array {
    return this.#values.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}
