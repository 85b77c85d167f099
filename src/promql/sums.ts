/** A sum with the part that rounding took from it (Kahan's summation in Neumaier's form). */
export interface ExactSum {
  sum: number;
  lost: number;
}

export function add(to: ExactSum, value: number): void {
  const next = to.sum + value;
  if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) {
    to.lost = 0;
  } else if (Math.abs(to.sum) >= Math.abs(value)) {
    to.lost += to.sum - next + value;
  } else {
    to.lost += value - next + to.sum;
  }
  to.sum = next;
}

export function total({ sum, lost }: ExactSum): number {
  return sum + lost;
}

function infinite(value: number): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}

/** A mean of any numbers: from their sum, or step by step once the sum would overflow. */
export class Mean {
  #count = 0;
  #incremental = false;
  readonly #sum: ExactSum = { sum: 0, lost: 0 };

  add(value: number): void {
    this.#count += 1;
    const before = this.#sum.sum;
    const lostBefore = this.#sum.lost;
    if (!this.#incremental) {
      add(this.#sum, value);
      if (this.#count === 1 || !infinite(this.#sum.sum)) {
        return;
      }
      this.#incremental = true;
      this.#sum.sum = before / (this.#count - 1);
      this.#sum.lost = lostBefore / (this.#count - 1);
    }
    this.#step(value);
  }

  #step(value: number): void {
    const mean = this.#sum.sum;
    if (infinite(mean)) {
      const sameInfinity = infinite(value) && mean > 0 === value > 0;
      if (sameInfinity || Number.isFinite(value)) {
        return;
      }
    }
    const exact = mean + this.#sum.lost;
    add(this.#sum, value / this.#count - exact / this.#count);
  }

  get value(): number {
    return this.#incremental
      ? this.#sum.sum + this.#sum.lost
      : this.#sum.sum / this.#count + this.#sum.lost / this.#count;
  }
}

/** Welford's running variance, both parts summed exactly. */
export class Variance {
  #count = 0;
  readonly #mean: ExactSum = { sum: 0, lost: 0 };
  readonly #squares: ExactSum = { sum: 0, lost: 0 };

  add(value: number): void {
    this.#count += 1;
    const delta = value - total(this.#mean);
    add(this.#mean, delta / this.#count);
    add(this.#squares, delta * (value - total(this.#mean)));
  }

  get value(): number {
    return total(this.#squares) / this.#count;
  }
}

/** Sorts its list. NaN comes first. */
export function quantileOf(quantile: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(quantile)) {
    return Number.NaN;
  }
  if (quantile < 0) {
    return Number.NEGATIVE_INFINITY;
  }
  if (quantile > 1) {
    return Number.POSITIVE_INFINITY;
  }
  sortNanFirst(values);
  const rank = quantile * (values.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(values.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return (values[lower] ?? 0) * (1 - weight) + (values[upper] ?? 0) * weight;
}

function sortNanFirst(values: Float64Array): void {
  // Without a comparison of ours the engine sorts many times faster; it puts NaN last.
  values.sort();
  const count = values.length;
  const nans = Number.isNaN(values[count - 1]) ? count - values.findIndex(Number.isNaN) : 0;
  if (nans > 0) {
    values.copyWithin(nans, 0, count - nans);
    values.fill(Number.NaN, 0, nans);
  }
}

export function nanFirst(a: number, b: number): number {
  if (Number.isNaN(a)) {
    return Number.isNaN(b) ? 0 : -1;
  }
  return Number.isNaN(b) ? 1 : a < b ? -1 : a > b ? 1 : 0;
}
