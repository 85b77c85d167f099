/**
 * Samples of one series as bits, after Facebook's Gorilla (Pelkonen et al., VLDB 2015, §4.1), with room for what Prometheus
 * knows beside numbers. The time of the first sample stands outside; each sample is
 *
 * - the difference between its distance to the sample before and that one's (0 at first), in ms: `0` for none, `10` and 7 bits,
 *   `110` and 16, `1110` and 28, each above its lowest value, else `1111` and the 64 bits of a double;
 * - its value: `0` for the bits of the one before (0 at first), `10` and those bits within the last window that differ, `11`, 5
 *   bits leading zeros and 6 bits length − 1 of a new window, and the bits in it.
 *
 * A window of 31 leading zeros and 64 bits cannot be: it stands for a stale marker, which leaves the value before in place.
 * Values travel as two words, never as a JS number: that would not keep the payload of a NaN.
 */
export const timeSteps = [
  { prefix: 0b10, prefixBits: 2, bits: 7 },
  { prefix: 0b110, prefixBits: 3, bits: 16 },
  { prefix: 0b1110, prefixBits: 4, bits: 28 },
] as const;
export const maxLeading = 31;
export const staleWindow = (maxLeading << 6) | 63;
/** No sample takes more: 4 + 64 bits of time, 2 + 11 + 64 of value. */
export const maxSampleBytes = 19;
/** Readers look this far behind the last bit, whatever stands there: the longest sample, and a word. */
export const paddingBytes = 24;

/** What is known of a chunk beside its bits. Times are ms since 1970. */
export interface ChunkFacts {
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The bits begin on a byte; at least `paddingBytes` may be read behind them. */
export interface Chunk extends ChunkFacts {
  readonly bytes: Uint8Array;
  /** Of the same memory. */
  readonly view: DataView;
  readonly at: number;
  readonly length: number;
}
