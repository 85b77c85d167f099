import type { RuntimeLine, RuntimeLineParser } from '../cri/runtime-line.ts';
import { TimestampReader } from '../cri/timestamp.ts';
import { Unescaper } from './unescape.ts';

const newline = 10;
const quote = 34;
const comma = 44;
const head = Buffer.from('{"log":"');
const streamKey = Buffer.from('"stream":"std');
const timeKey = Buffer.from('"time":"');

/**
 * Docker's json-file format: `{"log":"text\n","stream":"stdout","time":"<RFC 3339>"}`, one object a line, `attrs` and other
 * keys anywhere behind `log`. A record goes on in the next line while `log` lacks its newline at the end (docker splits at
 * 16 KiB). The payload is without that newline.
 */
export class DockerJsonLineParser implements RuntimeLineParser {
  readonly #timestamp = new TimestampReader();
  readonly #unescaper = new Unescaper();

  parse(bytes: Uint8Array, start: number, end: number, into: RuntimeLine): boolean {
    if (matches(bytes, start, head)) {
      const after = this.#unescaper.read(bytes, start + head.length, end);
      if (after >= 0 && this.#readRest(bytes, after, end, into)) {
        this.#takePayload(into);
        return true;
      }
    }
    return this.#parseAnyOrder(bytes, start, end, into);
  }

  /** Stream and time as docker writes them; `at` is just behind the text's closing quote. */
  #readRest(bytes: Uint8Array, at: number, end: number, into: RuntimeLine): boolean {
    if (bytes[at] !== comma || !matches(bytes, at + 1, streamKey)) {
      return false;
    }
    const name = at + 1 + streamKey.length;
    const isOut = bytes[name] === 111 && bytes[name + 1] === 117 && bytes[name + 2] === 116;
    const isErr = bytes[name] === 101 && bytes[name + 1] === 114 && bytes[name + 2] === 114;
    const time = name + 5;
    if (!(isOut || isErr) || bytes[name + 3] !== quote || bytes[name + 4] !== comma || !matches(bytes, time, timeKey)) {
      return false;
    }
    into.stream = isOut ? 0 : 1;
    const after = this.#timestamp.read(bytes, time + timeKey.length, into);
    return after >= 0 && after < end && bytes[after] === quote;
  }

  #takePayload(into: RuntimeLine): void {
    const { bytes, start, end } = this.#unescaper;
    const whole = end > start && bytes[end - 1] === newline;
    into.bytes = bytes;
    into.start = start;
    into.end = whole ? end - 1 : end;
    into.partial = !whole;
  }

  /** Keys in another order, white space, `attrs` between: rare, so by the ordinary parser. */
  #parseAnyOrder(bytes: Uint8Array, start: number, end: number, into: RuntimeLine): boolean {
    const entry = parseEntry(bytes.subarray(start, end));
    if (entry === undefined) {
      return false;
    }
    const time = Buffer.from(entry.time);
    if (this.#timestamp.read(time, 0, into) !== time.length) {
      return false;
    }
    const text = Buffer.from(entry.log);
    into.stream = entry.stream === 'stderr' ? 1 : 0;
    into.partial = text.at(-1) !== newline;
    into.bytes = text;
    into.start = 0;
    into.end = into.partial ? text.length : text.length - 1;
    return true;
  }
}

interface DockerEntry {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
}

function parseEntry(bytes: Uint8Array): DockerEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('log' in value) || !('time' in value)) {
    return undefined;
  }
  const { log, time } = value;
  if (typeof log !== 'string' || typeof time !== 'string') {
    return undefined;
  }
  const stream = 'stream' in value && value.stream === 'stderr' ? 'stderr' : 'stdout';
  return { log, stream, time };
}

function matches(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text[i]) {
      return false;
    }
  }
  return true;
}
