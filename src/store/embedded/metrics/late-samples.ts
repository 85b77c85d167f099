import { floats, reaching, wide } from './columns.ts';
import { Heads } from './heads.ts';

/** Samples that came behind a newer one of their series, in the order of their arrival.. */
export class LateSamples {
  #length = 0;
  #timesMs = floats(0);
  #high = wide(0);
  #low = wide(0);
  readonly #bySeries = new Map<number, number[]>();

  get length(): number {
    return this.#length;
  }

  /** In ascending order. */
  get series(): readonly number[] {
    return [...this.#bySeries.keys()].sort((a, b) => a - b);
  }

  has(series: number): boolean {
    return this.#bySeries.has(series);
  }

  add(series: number, timeMs: number, high: number, low: number): void {
    const index = this.#length++;
    this.#reach(this.#length);
    this.#timesMs[index] = timeMs;
    this.#high[index] = high;
    this.#low[index] = low;
    const own = this.#bySeries.get(series);
    if (own === undefined) {
      this.#bySeries.set(series, [index]);
    } else {
      own.push(index);
    }
  }

  /** Heads that hold those of one series, as number 0, in order of time, no time twice: the later arrival stands. */
  ordered(series: number): Heads {
    const heads = new Heads();
    const own = this.#bySeries.get(series) ?? [];
    const timeOf = (index: number): number => this.#timesMs[index] ?? 0;
    const sorted = own.toSorted((a, b) => timeOf(a) - timeOf(b) || a - b);
    for (const [order, index] of sorted.entries()) {
      const next = sorted[order + 1];
      if (next === undefined || timeOf(next) !== timeOf(index)) {
        heads.append(0, timeOf(index), this.#high[index] ?? 0, this.#low[index] ?? 0);
      }
    }
    return heads;
  }

  clear(): void {
    this.#length = 0;
    this.#bySeries.clear();
  }

  #reach(length: number): void {
    this.#timesMs = reaching(this.#timesMs, length, floats);
    this.#high = reaching(this.#high, length, wide);
    this.#low = reaching(this.#low, length, wide);
  }
}
