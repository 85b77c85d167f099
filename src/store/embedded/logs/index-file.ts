import { crc32 } from 'node:zlib';
import { BridgeError } from '../../../contract/errors.ts';
import { writeWholeFile } from '../blocks/whole-file.ts';
import type { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { Arrival } from './arrival.ts';
import { compressed, inflated } from './block-payload.ts';
import { BlockTable } from './block-table.ts';
import { StreamBook, type StreamLabels } from './stream-labels.ts';

/**
 * The index of a sealed partition is bytes in pages of 4 KiB: u32 crc32 of the rest, then 4,092 bytes (the last page may be
 * shorter). The bytes: u32 magic, u32 version, u32 bytes of the facts (JSON), of the streams (JSON) and of the same compressed,
 * of the table of blocks; then facts, streams compressed, table.
 */
const pageBytes = 4096;
const crcBytes = 4;
const dataBytes = pageBytes - crcBytes;
const magic = 0x494c424d;
const version = 1;
const headBytes = 24;

/** What is known of a sealed partition without its table. */
export interface SealedFacts {
  /** Which file of the directory the blocks stand in. */
  readonly file: string;
  readonly lines: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly arrivedMs: number;
  /** The line that arrived last. */
  readonly last: Arrival | undefined;
  readonly position: HeldPosition | undefined;
}

export interface BlockList {
  readonly table: BlockTable;
  readonly book: StreamBook;
}

/** Resolves with the bytes of the index. */
export function writeIndexFile(path: string, { table, book }: BlockList, facts: SealedFacts): Promise<number> {
  const json = Buffer.from(JSON.stringify(facts));
  const streams = Buffer.from(JSON.stringify(book.list));
  const packedStreams = compressed(streams);
  const rows = table.write();
  const head = Uint32Array.of(magic, version, json.length, streams.length, packedStreams.length, rows.length);
  return writeWholeFile(path, [paged(Buffer.concat([Buffer.from(head.buffer), json, packedStreams, rows]))]);
}

function paged(bytes: Buffer): Buffer {
  const pages: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += dataBytes) {
    const data = bytes.subarray(at, at + dataBytes);
    const crc = Buffer.alloc(crcBytes);
    crc.writeUInt32LE(crc32(data));
    pages.push(crc, data);
  }
  return Buffer.concat(pages);
}

/** Facts are read at once, streams and table when they are asked for. */
export class IndexFile {
  readonly facts: SealedFacts;
  readonly #files: FileCache;
  readonly #path: string;
  readonly #fileBytes: number;
  readonly #lengths: {
    readonly facts: number;
    readonly streams: number;
    readonly packed: number;
    readonly table: number;
  };

  /** `fileBytes` is the length of the file. Throws BRIDGE_CORRUPT when it is no whole index file. */
  constructor(files: FileCache, path: string, fileBytes: number) {
    this.#files = files;
    this.#path = path;
    this.#fileBytes = fileBytes;
    const head = this.#read(0, headBytes);
    const word = (i: number): number => head.readUInt32LE(i * 4);
    if (word(0) !== magic || word(1) !== version) {
      throw new BridgeError('BRIDGE_CORRUPT', 'not an index of this version');
    }
    this.#lengths = { facts: word(2), streams: word(3), packed: word(4), table: word(5) };
    const bytes = headBytes + word(2) + word(4) + word(5);
    if (fileBytes !== bytes + Math.ceil(bytes / dataBytes) * crcBytes) {
      throw new BridgeError('BRIDGE_CORRUPT', 'the index is not as long as its head says');
    }
    this.facts = JSON.parse(this.#read(headBytes, word(2)).toString());
  }

  /** Throws BRIDGE_CORRUPT at a page that is not what was written. */
  read(): BlockList {
    const { facts, streams, packed, table } = this.#lengths;
    const bytes = this.#read(headBytes + facts, packed + table);
    const list: StreamLabels[] = JSON.parse(inflated(bytes.subarray(0, packed), streams).toString());
    return { table: BlockTable.read(bytes.subarray(packed)), book: StreamBook.of(list) };
  }

  /** `length` bytes from `from` on, of the bytes without the checksums. */
  #read(from: number, length: number): Buffer {
    const firstPage = Math.floor(from / dataBytes);
    const begin = firstPage * pageBytes;
    const end = Math.min(this.#fileBytes, Math.ceil((from + length) / dataBytes) * pageBytes);
    const pages = this.#files.read(this.#path, begin, Math.max(0, end - begin));
    const parts: Buffer[] = [];
    for (let at = 0; at + crcBytes <= pages.length; at += pageBytes) {
      const data = pages.subarray(at + crcBytes, at + pageBytes);
      if (crc32(data) !== pages.readUInt32LE(at)) {
        throw new BridgeError('BRIDGE_CORRUPT', `page ${firstPage + at / pageBytes} of the index fails its checksum`);
      }
      parts.push(data);
    }
    const skip = from - firstPage * dataBytes;
    const data = Buffer.concat(parts).subarray(skip, skip + length);
    if (data.length < length) {
      throw new BridgeError('BRIDGE_CORRUPT', 'the index is too short');
    }
    return data;
  }
}
