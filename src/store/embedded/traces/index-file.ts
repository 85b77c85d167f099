import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BridgeError } from '../../../contract/errors.ts';
import { writeWholeFile } from '../blocks/whole-file.ts';
import type { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import { BlockTable } from './block-table.ts';
import { FragmentPages, layPages, pageBytes, pagesOf } from './fragment-pages.ts';
import type { TraceKey } from './hash.ts';
import type { LiveIndex, PartitionIndex } from './live-index.ts';
import { NameBook } from './name-book.ts';

/**
 * The index of a sealed partition: the pages of `fragment-pages.ts`, then three sections (facts as JSON; names as JSON, zstd;
 * table of blocks, zstd), then a foot of 48 bytes: u32 magic, u32 version, and for each section u32 length and u32 crc32, f64
 * number of fragments, u32 crc32 of the foot so far, u32 zero.
 */
const magic = 0x4958424d;
const version = 1;
const footBytes = 48;
const footCrcAt = 40;
/** A table or a list of names that inflates to more than this is not ours. */
const maxInflatedBytes = 256 * 1024 * 1024;

/** What is known of a sealed partition without its index. */
export interface SealedFacts {
  readonly spans: number;
  readonly minMicros: number;
  readonly maxMicros: number;
  readonly arrivedMs: number;
  readonly position: HeldPosition | undefined;
  /** Minute of arrival and first block of each run of blocks; absent in files of earlier versions. */
  readonly runs?: readonly (readonly [number, number])[];
  readonly blocks?: number;
}

interface Section {
  readonly at: number;
  readonly bytes: number;
  readonly crc: number;
}

/** Resolves with the bytes of the index. */
export function writeIndexFile(path: string, live: LiveIndex, facts: SealedFacts): Promise<number> {
  return writeWholeFile(path, indexParts(live, facts));
}

function* indexParts(live: LiveIndex, facts: SealedFacts): Generator<Buffer, void, undefined> {
  yield* layPages(live.fragments);
  const sections = [
    Buffer.from(JSON.stringify(facts)),
    compressed(Buffer.from(JSON.stringify(live.names().write()))),
    compressed(live.table().write()),
  ];
  yield* sections;
  const foot = Buffer.alloc(footBytes);
  foot.writeUInt32LE(magic, 0);
  foot.writeUInt32LE(version, 4);
  for (const [index, section] of sections.entries()) {
    foot.writeUInt32LE(section.length, 8 + index * 8);
    foot.writeUInt32LE(crc32(section), 12 + index * 8);
  }
  foot.writeDoubleLE(live.fragments.fragments, 32);
  foot.writeUInt32LE(crc32(foot.subarray(0, footCrcAt)), footCrcAt);
  yield foot;
}

function compressed(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/** Names and table are read when they are first asked for, and given back by `forget`. */
export class IndexFile implements PartitionIndex {
  readonly facts: SealedFacts;
  readonly #files: FileCache;
  readonly #path: string;
  readonly #sections: { readonly names: Section; readonly table: Section };
  readonly #pages: FragmentPages;
  #table: BlockTable | undefined;
  #names: NameBook | undefined;

  /** `fileBytes` is the length of the file. Throws BRIDGE_CORRUPT when it is no whole index file. */
  constructor(files: FileCache, path: string, fileBytes: number) {
    this.#files = files;
    this.#path = path;
    const foot = readFoot(files, path, fileBytes);
    const [facts, names, table] = foot.sections;
    this.facts = JSON.parse(this.#section(facts).toString());
    this.#sections = { names, table };
    this.#pages = new FragmentPages(foot.fragments, (page) => files.read(path, page * pageBytes, pageBytes));
  }

  names(): NameBook {
    this.#names ??= NameBook.read(JSON.parse(this.#inflated(this.#sections.names).toString()));
    return this.#names;
  }

  table(): BlockTable {
    this.#table ??= BlockTable.read(this.#inflated(this.#sections.table));
    return this.#table;
  }

  blocksOf(key: TraceKey): number[] {
    return this.#pages.blocksOf(key);
  }

  forget(): void {
    this.#names = undefined;
    this.#table = undefined;
  }

  #section({ at, bytes, crc }: Section): Buffer {
    const section = this.#files.read(this.#path, at, bytes);
    if (crc32(section) !== crc) {
      throw new BridgeError('BRIDGE_CORRUPT', 'a section fails its checksum');
    }
    return section;
  }

  #inflated(section: Section): Buffer {
    return zstdDecompressSync(this.#section(section), { maxOutputLength: maxInflatedBytes });
  }
}

interface Foot {
  readonly sections: readonly [facts: Section, names: Section, table: Section];
  readonly fragments: number;
}

function readFoot(files: FileCache, path: string, fileBytes: number): Foot {
  const foot = fileBytes < footBytes ? Buffer.alloc(footBytes) : files.read(path, fileBytes - footBytes, footBytes);
  if (foot.readUInt32LE(0) !== magic || crc32(foot.subarray(0, footCrcAt)) !== foot.readUInt32LE(footCrcAt)) {
    throw new BridgeError('BRIDGE_CORRUPT', 'the foot of the index fails its checksum');
  }
  if (foot.readUInt32LE(4) !== version) {
    throw new BridgeError('BRIDGE_CORRUPT', 'an index of another version');
  }
  const fragments = foot.readDoubleLE(32);
  let at = pagesOf(fragments) * pageBytes;
  const section = (index: number): Section => {
    const begin = at;
    const bytes = foot.readUInt32LE(8 + index * 8);
    at += bytes;
    return { at: begin, bytes, crc: foot.readUInt32LE(12 + index * 8) };
  };
  const sections = [section(0), section(1), section(2)] as const;
  if (at + footBytes !== fileBytes) {
    throw new BridgeError('BRIDGE_CORRUPT', 'the index is not as long as its foot says');
  }
  return { sections, fragments };
}
