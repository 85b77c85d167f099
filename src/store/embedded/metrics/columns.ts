type Numbers = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** A column that reaches at least to `length`: the same one, or a larger copy. */
export function reaching<T extends Numbers>(column: T, length: number, make: (length: number) => T): T {
  if (length <= column.length) {
    return column;
  }
  const larger = make(Math.max(64, length, Math.ceil(column.length * 1.5)));
  larger.set(column);
  return larger;
}

export const floats = (length: number): Float64Array => new Float64Array(length);
export const wide = (length: number): Uint32Array => new Uint32Array(length);
export const short = (length: number): Uint16Array => new Uint16Array(length);
export const bytes = (length: number): Uint8Array => new Uint8Array(length);

/** Of a series: the number of its name, and those of its pairs. */
export function hashOf(name: number, row: ArrayLike<number>): number {
  let hash = Math.imul(name + 1, 0x9e3779b1);
  for (let i = 0; i < row.length; i++) {
    hash = Math.imul(hash ^ (row[i] ?? 0), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
