const quote = 0x22;
const backslash = 0x5c;
const space = 0x20;
const hex = Buffer.from('0123456789abcdef');
/** `\u00XX`, the longest that a byte can become. */
const mostBytesOfOne = 6;
const newline = 0x0a;

const defaultChunkBytes = 256 * 1024;

/**
 * Rows of JSONEachRow, one after the other. Lines are copied as the bytes that they are: ClickHouse keeps bytes that are not UTF-8
 * as they came.
 */
export class JsonRows {
  readonly #full: Buffer[] = [];
  readonly #chunkBytes: number;
  #buffer: Buffer;
  #end = 0;

  constructor(chunkBytes: number = defaultChunkBytes) {
    this.#chunkBytes = chunkBytes;
    this.#buffer = Buffer.allocUnsafe(chunkBytes);
  }

  /** JSON as it is. */
  raw(json: string): void {
    // A UTF-16 code unit is at most 3 bytes of UTF-8.
    this.#reserve(json.length * 3);
    this.#end += this.#buffer.write(json, this.#end);
  }

  bytes(json: Uint8Array): void {
    this.#reserve(json.length);
    this.#buffer.set(json, this.#end);
    this.#end += json.length;
  }

  /** The bytes as a string with its quotes. */
  quoted(text: Uint8Array): void {
    this.#reserve(text.length * mostBytesOfOne + 2);
    const out = this.#buffer;
    let end = this.#end;
    out[end++] = quote;
    for (let i = 0; i < text.length; i++) {
      const byte = text[i] ?? 0;
      if (byte >= space && byte !== quote && byte !== backslash) {
        out[end++] = byte;
      } else {
        end = escaped(out, end, byte);
      }
    }
    out[end++] = quote;
    this.#end = end;
  }

  endRow(): void {
    this.#reserve(1);
    this.#buffer[this.#end++] = newline;
  }

  /** All rows, in parts. The writer must not be used any more. */
  take(): readonly Buffer[] {
    return [...this.#full, this.#buffer.subarray(0, this.#end)];
  }

  /** A part is never copied to make it larger: of large requests that would take twice their memory. */
  #reserve(bytes: number): void {
    if (this.#end + bytes > this.#buffer.length) {
      this.#full.push(this.#buffer.subarray(0, this.#end));
      this.#buffer = Buffer.allocUnsafe(Math.max(bytes, this.#chunkBytes));
      this.#end = 0;
    }
  }
}

function escaped(out: Buffer, start: number, byte: number): number {
  let end = start;
  out[end++] = backslash;
  if (byte === quote || byte === backslash) {
    out[end++] = byte;
    return end;
  }
  end += out.write('u00', end, 'latin1');
  out[end++] = hex[byte >> 4] ?? 0;
  out[end++] = hex[byte & 15] ?? 0;
  return end;
}

/** As JSON that ClickHouse reads: half a surrogate pair, which it refuses, becomes U+FFFD. */
export function jsonOf(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes('\\ud') ? JSON.stringify(wellFormed(value)) : text;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.toWellFormed();
  }
  if (Array.isArray(value)) {
    return value.map(wellFormed);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.toWellFormed(), wellFormed(one)]));
  }
  return value;
}

/** Float64: JSON has no NaN and no infinities, and ClickHouse reads them in quotes. */
export function floatText(value: number): string {
  if (Number.isFinite(value)) {
    return Object.is(value, -0) ? '-0' : String(value);
  }
  return Number.isNaN(value) ? '"nan"' : value > 0 ? '"inf"' : '"-inf"';
}
