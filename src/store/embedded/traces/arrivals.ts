import { minuteMs } from './derived/minute.ts';

/** In which minute each block of a partition came: blocks stand in order of arrival, so runs of them say it. */
export class Arrivals {
  readonly #startMinute: number;
  #runs: (readonly [minute: number, from: number])[] = [];
  #blocks = 0;

  /** Blocks that do not say when they came count as come at `startMs`. */
  constructor(startMs: number) {
    this.#startMinute = Math.floor(startMs / minuteMs);
  }

  get runs(): readonly (readonly [minute: number, from: number])[] {
    return this.#runs;
  }

  get blocks(): number {
    return this.#blocks;
  }

  /** How many blocks came in each minute. */
  *counts(): Generator<readonly [minute: number, blocks: number], void, undefined> {
    for (const [at, [minute, from]] of this.#runs.entries()) {
      yield [minute, (this.#runs[at + 1]?.[1] ?? this.#blocks) - from];
    }
  }

  clear(): void {
    this.#runs = [];
    this.#blocks = 0;
  }

  /** Of a file; one of an earlier version does not say its runs. */
  take(runs: readonly (readonly [number, number])[] | undefined, blocks: number): void {
    this.#runs = runs === undefined ? [[this.#startMinute, 0]] : [...runs];
    this.#blocks = blocks;
  }

  /** The next block. */
  add(minute: number | undefined): void {
    const block = this.#blocks++;
    const came = minute ?? this.#startMinute;
    if (this.#runs.at(-1)?.[0] !== came) {
      this.#runs.push([came, block]);
    }
  }

  isOnlyOf(minute: number): boolean {
    return this.#runs.length === 1 && this.#runs[0]?.[0] === minute;
  }

  minuteOfBlock(block: number): number {
    return this.#runs.findLast(([, from]) => from <= block)?.[0] ?? this.#startMinute;
  }

  blocksOf(minute: number): number[] {
    return this.#runs.flatMap(([each, from], at) => {
      const end = this.#runs[at + 1]?.[1] ?? this.#blocks;
      return each === minute ? Array.from({ length: end - from }, (_, i) => from + i) : [];
    });
  }
}
