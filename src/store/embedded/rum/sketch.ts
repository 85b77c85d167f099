/** Two neighbouring buckets differ by this factor, so that a quantile is wrong by one in a hundred at most. */
const growth = 1.02;
const logOfGrowth = Math.log(growth);

/** Counts of positive numbers in buckets that grow with the number. Two of them add up. */
export class Sketch {
  readonly #buckets = new Map<number, number>();
  #zeros = 0;
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  get max(): number {
    return this.#max;
  }

  /** Numbers below a millionth, and what is no number, count as 0. */
  add(value: number): void {
    this.#count += 1;
    if (!(value > 1e-6)) {
      this.#zeros += 1;
      return;
    }
    const bucket = Math.ceil(Math.log(value) / logOfGrowth);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#max = Math.max(this.#max, value);
  }

  merge(other: Sketch): void {
    for (const [bucket, count] of other.#buckets) {
      this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + count);
    }
    this.#zeros += other.#zeros;
    this.#count += other.#count;
    this.#max = Math.max(this.#max, other.#max);
  }

  /** The number at that share of all, 0 to 1; undefined where there is none. */
  quantile(share: number): number | undefined {
    if (this.#count === 0) {
      return undefined;
    }
    let rest = Math.max(1, Math.ceil(this.#count * share)) - this.#zeros;
    if (rest <= 0) {
      return 0;
    }
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) {
      rest -= this.#buckets.get(bucket) ?? 0;
      if (rest <= 0) {
        return Math.min(this.#max, (2 * growth ** bucket) / (1 + growth));
      }
    }
    return this.#max;
  }
}

/** The number at that share of a sorted list, 0 to 1 (nearest rank). */
export function quantileOf(sorted: Float64Array, share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
