import { BridgeError } from '../../../contract/errors.ts';
import { type Chunk, maxLeading, paddingBytes, timeSteps } from './chunk.ts';

const poolBytes = 1024 * 1024;

/** Memory that many rooms share: a buffer each would cost more than its samples. */
export class SamplePool {
  #buffer = new ArrayBuffer(0);
  #used = 0;

  take(count: number): Float64Array {
    const bytes = count * 8;
    if (this.#used + bytes > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(Math.max(poolBytes, bytes));
      this.#used = 0;
    }
    const taken = new Float64Array(this.#buffer, this.#used, count);
    this.#used += bytes;
    return taken;
  }
}

/** Room for samples; `length` of them are there. */
export class SampleRoom {
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  /** The words of `values`: the lower one first. */
  readonly words: Uint32Array;
  /** 1 where a stale marker stands; absent: none. */
  stale?: Uint8Array;
  length = 0;

  constructor(count: number, pool = new SamplePool()) {
    this.timesMs = pool.take(count);
    this.values = pool.take(count);
    this.words = new Uint32Array(this.values.buffer, this.values.byteOffset, count * 2);
  }

  markStale(index: number): void {
    this.stale ??= new Uint8Array(this.timesMs.length);
    this.stale[index] = 1;
  }
}

/** `0` for the time, `10` for the value. */
const onGridSameWindow = 0b010;

const doubles = new Float64Array(1);
const words = new Uint32Array(doubles.buffer);

/** Reads one chunk behind what the room holds. Throws BRIDGE_CORRUPT when its bits end too early. */
export function readChunk(chunk: Chunk, room: SampleRoom): void {
  if (room.length + chunk.count > room.timesMs.length) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a chunk has more samples than there is room for');
  }
  if (chunk.at + chunk.length + paddingBytes > chunk.bytes.length) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a chunk is longer than its memory');
  }
  const reader = new ChunkReader(chunk);
  reader.read(room, chunk.count);
  if (reader.at > (chunk.at + chunk.length) * 8) {
    throw new BridgeError('BRIDGE_CORRUPT', 'a chunk ends within a sample');
  }
}

class ChunkReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #endBit: number;
  at: number;
  #timeMs: number;
  #distanceMs = 0;
  #high = 0;
  #low = 0;
  #leading = 0;
  #width = 0;

  constructor({ bytes, view, at, length, firstMs }: Chunk) {
    this.#bytes = bytes;
    this.#view = view;
    this.at = at * 8;
    this.#endBit = (at + length) * 8;
    this.#timeMs = firstMs;
  }

  read(room: SampleRoom, count: number): void {
    const end = room.length + count;
    let index = room.length;
    while (index < end && this.at <= this.#endBit) {
      const next = this.#peek();
      if (next >>> 30 === 0) {
        index = this.#unchanged(room, index, Math.min(end, index + (Math.clz32(next) >> 1)));
        continue;
      }
      if (next >>> 29 === onGridSameWindow && this.#width <= 29) {
        this.#onGrid(next);
        room.timesMs[index] = this.#timeMs;
        room.words[index * 2] = this.#low;
        room.words[index * 2 + 1] = this.#high;
        index++;
        continue;
      }
      this.#time(next);
      const stale = this.#value();
      room.timesMs[index] = this.#timeMs;
      if (stale) {
        room.markStale(index);
      } else {
        room.words[index * 2] = this.#low;
        room.words[index * 2 + 1] = this.#high;
      }
      index++;
    }
    if (index < end) {
      throw new BridgeError('BRIDGE_CORRUPT', 'a chunk ends within its samples');
    }
    room.length = end;
  }

  /** Samples of two zero bits each: on the grid, and of the same value. */
  #unchanged(room: SampleRoom, from: number, to: number): number {
    const { timesMs, words: target } = room;
    const low = this.#low;
    const high = this.#high;
    const distanceMs = this.#distanceMs;
    let timeMs = this.#timeMs;
    for (let i = from; i < to; i++) {
      timeMs += distanceMs;
      timesMs[i] = timeMs;
      target[i * 2] = low;
      target[i * 2 + 1] = high;
    }
    this.#timeMs = timeMs;
    this.at += (to - from) * 2;
    return to;
  }

  /** A sample on the grid whose bits differ within the window before: all of it stands in one word. */
  #onGrid(next: number): void {
    const width = this.#width;
    this.at += 3 + width;
    this.#timeMs += this.#distanceMs;
    this.#differ(width === 0 ? 0 : (next << 3) >>> (32 - width), 0, 64 - this.#leading - width);
  }

  #time(next: number): void {
    if (next >= 0) {
      this.at += 1;
    } else {
      this.#distanceMs += this.#change(next);
    }
    this.#timeMs += this.#distanceMs;
  }

  #change(next: number): number {
    const step = timeSteps[Math.clz32(~next) - 1];
    if (step !== undefined) {
      this.at += step.prefixBits;
      return this.#bits(step.bits) - 2 ** (step.bits - 1);
    }
    this.at += 4;
    words[1] = this.#bits(32);
    words[0] = this.#bits(32);
    return doubles[0] ?? 0;
  }

  /** True for a stale marker. */
  #value(): boolean {
    const next = this.#peek();
    if (next >= 0) {
      this.at += 1;
      return false;
    }
    if (next << 1 >= 0) {
      this.at += 2;
    } else {
      this.at += 13;
      const leading = (next >>> 25) & maxLeading;
      const width = ((next >>> 19) & 63) + 1;
      if (leading + width > 64) {
        return true;
      }
      this.#leading = leading;
      this.#width = width;
    }
    this.#xor(this.#width, 64 - this.#leading - this.#width);
    return false;
  }

  #xor(width: number, trailing: number): void {
    const upper = width > 32 ? this.#bits(width - 32) : 0;
    this.#differ(this.#bits(Math.min(32, width)), upper, trailing);
  }

  #differ(lower: number, upper: number, trailing: number): void {
    if (trailing >= 32) {
      this.#high = (this.#high ^ (lower << (trailing - 32))) >>> 0;
    } else if (trailing > 0) {
      this.#low = (this.#low ^ (lower << trailing)) >>> 0;
      this.#high = (this.#high ^ ((upper << trailing) | (lower >>> (32 - trailing)))) >>> 0;
    } else {
      this.#low = (this.#low ^ lower) >>> 0;
      this.#high = (this.#high ^ upper) >>> 0;
    }
  }

  /** 1 to 32 bits; 0 for none. */
  #bits(count: number): number {
    if (count === 0) {
      return 0;
    }
    const value = this.#peek() >>> (32 - count);
    this.at += count;
    return value;
  }

  /** The next 32 bits, as a signed word. */
  #peek(): number {
    const index = this.at >>> 3;
    const shift = this.at & 7;
    const word = this.#view.getInt32(index);
    return shift === 0 ? word : (word << shift) | ((this.#bytes[index + 4] ?? 0) >>> (8 - shift));
  }
}
