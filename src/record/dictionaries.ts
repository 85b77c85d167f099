import { hasCode } from '../contract/errors.ts';
import { isLaneHeader, readFacts } from './lane-header.ts';
import type { RecordReader } from './reader.ts';

const keptBytes = 16 * 1024 * 1024;

/** The dictionaries of one segment by offset; the ones used last are kept. */
export class Dictionaries {
  readonly #reader: RecordReader;
  readonly #kept = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(reader: RecordReader) {
    this.#reader = reader;
  }

  /** undefined when what stands there is damaged. */
  async at(offset: number): Promise<Uint8Array | undefined> {
    const known = this.#kept.get(offset);
    if (known !== undefined) {
      this.#kept.delete(offset);
      this.#kept.set(offset, known);
      return known;
    }
    const read = await this.#read(offset);
    if (read !== undefined) {
      this.#keep(offset, read);
    }
    return read;
  }

  async #read(offset: number): Promise<Uint8Array | undefined> {
    try {
      const { header, payload } = await this.#reader.recordAt(offset);
      return isLaneHeader(header) && readFacts(header).kind === 'dictionary' ? payload : undefined;
    } catch (error) {
      if (hasCode(error, 'BRIDGE_CORRUPT')) {
        return undefined;
      }
      throw error;
    }
  }

  #keep(offset: number, bytes: Uint8Array): void {
    this.#kept.set(offset, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes <= keptBytes || oldest === offset) {
        return;
      }
      this.#kept.delete(oldest);
      this.#bytes -= old.length;
    }
  }
}
