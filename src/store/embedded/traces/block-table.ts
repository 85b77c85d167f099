import { BridgeError } from '../../../contract/errors.ts';
import type { BlockPlace } from '../blocks/block-format.ts';
import type { BlockSummary } from './block-summary.ts';
import { GrowingFloats, GrowingWords } from './growing.ts';
import type { NameBook } from './name-book.ts';

const flagBits = { error: 1, namesMissing: 2 } as const;

/** What is known of each block of a partition, column by column: about 70 bytes a block and 4 a name. */
export class BlockTable {
  #floats = {
    offset: new GrowingFloats(),
    minMicros: new GrowingFloats(),
    maxMicros: new GrowingFloats(),
    maxDurationMicros: new GrowingFloats(),
  };
  #words = {
    headerBytes: new GrowingWords(),
    payloadBytes: new GrowingWords(),
    spans: new GrowingWords(),
    flags: new GrowingWords(),
    /** In `ids`, behind the last id of services, of span names, of remote services. */
    servicesEnd: new GrowingWords(),
    spansEnd: new GrowingWords(),
    remotesEnd: new GrowingWords(),
  };
  #ids = new GrowingWords();

  get length(): number {
    return this.#floats.offset.length;
  }

  append(place: BlockPlace, summary: BlockSummary, names: NameBook): void {
    const { services, spans, remotes } = names.note(summary.services);
    this.#floats.offset.push(place.offset);
    this.#floats.minMicros.push(summary.minMicros);
    this.#floats.maxMicros.push(summary.maxMicros);
    this.#floats.maxDurationMicros.push(summary.maxDurationMicros);
    this.#words.headerBytes.push(place.headerBytes);
    this.#words.payloadBytes.push(place.payloadBytes);
    this.#words.spans.push(summary.spans);
    this.#words.flags.push(
      (summary.hasError ? flagBits.error : 0) | (summary.namesComplete ? 0 : flagBits.namesMissing),
    );
    this.#words.servicesEnd.push(this.#pushIds(services));
    this.#words.spansEnd.push(this.#pushIds(spans));
    this.#words.remotesEnd.push(this.#pushIds(remotes));
  }

  place(block: number): BlockPlace {
    return {
      offset: this.#floats.offset.at(block),
      headerBytes: this.#words.headerBytes.at(block),
      payloadBytes: this.#words.payloadBytes.at(block),
    };
  }

  spans(block: number): number {
    return this.#words.spans.at(block);
  }

  minMicros(block: number): number {
    return this.#floats.minMicros.at(block);
  }

  maxMicros(block: number): number {
    return this.#floats.maxMicros.at(block);
  }

  /** -1 where no span has a duration. */
  maxDurationMicros(block: number): number {
    return this.#floats.maxDurationMicros.at(block);
  }

  hasError(block: number): boolean {
    return (this.#words.flags.at(block) & flagBits.error) !== 0;
  }

  mayHaveService(block: number, id: number | undefined): boolean {
    return this.#mayHave(block, id, block === 0 ? 0 : this.#words.remotesEnd.at(block - 1), this.#words.servicesEnd);
  }

  mayHaveSpanName(block: number, id: number | undefined): boolean {
    return this.#mayHave(block, id, this.#words.servicesEnd.at(block), this.#words.spansEnd);
  }

  mayHaveRemote(block: number, id: number | undefined): boolean {
    return this.#mayHave(block, id, this.#words.spansEnd.at(block), this.#words.remotesEnd);
  }

  /** To be read by `read` on a machine of the same byte order. */
  write(): Buffer {
    const lengths = Uint32Array.of(this.length, this.#ids.length);
    const columns = [
      ...Object.values(this.#floats).map((column) => column.view()),
      ...Object.values(this.#words).map((column) => column.view()),
      this.#ids.view(),
    ];
    return Buffer.concat(
      [lengths, ...columns].map((column) => Buffer.from(column.buffer, column.byteOffset, column.byteLength)),
    );
  }

  /** Throws BRIDGE_CORRUPT. */
  static read(bytes: Buffer): BlockTable {
    const memory = new Uint8Array(bytes).buffer;
    const [blocks = 0, ids = 0] = bytes.length < 8 ? [] : new Uint32Array(memory, 0, 2);
    const table = new BlockTable();
    const floats = Object.keys(table.#floats).length;
    const words = Object.keys(table.#words).length;
    if (bytes.length !== 8 + blocks * (floats * 8 + words * 4) + ids * 4) {
      throw new BridgeError('BRIDGE_CORRUPT', 'a table of blocks of another length');
    }
    let at = 8;
    const takeFloats = (): GrowingFloats => {
      const column = new GrowingFloats(new Float64Array(memory, at, blocks), blocks);
      at += blocks * 8;
      return column;
    };
    const takeWords = (length: number): GrowingWords => {
      const column = new GrowingWords(new Uint32Array(memory, at, length), length);
      at += length * 4;
      return column;
    };
    table.#floats = {
      offset: takeFloats(),
      minMicros: takeFloats(),
      maxMicros: takeFloats(),
      maxDurationMicros: takeFloats(),
    };
    table.#words = {
      headerBytes: takeWords(blocks),
      payloadBytes: takeWords(blocks),
      spans: takeWords(blocks),
      flags: takeWords(blocks),
      servicesEnd: takeWords(blocks),
      spansEnd: takeWords(blocks),
      remotesEnd: takeWords(blocks),
    };
    table.#ids = takeWords(ids);
    return table;
  }

  #pushIds(ids: readonly number[]): number {
    for (const id of ids) {
      this.#ids.push(id);
    }
    return this.#ids.length;
  }

  /** True as well where the block's names were too long to be listed. */
  #mayHave(block: number, id: number | undefined, begin: number, ends: GrowingWords): boolean {
    if ((this.#words.flags.at(block) & flagBits.namesMissing) !== 0) {
      return true;
    }
    const end = ends.at(block);
    for (let at = begin; id !== undefined && at < end; at++) {
      if (this.#ids.at(at) === id) {
        return true;
      }
    }
    return false;
  }
}
