/** Upper bounds of Envoy's histograms, in ms and in bytes alike; `+Inf` follows. */
export const envoyBounds: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** A histogram as Prometheus' text has it. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Observations in each bucket, not yet added up; the last one is beyond all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[] = envoyBounds) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    const at = bucket < 0 ? this.#bounds.length : bucket;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  /** `labels` without braces, perhaps empty. */
  render(lines: string[], name: string, labels: string): void {
    const behind = labels === '' ? '' : `{${labels}}`;
    const before = labels === '' ? '' : `${labels},`;
    let total = 0;
    for (const [n, count] of this.#counts.entries()) {
      total += count;
      lines.push(`${name}_bucket{${before}le="${this.#bounds[n] ?? '+Inf'}"} ${total}`);
    }
    lines.push(`${name}_sum${behind} ${this.#sum}`, `${name}_count${behind} ${total}`);
  }
}
