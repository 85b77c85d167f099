import { appendFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type PartitionShared, sizeOf } from '../../blocks/partition-files.ts';
import { type MinuteRow, readLinks, readOperations, writeLinks, writeOperations } from './minute-row.ts';

/**
 * Rows behind each other, the last of a minute stands: u32 length of the frame, u32 crc32 of what follows; u32 version, minute,
 * blocks, spans; f64 first and last minute that its entries are of; u32 length of the links, u32 zero; links and operations as
 * JSON, zstd. Nothing is lost with this file: what it does not have is worked out from the spans again. So nothing is synced.
 */
const version = 1;
const headBytes = 48;
/** Room of rows that no longer count is given back when there is more of it than this, and than of rows that do. */
const slackBytes = 256 * 1024;
const maxInflatedBytes = 64 * 1024 * 1024;

/** What is known of a row without reading it. */
export interface RowFacts {
  readonly minute: number;
  readonly blocks: number;
  readonly spans: number;
  /** The first and the last minute that its entries are of. */
  readonly fromMinute: number;
  readonly toMinute: number;
}

interface Place extends RowFacts {
  readonly offset: number;
  readonly bytes: number;
  readonly linksBytes: number;
}

type Links = Pick<MinuteRow, 'links' | 'begins'>;
type Operations = Pick<MinuteRow, 'operations' | 'workloads' | 'tags'>;

/** The rows of one partition. */
export class RowBook {
  readonly #path: string;
  readonly #shared: PartitionShared;
  readonly #places = new Map<number, Place>();
  #bytes: number | undefined;

  constructor(path: string, shared: PartitionShared) {
    this.#path = path;
    this.#shared = shared;
  }

  get bytes(): number {
    return this.#bytes ?? sizeOf(this.#path) ?? 0;
  }

  find(minute: number): RowFacts | undefined {
    this.#load();
    return this.#places.get(minute);
  }

  links(minute: number): Links | undefined {
    return this.#read(minute, ({ offset, linksBytes }) => {
      const links = this.#shared.files.read(this.#path, offset + headBytes, linksBytes);
      return readLinks(JSON.parse(inflated(links)));
    });
  }

  operations(minute: number): Operations | undefined {
    return this.#read(minute, ({ offset, bytes, linksBytes }) => {
      const at = headBytes + linksBytes;
      const operations = this.#shared.files.read(this.#path, offset + at, bytes - at);
      return readOperations(JSON.parse(inflated(operations)));
    });
  }

  /** False where the disk does not take it. */
  write(row: MinuteRow): boolean {
    try {
      this.#append(row);
      return true;
    } catch {
      // What was written of it is cut when the file is read again.
      this.#bytes = undefined;
      return false;
    }
  }

  #append(row: MinuteRow): void {
    const at = this.#load();
    const frame = frameOf(row);
    appendFileSync(this.#path, frame, { mode: 0o600 });
    this.#note(frame, at);
    this.#bytes = at + frame.length;
    const live = [...this.#places.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    if (this.#bytes - live > Math.max(slackBytes, live)) {
      this.#compact();
    }
  }

  #compact(): void {
    const places = [...this.#places.values()];
    const frames = places.map(({ offset, bytes }) => this.#shared.files.read(this.#path, offset, bytes));
    const temporary = `${this.#path}.tmp`;
    writeFileSync(temporary, Buffer.concat(frames), { mode: 0o600 });
    this.#shared.files.forget(this.#path);
    renameSync(temporary, this.#path);
    this.#bytes = undefined;
    this.#load();
  }

  #read<T>(minute: number, read: (place: Place) => T): T | undefined {
    this.#load();
    const place = this.#places.get(minute);
    if (place === undefined) {
      return undefined;
    }
    try {
      return read(place);
    } catch {
      // Worked out again, and written again.
      this.#places.delete(minute);
      return undefined;
    }
  }

  /** Takes what is whole, and cuts what stands behind it. */
  #load(): number {
    if (this.#bytes !== undefined) {
      return this.#bytes;
    }
    this.#places.clear();
    const file = this.#whole();
    let at = 0;
    for (let frame = frameAt(file, at); frame !== undefined; frame = frameAt(file, at)) {
      this.#note(frame, at);
      at += frame.length;
    }
    if (at < file.length) {
      this.#shared.files.forget(this.#path);
      truncateSync(this.#path, at);
    }
    this.#bytes = at;
    return at;
  }

  /** Nothing where it cannot be read: then it holds no row. */
  #whole(): Buffer {
    try {
      return readFileSync(this.#path);
    } catch {
      return Buffer.alloc(0);
    }
  }

  #note(frame: Buffer, offset: number): void {
    const minute = frame.readUInt32LE(12);
    this.#places.set(minute, {
      minute,
      blocks: frame.readUInt32LE(16),
      spans: frame.readUInt32LE(20),
      fromMinute: frame.readDoubleLE(24),
      toMinute: frame.readDoubleLE(32),
      linksBytes: frame.readUInt32LE(40),
      offset,
      bytes: frame.length,
    });
  }
}

function frameAt(file: Buffer, at: number): Buffer | undefined {
  if (at + headBytes > file.length) {
    return undefined;
  }
  const bytes = file.readUInt32LE(at);
  const frame = file.subarray(at, at + bytes);
  const isWhole = bytes >= headBytes && frame.length === bytes && frame.readUInt32LE(4) === crc32(frame.subarray(8));
  return isWhole && frame.readUInt32LE(8) === version && frame.readUInt32LE(40) <= bytes - headBytes
    ? frame
    : undefined;
}

function frameOf(row: MinuteRow): Buffer {
  const links = deflated(JSON.stringify(writeLinks(row)));
  const operations = deflated(JSON.stringify(writeOperations(row)));
  const minutes = [row.links, row.operations, row.workloads, row.begins].flatMap((entries) =>
    entries.map(({ minute }) => minute),
  );
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(headBytes + links.length + operations.length, 0);
  head.writeUInt32LE(version, 8);
  head.writeUInt32LE(row.minute, 12);
  head.writeUInt32LE(row.blocks, 16);
  head.writeUInt32LE(row.spans, 20);
  head.writeDoubleLE(
    minutes.reduce((least, one) => Math.min(least, one), Number.POSITIVE_INFINITY),
    24,
  );
  head.writeDoubleLE(
    minutes.reduce((most, one) => Math.max(most, one), Number.NEGATIVE_INFINITY),
    32,
  );
  head.writeUInt32LE(links.length, 40);
  const frame = Buffer.concat([head, links, operations]);
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
  return frame;
}

function deflated(text: string): Buffer {
  return zstdCompressSync(text, {
    params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}

function inflated(bytes: Buffer): string {
  return zstdDecompressSync(bytes, { maxOutputLength: maxInflatedBytes }).toString();
}
