/** Memory that is used again and again. */
export class Scratch {
  #memory = Buffer.allocUnsafeSlow(32 * 1024);

  take(bytes: number): Buffer {
    if (bytes > this.#memory.length) {
      this.#memory = Buffer.allocUnsafeSlow(bytes);
    }
    return this.#memory.subarray(0, bytes);
  }
}
