import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BridgeError } from '../../../contract/errors.ts';
import { checkFrame, encodeRecord, prefixBytes, recordBytes } from '../../../record/frame.ts';
import { writeWholeFile } from '../blocks/whole-file.ts';
import type { FileCache } from '../file-cache.ts';
import type { HeldPosition } from '../position.ts';
import type { ChunkFile } from './chunk-file.ts';
import { type ColumnName, columnNames, SeriesTable } from './series-table.ts';

/**
 * The index of a sealed partition: records (`record/frame.ts`), each with its own checksums. The header of a record is JSON,
 * `{page, version}`; the first one, `facts`, has JSON behind it, the others zstd: `strings`, `facts of series` and `files` of JSON, and
 * one for every `columnBytes` of each column of the table; `end` is empty.
 */
const version = 1;
const columnBytes = 1024 * 1024;
const maxInflatedBytes = 256 * 1024 * 1024;

/** What is known of a sealed partition without its index. */
export interface SealedFacts {
  readonly items: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly arrivedMs: number;
  readonly position: HeldPosition | undefined;
  /** Of the files of chunks. */
  readonly bytes: number;
}

export interface PartitionIndex {
  readonly table: SeriesTable;
  readonly files: readonly ChunkFile[];
}

interface Page {
  readonly page: string;
  readonly payload: Buffer;
}

/** Resolves with the bytes of the index. */
export function writeIndexFile(path: string, index: PartitionIndex, facts: SealedFacts): Promise<number> {
  return writeWholeFile(path, recordsOf(index, facts));
}

function* recordsOf(index: PartitionIndex, facts: SealedFacts): Generator<Buffer, void, undefined> {
  for (const { page, payload } of pagesOf(index, facts)) {
    const header = Buffer.from(JSON.stringify({ page, version }));
    const record = Buffer.allocUnsafe(recordBytes(header.length, payload.length));
    encodeRecord(record, 0, header, [payload]);
    yield record;
  }
}

function* pagesOf({ table, files }: PartitionIndex, facts: SealedFacts): Generator<Page, void, undefined> {
  yield { page: 'facts', payload: Buffer.from(JSON.stringify(facts)) };
  const { strings, facts: ofSeries, columns } = table.write();
  yield { page: 'strings', payload: packed(strings) };
  yield { page: 'facts of series', payload: packed(ofSeries) };
  yield { page: 'files', payload: packed(files) };
  for (const name of columnNames) {
    const { buffer, byteOffset, byteLength } = columns[name];
    for (let at = 0; at < byteLength; at += columnBytes) {
      const piece = Buffer.from(buffer, byteOffset + at, Math.min(columnBytes, byteLength - at));
      yield { page: name, payload: compressed(piece) };
    }
  }
  yield { page: 'end', payload: Buffer.alloc(0) };
}

/** Throws BRIDGE_CORRUPT. */
export function readFacts(files: FileCache, path: string): SealedFacts {
  const prefix = files.read(path, 0, prefixBytes);
  const bytes = recordBytes(Math.min(1024, prefix.readUInt32LE(4)), Math.min(65_536, prefix.readUInt32LE(8)));
  const record = files.read(path, 0, bytes);
  const [first] = pagesIn(record);
  if (first?.page !== 'facts') {
    throw new BridgeError('BRIDGE_CORRUPT', 'not an index of metrics');
  }
  return JSON.parse(first.payload.toString());
}

/** Reads the index and gives way after each page. Throws BRIDGE_CORRUPT. */
export function* readingIndex(
  files: FileCache,
  path: string,
  bytes: number,
): Generator<undefined, PartitionIndex, undefined> {
  const parts = new Map<string, Buffer[]>();
  for (const { page, payload } of pagesIn(files.read(path, 0, bytes))) {
    const known = parts.get(page) ?? [];
    known.push(page === 'facts' ? payload : inflated(payload));
    parts.set(page, known);
    yield;
  }
  if (!parts.has('end')) {
    throw new BridgeError('BRIDGE_CORRUPT', 'the index ends too early');
  }
  const columns = Object.fromEntries(columnNames.map((name) => [name, columnOf(parts.get(name) ?? [])]));
  const table = SeriesTable.read({
    strings: json(parts.get('strings')),
    facts: json(parts.get('facts of series')),
    columns: columns as Record<ColumnName, Uint32Array>,
  });
  return { table, files: json(parts.get('files')) };
}

/** Reads without giving way. */
export function atOnce<T>(reading: Generator<undefined, T, undefined>): T {
  let step = reading.next();
  while (step.done !== true) {
    step = reading.next();
  }
  return step.value;
}

function* pagesIn(bytes: Buffer): Generator<Page, void, undefined> {
  for (let at = 0; at < bytes.length; ) {
    const check = checkFrame(bytes, at);
    if (check.kind !== 'record') {
      throw new BridgeError('BRIDGE_CORRUPT', `the page at byte ${at} of the index fails its checksum`);
    }
    const header = JSON.parse(bytes.toString('utf8', at + prefixBytes, check.payloadAt));
    if (header.version !== version) {
      throw new BridgeError('BRIDGE_CORRUPT', 'an index of another version');
    }
    yield { page: header.page, payload: bytes.subarray(check.payloadAt, check.end) };
    at = check.end;
  }
}

function columnOf(pieces: readonly Buffer[]): Uint32Array {
  const column = new Uint32Array(pieces.reduce((sum, { length }) => sum + length, 0) / 4);
  const bytes = new Uint8Array(column.buffer);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return column;
}

function packed(value: unknown): Buffer {
  return compressed(Buffer.from(JSON.stringify(value)));
}

function json<T>(pages: readonly Buffer[] | undefined): T {
  const [page] = pages ?? [];
  if (page === undefined) {
    throw new BridgeError('BRIDGE_CORRUPT', 'the index lacks a page');
  }
  return JSON.parse(page.toString());
}

function inflated(page: Buffer): Buffer {
  return page.length === 0 ? page : zstdDecompressSync(page, { maxOutputLength: maxInflatedBytes });
}

function compressed(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}
