/** Writes bits, the highest first, into a piece of memory that it does not own. What stands behind the last bit is not kept. */
export class BitWriter {
  #bytes: Uint8Array = new Uint8Array(0);
  /** Where the next bit goes, counted from the beginning of the memory. */
  at = 0;

  /** Goes on at bit `at`. */
  use(bytes: Uint8Array, at: number): void {
    this.#bytes = bytes;
    this.at = at;
  }

  /** The lowest `count` (1 to 32) bits of `value`; the others must be zero. */
  bits(value: number, count: number): void {
    const bytes = this.#bytes;
    let at = this.at;
    let left = count;
    while (left > 0) {
      const free = 8 - (at & 7);
      const taken = Math.min(free, left);
      const part = ((value >>> (left - taken)) & ((1 << taken) - 1)) << (free - taken);
      const index = at >>> 3;
      bytes[index] = free === 8 ? part : (bytes[index] ?? 0) | part;
      at += taken;
      left -= taken;
    }
    this.at = at;
  }
}
