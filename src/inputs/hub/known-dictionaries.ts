export interface Dictionary {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Dictionaries that agents sent, so that they need not send them with each request. Those used last are kept. */
export class KnownDictionaries {
  readonly #maxBytes: number;
  readonly #byId = new Map<string, Dictionary>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(id: string): Dictionary | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined) {
      this.#byId.delete(id);
      this.#byId.set(id, known);
    }
    return known;
  }

  /** Copies the bytes where they are new. */
  keep(id: string, bytes: Uint8Array): void {
    if (this.get(id) !== undefined) {
      return;
    }
    this.#byId.set(id, { id, bytes: Buffer.from(bytes) });
    this.#bytes += bytes.length;
    for (const [oldest, old] of this.#byId) {
      if (this.#bytes <= this.#maxBytes || oldest === id) {
        break;
      }
      this.#byId.delete(oldest);
      this.#bytes -= old.bytes.length;
    }
  }
}
