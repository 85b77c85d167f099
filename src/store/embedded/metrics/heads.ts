import { Arena } from './arena.ts';
import { type Chunk, type ChunkFacts, maxSampleBytes, paddingBytes } from './chunk.ts';
import { type ChunkStates, ChunkWriter } from './chunk-writer.ts';
import { bytes, floats, reaching, short, wide } from './columns.ts';

/** A chunk ends here, so that a question for a short time does not read a long one. */
const maxCount = 1000;

/** The two words of a stale marker: the NaN that stands for it wherever values travel as bits (Prometheus, model/value). */
export const staleHigh = 0x7ff00000;
export const staleLow = 2;

/** A chunk whose whole bytes stand in the arena, the last unfinished one beside them. */
interface HeldChunk extends ChunkFacts {
  readonly first: number;
  readonly bits: number;
  readonly partial: number;
}

/** `kept`: taken. `same`: it was there. `late`: it does not stand behind the last one. */
export type Appended = 'kept' | 'same' | 'late';

/**
 * The newest samples of every series as chunks that grow, about 50 bytes a series beside their bits. A series is its number in the
 * partition's table.
 */
export class Heads {
  readonly #writer = new ChunkWriter();
  readonly #scratch = new Uint8Array(maxSampleBytes + 2);
  readonly #arena = new Arena();
  readonly #closed = new Map<number, HeldChunk[]>();
  readonly #states: ChunkStates = {
    lastMs: floats(0),
    distanceMs: floats(0),
    high: wide(0),
    low: wide(0),
    leading: bytes(0),
    width: bytes(0),
  };
  #firstMs = floats(0);
  /** First and last piece of the bits. */
  #first = wide(0);
  #last = wide(0);
  #bits = wide(0);
  /** The last byte, while it has room. */
  #partial = bytes(0);
  #count = short(0);
  /** Is the last sample a stale marker? */
  #ended = bytes(0);
  #samples = 0;
  #reach = 0;

  get samples(): number {
    return this.#samples;
  }

  get bytes(): number {
    return this.#arena.bytes;
  }

  /** Series have numbers below this. */
  get reach(): number {
    return this.#reach;
  }

  append(series: number, timeMs: number, high: number, low: number): Appended {
    this.#reachTo(series);
    const count = this.#count[series] ?? 0;
    const lastMs = this.#states.lastMs[series] ?? 0;
    if (count > 0 && timeMs <= lastMs) {
      return timeMs === lastMs && this.#isLast(series, high, low) ? 'same' : 'late';
    }
    if (count === 0 || count >= maxCount) {
      this.#begin(series, timeMs);
    }
    this.#scratch[0] = this.#partial[series] ?? 0;
    this.#writer.use(this.#scratch, (this.#bits[series] ?? 0) & 7);
    this.#writer.time(this.#states, series, timeMs);
    const stale = isStale(high, low);
    if (stale) {
      this.#writer.stale();
    } else {
      this.#writer.value(this.#states, series, high, low);
    }
    this.#ended[series] = stale ? 1 : 0;
    this.#keep(series);
    this.#count[series] = (this.#count[series] ?? 0) + 1;
    this.#samples++;
    return 'kept';
  }

  /** Copies of the chunks of a series, in order of time. */
  chunks(series: number): readonly Chunk[] {
    const closed = this.#closed.get(series) ?? [];
    const open = this.#open(series);
    return (open === undefined ? closed : [...closed, open]).map((chunk) => this.#copy(chunk));
  }

  has(series: number): boolean {
    return (this.#count[series] ?? 0) > 0;
  }

  firstMs(series: number): number {
    return this.#closed.get(series)?.[0]?.firstMs ?? this.#firstMs[series] ?? 0;
  }

  lastMs(series: number): number {
    return this.#states.lastMs[series] ?? 0;
  }

  clear(): void {
    this.#arena.clear();
    this.#closed.clear();
    this.#count.fill(0);
    this.#samples = 0;
    this.#reach = 0;
  }

  #reachTo(series: number): void {
    this.#reach = Math.max(this.#reach, series + 1);
    if (series < this.#count.length) {
      return;
    }
    const states = this.#states;
    states.lastMs = reaching(states.lastMs, series + 1, floats);
    const length = states.lastMs.length;
    states.distanceMs = reaching(states.distanceMs, length, floats);
    states.high = reaching(states.high, length, wide);
    states.low = reaching(states.low, length, wide);
    states.leading = reaching(states.leading, length, bytes);
    states.width = reaching(states.width, length, bytes);
    this.#firstMs = reaching(this.#firstMs, length, floats);
    this.#first = reaching(this.#first, length, wide);
    this.#last = reaching(this.#last, length, wide);
    this.#bits = reaching(this.#bits, length, wide);
    this.#partial = reaching(this.#partial, length, bytes);
    this.#ended = reaching(this.#ended, length, bytes);
    this.#count = reaching(this.#count, length, short);
  }

  #isLast(series: number, high: number, low: number): boolean {
    const stale = isStale(high, low);
    if (stale || this.#ended[series] === 1) {
      return stale && this.#ended[series] === 1;
    }
    return high === this.#states.high[series] && low === this.#states.low[series];
  }

  /** The chunk so far, if there is one, ends; the next sample begins a new one. */
  #begin(series: number, timeMs: number): void {
    const open = this.#open(series);
    if (open !== undefined) {
      const closed = this.#closed.get(series) ?? [];
      closed.push(open);
      this.#closed.set(series, closed);
    }
    const states = this.#states;
    states.lastMs[series] = timeMs;
    states.distanceMs[series] = 0;
    states.high[series] = 0;
    states.low[series] = 0;
    states.width[series] = 0;
    this.#firstMs[series] = timeMs;
    this.#first[series] = 0;
    this.#last[series] = 0;
    this.#bits[series] = 0;
    this.#partial[series] = 0;
    this.#count[series] = 0;
  }

  /** Moves the whole bytes of the scratch memory to the arena. */
  #keep(series: number): void {
    const before = this.#bits[series] ?? 0;
    const { at } = this.#writer;
    const whole = at >>> 3;
    let length = before >>> 3;
    let last = this.#last[series] ?? 0;
    for (let i = 0; i < whole; i++) {
      last = this.#arena.push(last, length++, this.#scratch[i] ?? 0);
      if (length === 1) {
        this.#first[series] = last;
      }
    }
    this.#last[series] = last;
    this.#partial[series] = (at & 7) === 0 ? 0 : (this.#scratch[whole] ?? 0);
    this.#bits[series] = length * 8 + (at & 7);
  }

  #open(series: number): HeldChunk | undefined {
    const count = this.#count[series] ?? 0;
    if (count === 0) {
      return undefined;
    }
    return {
      first: this.#first[series] ?? 0,
      bits: this.#bits[series] ?? 0,
      partial: this.#partial[series] ?? 0,
      count,
      firstMs: this.#firstMs[series] ?? 0,
      lastMs: this.#states.lastMs[series] ?? 0,
    };
  }

  #copy({ first, bits, partial, count, firstMs, lastMs }: HeldChunk): Chunk {
    const whole = bits >>> 3;
    const length = (bits + 7) >>> 3;
    const target = new Uint8Array(length + paddingBytes);
    this.#arena.copy(first, whole, target);
    if (length > whole) {
      target[whole] = partial;
    }
    const view = new DataView(target.buffer);
    return { bytes: target, view, at: 0, length, count, firstMs, lastMs };
  }
}

function isStale(high: number, low: number): boolean {
  return high === staleHigh && low === staleLow;
}
