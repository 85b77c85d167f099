import type { LogAttributes, LogBlock } from '../../model/log.ts';

/** The time and marks of one record. */
export interface LogMarks {
  readonly seconds: number;
  readonly nanos: number;
  /** Bits of `logFlags`. */
  readonly flags: number;
  /** Index into `logLevels`. */
  readonly level: number;
  /** As `LogAttributes` has them; copied. */
  readonly attributes?: Uint8Array;
}

/** Collects records into columns that are used again after `clear`. */
export class LogBlockBuilder {
  #seconds: Uint32Array;
  #nanos: Uint32Array;
  #flags: Uint8Array;
  #levels: Uint8Array;
  #offsets: Uint32Array;
  #bytes: Buffer;
  #count = 0;
  #length = 0;
  /** From the first record that has some. */
  #attributes: AttributeColumn | undefined;

  constructor(records = 256, textBytes = 16_384) {
    this.#seconds = new Uint32Array(records);
    this.#nanos = new Uint32Array(records);
    this.#flags = new Uint8Array(records);
    this.#levels = new Uint8Array(records);
    this.#offsets = new Uint32Array(records + 1);
    this.#bytes = Buffer.allocUnsafeSlow(textBytes);
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes of text so far. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of attributes so far. */
  get attributeLength(): number {
    return this.#attributes?.length ?? 0;
  }

  /** Copies `text[start .. end)`. */
  append(marks: LogMarks, text: Uint8Array, start: number, end: number): void {
    const index = this.#count;
    const length = this.#length + end - start;
    if (index === this.#seconds.length) {
      this.#growRecords();
    }
    if (length > this.#bytes.length) {
      this.#growText(length);
    }
    this.#seconds[index] = marks.seconds;
    this.#nanos[index] = marks.nanos;
    this.#flags[index] = marks.flags;
    this.#levels[index] = marks.level;
    copy(text, start, end, { into: this.#bytes, at: this.#length });
    this.#offsets[index + 1] = length;
    this.#length = length;
    this.#count = index + 1;
    if (marks.attributes !== undefined && marks.attributes.length > 0) {
      this.#attributes ??= new AttributeColumn();
      this.#attributes.append(index, marks.attributes);
    }
  }

  /** Views of the builder's memory: good until the next `append` or `clear`. */
  block(): LogBlock {
    const count = this.#count;
    const attributes = this.#attributes?.finish(count);
    return {
      count,
      seconds: this.#seconds.subarray(0, count),
      nanos: this.#nanos.subarray(0, count),
      flags: this.#flags.subarray(0, count),
      levels: this.#levels.subarray(0, count),
      offsets: this.#offsets.subarray(0, count + 1),
      bytes: this.#bytes.subarray(0, this.#length),
      ...(attributes !== undefined && { attributes }),
    };
  }

  clear(): void {
    this.#count = 0;
    this.#length = 0;
    this.#attributes = undefined;
  }

  #growRecords(): void {
    const size = this.#seconds.length * 2;
    this.#seconds = grown(this.#seconds, new Uint32Array(size));
    this.#nanos = grown(this.#nanos, new Uint32Array(size));
    this.#flags = grown(this.#flags, new Uint8Array(size));
    this.#levels = grown(this.#levels, new Uint8Array(size));
    this.#offsets = grown(this.#offsets, new Uint32Array(size + 1));
  }

  #growText(needed: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
  }
}

/** Grows by itself, since most blocks have none. */
class AttributeColumn {
  #offsets = new Uint32Array(256);
  #bytes = Buffer.allocUnsafeSlow(4096);
  #records = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Records between the last one and this have none. */
  append(record: number, attributes: Uint8Array): void {
    this.#fillTo(record);
    const length = this.#length + attributes.length;
    if (length > this.#bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2));
      this.#bytes.copy(bytes, 0, 0, this.#length);
      this.#bytes = bytes;
    }
    this.#bytes.set(attributes, this.#length);
    this.#length = length;
    this.#fillTo(record + 1);
  }

  /** Views. */
  finish(count: number): LogAttributes {
    this.#fillTo(count);
    return { offsets: this.#offsets.subarray(0, count + 1), bytes: this.#bytes.subarray(0, this.#length) };
  }

  #fillTo(record: number): void {
    if (record >= this.#offsets.length) {
      this.#offsets = grown(this.#offsets, new Uint32Array(Math.max(record + 1, this.#offsets.length * 2)));
    }
    this.#offsets.fill(this.#length, this.#records + 1, record + 1);
    this.#records = record;
  }
}

/** Below this many bytes a loop beats the call of `set`. */
const shortBytes = 32;

function copy(text: Uint8Array, start: number, end: number, to: { into: Uint8Array; at: number }): void {
  if (end - start <= shortBytes) {
    for (let i = start, at = to.at; i < end; i++, at++) {
      to.into[at] = text[i] ?? 0;
    }
    return;
  }
  to.into.set(text.subarray(start, end), to.at);
}

function grown<T extends Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
