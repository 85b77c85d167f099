import { BitWriter } from './bit-writer.ts';
import { maxLeading, staleWindow, timeSteps } from './chunk.ts';

/** Where the chunk of each series stands, by its number, so that the next sample can follow. */
export interface ChunkStates {
  /** ms since 1970 */
  lastMs: Float64Array;
  distanceMs: Float64Array;
  high: Uint32Array;
  low: Uint32Array;
  /** The window of the value before: leading zeros, and bits; 0 bits for none. */
  leading: Uint8Array;
  width: Uint8Array;
}

const doubles = new Float64Array(1);
const words = new Uint32Array(doubles.buffer);

/** Writes the bits of samples (`chunk.ts`). */
export class ChunkWriter extends BitWriter {
  time(states: ChunkStates, index: number, timeMs: number): void {
    const distanceMs = timeMs - (states.lastMs[index] ?? 0);
    const change = distanceMs - (states.distanceMs[index] ?? 0);
    states.lastMs[index] = timeMs;
    states.distanceMs[index] = distanceMs;
    if (change === 0) {
      this.bits(0, 1);
      return;
    }
    for (const { prefix, prefixBits, bits } of timeSteps) {
      const half = 2 ** (bits - 1);
      if (change >= -half && change < half) {
        this.bits(prefix, prefixBits);
        this.bits(change + half, bits);
        return;
      }
    }
    this.bits(0b1111, 4);
    doubles[0] = change;
    this.bits(words[1] ?? 0, 32);
    this.bits(words[0] ?? 0, 32);
  }

  stale(): void {
    this.bits(0b11, 2);
    this.bits(staleWindow, 11);
  }

  value(states: ChunkStates, index: number, high: number, low: number): void {
    const xorHigh = (high ^ (states.high[index] ?? 0)) >>> 0;
    const xorLow = (low ^ (states.low[index] ?? 0)) >>> 0;
    if (xorHigh === 0 && xorLow === 0) {
      this.bits(0, 1);
      return;
    }
    states.high[index] = high;
    states.low[index] = low;
    const leading = Math.min(maxLeading, xorHigh === 0 ? 32 + Math.clz32(xorLow) : Math.clz32(xorHigh));
    const trailing = xorLow === 0 ? 32 + trailingZeros(xorHigh) : trailingZeros(xorLow);
    const before = states.leading[index] ?? 0;
    const width = states.width[index] ?? 0;
    const own = 64 - leading - trailing;
    // A window that is far too wide is left for one that fits: its 11 bits are soon saved.
    if (width !== 0 && leading >= before && trailing >= 64 - before - width && width - own < 16) {
      this.bits(0b10, 2);
      this.#window(xorHigh, xorLow, 64 - before - width, width);
      return;
    }
    states.leading[index] = leading;
    states.width[index] = own;
    this.bits(0b11, 2);
    this.bits((leading << 6) | (own - 1), 11);
    this.#window(xorHigh, xorLow, trailing, own);
  }

  /** `width` bits, above the `trailing` lowest. */
  #window(high: number, low: number, trailing: number, width: number): void {
    let lower = low;
    let upper = high;
    if (trailing >= 32) {
      lower = high >>> (trailing - 32);
      upper = 0;
    } else if (trailing > 0) {
      lower = (low >>> trailing) | (high << (32 - trailing));
      upper = high >>> trailing;
    }
    if (width > 32) {
      this.bits(upper, width - 32);
      this.bits(lower, 32);
    } else {
      this.bits(lower, width);
    }
  }
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
