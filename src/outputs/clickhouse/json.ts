import { ByteSink } from '../../codec/ndjson/byte-sink.ts';
import { writeEscaped } from '../../codec/ndjson/json-escape.ts';

const defaultPartBytes = 256 * 1024;
/** For the row that goes beyond. */
const spareBytes = 64 * 1024;

/**
 * Rows of JSONEachRow, one after the other, in parts: one buffer that grows would take twice the memory. Lines are copied as the
 * bytes that they are: ClickHouse keeps bytes that are not UTF-8 as they came.
 */
export class JsonRows {
  readonly #full: Buffer[] = [];
  readonly #partBytes: number;
  #sink: ByteSink;

  constructor(partBytes: number = defaultPartBytes) {
    this.#partBytes = partBytes;
    this.#sink = new ByteSink(partBytes + spareBytes);
  }

  /** JSON as it is. */
  raw(json: string): void {
    this.#sink.text(json);
  }

  bytes(json: Uint8Array): void {
    const sink = this.#sink;
    sink.reserve(json.length);
    sink.bytes.set(json, sink.at);
    sink.at += json.length;
  }

  /** The bytes as a string with its quotes. */
  quoted(text: Uint8Array): void {
    this.#sink.text('"');
    writeEscaped(this.#sink, text, 0, text.length);
    this.#sink.text('"');
  }

  endRow(): void {
    this.#sink.text('\n');
    if (this.#sink.at >= this.#partBytes) {
      this.#full.push(this.#sink.written());
      this.#sink = new ByteSink(this.#partBytes + spareBytes);
    }
  }

  /** All rows, in parts. The writer must not be used any more. */
  take(): readonly Buffer[] {
    return [...this.#full, this.#sink.written()];
  }
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
