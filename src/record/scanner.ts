import { checkFrame, type FrameCheck, findMagic, prefixBytes, type ScanEvent } from './frame.ts';

/** May the record with this (intact) header stand here? Keeps bytes inside a payload from passing for a record. */
export type Accept = (header: Buffer, offset: number) => boolean;

const anyRecord: Accept = () => true;
/** A magic may be cut at the end of what has been read. */
const magicOverlapBytes = 3;

interface Bad {
  readonly offset: number;
  readonly reason: string;
  readonly header?: Buffer;
}

/**
 * Finds records in bytes that arrive window by window. Behind bytes that are no record it goes on at the next intact
 * header, so a good record is never thrown away for a bad one before it.
 */
export class FrameScanner {
  readonly #accept: Accept;
  #bytes: Buffer = Buffer.alloc(0);
  /** File offset of `#bytes[0]`. */
  #base: number;
  #at = 0;
  #bad: Bad | undefined;
  #needBytes = prefixBytes;

  constructor(from = 0, accept: Accept = anyRecord) {
    this.#base = from;
    this.#accept = accept;
  }

  /** File offset up to which everything has been told. What follows must be in the next window. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** File offset of the first byte that no event has told of: before `offset` within bad bytes. */
  get untold(): number {
    return this.#bad?.offset ?? this.offset;
  }

  /** How many bytes from `offset` on are wanted to go on. */
  get needBytes(): number {
    return this.#needBytes;
  }

  /** What is left of the window, from `offset` on. */
  get rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  /** `bytes` begins at `offset` (it begins with `rest`). Events are views of it. */
  window(bytes: Buffer): void {
    this.#base = this.offset;
    this.#bytes = bytes;
    this.#at = 0;
  }

  /** The next event in the window; undefined when more bytes are needed to tell. */
  next(): ScanEvent | undefined {
    return this.#step('more');
  }

  /** As `next`, knowing that the file ends with the window; undefined when all has been told. */
  finish(): ScanEvent | undefined {
    const event = this.#step('end');
    if (event !== undefined || this.#bad === undefined) {
      return event;
    }
    const torn: ScanEvent = {
      ...this.#bad,
      kind: 'torn',
      bytes: this.#base + this.#bytes.length - this.#bad.offset,
    };
    this.#bad = undefined;
    this.#at = this.#bytes.length;
    return torn;
  }

  #step(then: 'more' | 'end'): ScanEvent | undefined {
    while (this.#at < this.#bytes.length) {
      const found = this.#bad === undefined ? this.#look(then) : this.#search(then, this.#bad);
      if (found === 'wait') {
        return undefined;
      }
      if (found !== 'on') {
        return found;
      }
    }
    this.#needBytes = prefixBytes;
    return undefined;
  }

  /** A record should begin here. */
  #look(then: 'more' | 'end'): ScanEvent | 'on' | 'wait' {
    const check = checkFrame(this.#bytes, this.#at);
    const verified = this.#verified(check);
    if (verified && (check.kind === 'record' || check.kind === 'payload')) {
      return this.#take(check);
    }
    if (then === 'more' && check.kind === 'short' && (verified || check.payloadAt === undefined)) {
      this.#needBytes = check.needBytes;
      return 'wait';
    }
    this.#bad = { offset: this.offset, ...this.#describe(check) };
    this.#at += 1;
    return 'on';
  }

  /** Within bad bytes: the next intact header ends them. */
  #search(then: 'more' | 'end', bad: Bad): ScanEvent | 'on' | 'wait' {
    if (!this.#toMagic(then)) {
      return 'wait';
    }
    const check = checkFrame(this.#bytes, this.#at);
    if (this.#verified(check)) {
      this.#bad = undefined;
      return { ...bad, kind: 'damage', bytes: this.offset - bad.offset };
    }
    if (then === 'more' && check.kind === 'short' && check.payloadAt === undefined) {
      this.#needBytes = check.needBytes;
      return 'wait';
    }
    this.#at += 1;
    return 'on';
  }

  /** Is there an intact header that may stand here? */
  #verified(check: FrameCheck): boolean {
    if (check.kind === 'bad' || check.payloadAt === undefined) {
      return false;
    }
    return this.#accept(this.#bytes.subarray(this.#at + prefixBytes, check.payloadAt), this.offset);
  }

  #take(check: { kind: 'record' | 'payload'; payloadAt: number; end: number }): ScanEvent {
    const offset = this.offset;
    const header = this.#bytes.subarray(this.#at + prefixBytes, check.payloadAt);
    const bytes = check.end - this.#at;
    const payload = this.#bytes.subarray(check.payloadAt, check.end);
    this.#at = check.end;
    return check.kind === 'record'
      ? { kind: 'record', offset, end: offset + bytes, header, payload }
      : { kind: 'damage', offset, bytes, reason: 'payload fails its checksum', header };
  }

  #describe(check: FrameCheck): { reason: string; header?: Buffer } {
    if (check.kind === 'bad') {
      return { reason: check.reason };
    }
    if (check.payloadAt === undefined) {
      return { reason: 'the file ends within a header' };
    }
    const header = this.#bytes.subarray(this.#at + prefixBytes, check.payloadAt);
    return check.kind === 'short'
      ? { reason: 'the file ends within a payload', header }
      : { reason: 'a record of another file' };
  }

  #toMagic(then: 'more' | 'end'): boolean {
    const found = findMagic(this.#bytes, this.#at);
    if (found >= 0) {
      this.#at = found;
      return true;
    }
    this.#at = then === 'end' ? this.#bytes.length : Math.max(this.#at, this.#bytes.length - magicOverlapBytes);
    this.#needBytes = prefixBytes;
    return false;
  }
}

/** Everything in `bytes`, which is a whole file from offset `from` on. */
export function* scan(bytes: Buffer, from = 0, accept: Accept = anyRecord): Generator<ScanEvent, void, undefined> {
  const scanner = new FrameScanner(from, accept);
  scanner.window(bytes.subarray(from));
  for (let event = scanner.finish(); event !== undefined; event = scanner.finish()) {
    yield event;
  }
}
