import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BridgeError } from '../../../contract/errors.ts';
import type { LogAttributes } from '../../../model/log.ts';
import { decodeAttributes } from './attribute-section.ts';
import { decodeColumns, type LineColumns } from './log-columns.ts';
import type { Scratch } from './scratch.ts';
import { unsqueeze } from './text-squeeze.ts';

/**
 * The payload of a block, little-endian: u32 bytes of the columns before compression and u32 as they stand here, the same of
 * the (squeezed) text, u32 bytes of the text before it was squeezed, u32 bytes of ids; then columns (zstd), text (zstd), ids.
 * Columns and text apart, so that what looks at times and levels alone leaves the text alone. Of a block of lines with
 * attributes, and only there, u32 bytes of these before compression and they themselves follow (zstd, `attribute-section.ts`).
 */
const headBytes = 24;
/** A block that inflates to more than this is not ours: a record of a lane has 128 MiB at most. */
const maxInflatedBytes = 256 * 1024 * 1024;

const quickLevel = 1;
/** Without ids, log lines shrink by a third more at this level than at 1, for about 1 CPU-s more per GiB of log files. */
const textLevel = 5;

export interface PayloadParts {
  readonly columns: Buffer;
  readonly text: Buffer;
  readonly ids: Buffer;
  /** Of the whole text. */
  readonly textBytes: number;
  /** As `attribute-section.ts` writes them. */
  readonly attributes?: Buffer | undefined;
}

export function packPayload({ columns, text, ids, textBytes, attributes }: PayloadParts): Buffer {
  const packedColumns = compressed(columns);
  const packedText = compressed(text, textLevel);
  const head = Buffer.from(
    Uint32Array.of(columns.length, packedColumns.length, text.length, packedText.length, textBytes, ids.length).buffer,
  );
  return Buffer.concat([head, packedColumns, packedText, ids, ...attributeParts(attributes)]);
}

function attributeParts(attributes: Buffer | undefined): Buffer[] {
  if (attributes === undefined) {
    return [];
  }
  return [Buffer.from(Uint32Array.of(attributes.length).buffer), compressed(attributes, textLevel)];
}

export function compressed(bytes: Buffer, level = quickLevel): Buffer {
  // Room for all of the output at once: chunks that are joined cost more than the compression.
  return zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    chunkSize: Math.max(1024, bytes.length >> 1),
  });
}

/** Throws BRIDGE_CORRUPT. */
export function inflated(bytes: Uint8Array, length: number): Buffer {
  if (length > maxInflatedBytes) {
    throw new BridgeError('BRIDGE_CORRUPT', 'it inflates to more than any block holds');
  }
  const chunkSize = Math.max(64, length);
  try {
    const inflatedBytes = zstdDecompressSync(bytes, { maxOutputLength: chunkSize, chunkSize });
    if (inflatedBytes.length === length) {
      return inflatedBytes;
    }
  } catch (cause) {
    throw new BridgeError('BRIDGE_CORRUPT', 'it cannot be inflated', { cause });
  }
  throw new BridgeError('BRIDGE_CORRUPT', 'it inflates to another length');
}

/** The lines of one block; columns and text are inflated when they are first asked for. */
export class BlockLines {
  readonly #payload: Buffer;
  readonly #room: Scratch | undefined;
  readonly #at: { readonly columns: number; readonly text: number; readonly ids: number; readonly attributes: number };
  #columns: LineColumns | undefined;
  #text: Buffer | undefined;
  #attributes: LogAttributes | undefined;

  /** With `room` its text is good until that is used again. Throws BRIDGE_CORRUPT, here and in its getters. */
  constructor(payload: Buffer, room?: Scratch) {
    const columns = headBytes;
    const text = payload.length < headBytes ? Number.NaN : columns + payload.readUInt32LE(4);
    const ids = text + (payload.length < headBytes ? 0 : payload.readUInt32LE(12));
    const attributes = ids + (payload.length < headBytes ? 0 : payload.readUInt32LE(20));
    if (attributes !== payload.length && !(attributes + 4 < payload.length)) {
      throw new BridgeError('BRIDGE_CORRUPT', 'a block of lines of another length');
    }
    this.#payload = payload;
    this.#room = room;
    this.#at = { columns, text, ids, attributes };
  }

  get columns(): LineColumns {
    this.#columns ??= decodeColumns(
      inflated(this.#payload.subarray(this.#at.columns, this.#at.text), this.#payload.readUInt32LE(0)),
      this.#payload.readUInt32LE(16),
    );
    return this.#columns;
  }

  /** All lines one behind the other. */
  get text(): Buffer {
    this.#text ??= this.#readText();
    return this.#text;
  }

  /** Undefined when no line has any. */
  get attributes(): LogAttributes | undefined {
    const at = this.#at.attributes;
    if (this.#attributes === undefined && at < this.#payload.length) {
      const bytes = inflated(this.#payload.subarray(at + 4), this.#payload.readUInt32LE(at));
      this.#attributes = decodeAttributes(bytes, this.columns.levels.length);
    }
    return this.#attributes;
  }

  #readText(): Buffer {
    const packed = this.#payload.subarray(this.#at.text, this.#at.ids);
    const text = inflated(packed, this.#payload.readUInt32LE(8));
    const ids = this.#payload.subarray(this.#at.ids, this.#at.attributes);
    const bytes = this.#payload.readUInt32LE(16);
    if (ids.length === 0 && text.length === bytes) {
      return text;
    }
    const whole = this.#room?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes);
    if (!unsqueeze({ text, ids }, whole)) {
      throw new BridgeError('BRIDGE_CORRUPT', 'a text that does not fit its ids');
    }
    return whole;
  }
}
