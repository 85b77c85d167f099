/** Two 32-bit hashes of one text. */
export interface TextHash {
  readonly first: number;
  readonly second: number;
}

const firstSeed = 0x811c9dc5;
const secondSeed = 0x9747b28c;

/** Scrambles all 32 bits (a bijection). */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Hashes `key`, or `key=value` where a value is given. `=` keeps `a` + `bc` apart from `ab` + `c`. */
export function hashText(key: string, value?: string): TextHash {
  let first = firstSeed;
  let second = secondSeed;
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ unit, 0x5bd1e995) ^ (second >>> 15);
  }
  if (value !== undefined) {
    first = Math.imul(first ^ 0x3d, 0x01000193);
    second = Math.imul(second ^ 0x3d, 0x5bd1e995) ^ (second >>> 15);
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      first = Math.imul(first ^ unit, 0x01000193);
      second = Math.imul(second ^ unit, 0x5bd1e995) ^ (second >>> 15);
    }
  }
  return { first: mix(first), second: mix(second) };
}

/** A trace's key in the indexes: 64 evenly spread bits. */
export interface TraceKey {
  readonly high: number;
  readonly low: number;
}

/**
 * Three Feistel rounds over the lower 64 bits of the id: a bijection, so different lower halves never meet. The upper half is
 * left out so that the 64-bit and the 128-bit spans of one trace share a key; readers compare whole ids afterwards.
 */
export function traceKeyOf(lowerHigh: number, lowerLow: number): TraceKey {
  let high = lowerHigh >>> 0;
  let low = lowerLow >>> 0;
  high = (high ^ mix(low + 0x9e3779b9)) >>> 0;
  low = (low ^ mix(high + 0x7f4a7c15)) >>> 0;
  high = (high ^ mix(low + 0x2545f491)) >>> 0;
  return { high, low };
}

/** The key of an id of 1 to 32 lower-case hex digits. */
export function traceKeyOfHex(traceId: string): TraceKey {
  const lower = traceId.slice(-16).padStart(16, '0');
  return traceKeyOf(Number.parseInt(lower.slice(0, 8), 16), Number.parseInt(lower.slice(8), 16));
}
