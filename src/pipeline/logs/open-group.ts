import { logFlags } from '../../model/log.ts';
import type { JoinedRecord } from './settings.ts';
import type { Text } from './text.ts';

const newline = 10;
const firstBytes = 4_096;
/** Memory beyond this is not kept for the next group. */
const keptBytes = 65_536;

/** Lines that make one record, as far as they have come. It has the time of the first. */
export class OpenGroup {
  #bytes = Buffer.allocUnsafe(firstBytes);
  length = 0;
  lines = 0;
  seconds = 0;
  nanos = 0;
  flags = 0;

  get isOpen(): boolean {
    return this.lines > 0;
  }

  begin({ seconds, nanos, flags }: JoinedRecord, text: Text): void {
    this.seconds = seconds;
    this.nanos = nanos;
    this.flags = flags;
    this.length = 0;
    this.lines = 0;
    this.#put(text);
  }

  add({ flags }: JoinedRecord, text: Text): void {
    this.flags |= flags & logFlags.truncated;
    this.#reserve(1);
    this.#bytes[this.length] = newline;
    this.length += 1;
    this.#put(text);
  }

  /** Of what has been put together; good until the next `begin`. */
  text(): Text {
    return { bytes: this.#bytes, start: 0, end: this.length };
  }

  clear(): void {
    this.length = 0;
    this.lines = 0;
    if (this.#bytes.length > keptBytes) {
      this.#bytes = Buffer.allocUnsafe(firstBytes);
    }
  }

  #put({ bytes, start, end }: Text): void {
    this.#reserve(end - start);
    this.#bytes.set(bytes.subarray(start, end), this.length);
    this.length += end - start;
    this.lines += 1;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed > this.#bytes.length) {
      const bytes = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(bytes, 0, 0, this.length);
      this.#bytes = bytes;
    }
  }
}
