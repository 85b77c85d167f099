import { Arena, pieceBytes } from './arena.ts';
import type { Chunk } from './chunk.ts';
import { maxSampleBytes } from './chunk.ts';
import { type ChunkStates, ChunkWriter } from './chunk-writer.ts';
import { bytes, floats, reaching, short, wide } from './columns.ts';

/** A chunk ends here, so that a question for a short time does not read a long one. */
const maxCount = 1000;
const noPiece = 0xff;

/** One sample of a series, as two words: a value keeps all its bits. */
export interface SampleBits {
  readonly timeMs: number;
  readonly high: number;
  readonly low: number;
  readonly stale: boolean;
}

/** `kept`: taken. `same`: it was there. `late`: it does not stand behind the last one. */
export type Appended = 'kept' | 'same' | 'late';

/**
 * The newest samples of every series as chunks that grow, about 45 bytes a series beside their bits. A series is its number in the
 * partition's table.
 */
export class Heads {
  readonly #writer = new ChunkWriter();
  readonly #arena = new Arena();
  readonly #closed = new Map<number, Chunk[]>();
  readonly #states: ChunkStates = {
    lastMs: floats(0),
    distanceMs: floats(0),
    high: wide(0),
    low: wide(0),
    leading: bytes(0),
    width: bytes(0),
  };
  #firstMs = floats(0);
  #place = floats(0);
  #bits = wide(0);
  #count = short(0);
  #size = bytes(0);
  /** Is the last sample a stale marker? */
  #ended = bytes(0);
  #samples = 0;

  get samples(): number {
    return this.#samples;
  }

  get bytes(): number {
    return this.#arena.bytes;
  }

  append(series: number, sample: SampleBits): Appended {
    const { timeMs, high, low, stale } = sample;
    this.#reach(series);
    const count = this.#count[series] ?? 0;
    const lastMs = this.#states.lastMs[series] ?? 0;
    if (count > 0 && timeMs <= lastMs) {
      return timeMs === lastMs && this.#isLast(series, sample) ? 'same' : 'late';
    }
    if (count >= maxCount) {
      this.#close(series);
    }
    this.#makeRoom(series);
    this.#write(series, timeMs);
    if (stale) {
      this.#writer.stale();
    } else {
      this.#writer.value(this.#states, series, high, low);
    }
    this.#ended[series] = stale ? 1 : 0;
    this.#bits[series] = this.#writer.at - this.#pieceBit(series);
    this.#count[series] = (this.#count[series] ?? 0) + 1;
    this.#samples++;
    return 'kept';
  }

  /** The chunks of a series in order of time, without copies: they hold until the next `append` or `clear`. */
  chunks(series: number): readonly Chunk[] {
    const closed = this.#closed.get(series) ?? [];
    const open = this.#open(series);
    return open === undefined ? closed : [...closed, open];
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

  /** Numbers of series that have a place here, from 0 on. */
  get reach(): number {
    return this.#count.length;
  }

  clear(): void {
    this.#arena.clear();
    this.#closed.clear();
    this.#count.fill(0);
    this.#samples = 0;
  }

  #reach(series: number): void {
    if (series < this.#count.length) {
      return;
    }
    const length = series + 1;
    const states = this.#states;
    states.lastMs = reaching(states.lastMs, length, floats);
    const reach = states.lastMs.length;
    states.distanceMs = reaching(states.distanceMs, reach, floats);
    states.high = reaching(states.high, reach, wide);
    states.low = reaching(states.low, reach, wide);
    states.leading = reaching(states.leading, reach, bytes);
    states.width = reaching(states.width, reach, bytes);
    this.#firstMs = reaching(this.#firstMs, reach, floats);
    this.#place = reaching(this.#place, reach, floats);
    this.#bits = reaching(this.#bits, reach, wide);
    this.#size = reaching(this.#size, reach, bytes);
    this.#ended = reaching(this.#ended, reach, bytes);
    this.#count = reaching(this.#count, reach, short);
  }

  #isLast(series: number, { high, low, stale }: SampleBits): boolean {
    const ended = this.#ended[series] === 1;
    return stale || ended ? stale && ended : high === this.#states.high[series] && low === this.#states.low[series];
  }

  /** The piece of the series has room for one more sample. */
  #makeRoom(series: number): void {
    const states = this.#states;
    if ((this.#count[series] ?? 0) === 0) {
      states.distanceMs[series] = 0;
      states.high[series] = 0;
      states.low[series] = 0;
      states.width[series] = 0;
      this.#bits[series] = 0;
      this.#size[series] = noPiece;
    }
    const size = this.#size[series] ?? noPiece;
    const needed = (((this.#bits[series] ?? 0) + 7) >> 3) + maxSampleBytes;
    if (size === noPiece) {
      this.#size[series] = 0;
      this.#place[series] = this.#arena.take(0);
    } else if (needed > (pieceBytes[size] ?? 0)) {
      this.#grow(series, size);
    }
  }

  #grow(series: number, size: number): void {
    if (size + 1 >= pieceBytes.length) {
      this.#close(series);
      this.#makeRoom(series);
      return;
    }
    const from = this.#place[series] ?? 0;
    const to = this.#arena.take(size + 1);
    const begin = this.#arena.offset(from);
    const kept = this.#arena.page(from).subarray(begin, begin + (pieceBytes[size] ?? 0));
    this.#arena.page(to).set(kept, this.#arena.offset(to));
    this.#arena.give(from, size);
    this.#place[series] = to;
    this.#size[series] = size + 1;
  }

  #write(series: number, timeMs: number): void {
    const place = this.#place[series] ?? 0;
    this.#writer.use(this.#arena.page(place), this.#pieceBit(series) + (this.#bits[series] ?? 0));
    if ((this.#count[series] ?? 0) === 0) {
      this.#firstMs[series] = timeMs;
      this.#states.lastMs[series] = timeMs;
    }
    this.#writer.time(this.#states, series, timeMs);
  }

  #pieceBit(series: number): number {
    return this.#arena.offset(this.#place[series] ?? 0) * 8;
  }

  #open(series: number): Chunk | undefined {
    const count = this.#count[series] ?? 0;
    if (count === 0) {
      return undefined;
    }
    const place = this.#place[series] ?? 0;
    return {
      bytes: this.#arena.page(place),
      at: this.#arena.offset(place),
      length: ((this.#bits[series] ?? 0) + 7) >> 3,
      count,
      firstMs: this.#firstMs[series] ?? 0,
      lastMs: this.#states.lastMs[series] ?? 0,
    };
  }

  #close(series: number): void {
    const chunk = this.#open(series);
    if (chunk !== undefined) {
      const closed = this.#closed.get(series) ?? [];
      closed.push(chunk);
      this.#closed.set(series, closed);
      this.#count[series] = 0;
    }
  }
}
