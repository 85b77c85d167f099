import { type WordSet, wordBytes } from './words.ts';

/**
 * Ids of 16 and 32 small hex digits are most of what a compressor cannot shrink in log lines, and as digits they take a fifth
 * more than as bytes. So they are taken out of the text, as bytes, and one byte marks where each stood. A text in which the
 * marks occur is left as it is.
 */
const marks = { hex16: 1, hex32: 2 } as const;

export interface Squeezed {
  /** The text with marks, or as it was. */
  readonly text: Buffer;
  /** Two digits a byte; empty when the text is as it was. */
  readonly ids: Buffer;
}

/** The two digits of each byte. */
const hexDigits: Buffer = Buffer.from(Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0')).join(''));
const notHex = 255;
const hexValues: Uint8Array = hexTable();
/** Below this many bytes a loop beats the call of `set`. */
const shortBytes = 24;

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(notHex);
  for (const [value, digit] of [...'0123456789abcdef'].entries()) {
    table[digit.charCodeAt(0)] = value;
  }
  return table;
}

/** Notes words and squeezes, in one pass over the text. Its buffers are used again for the next text. */
export class TextSqueezer {
  readonly #words: WordSet;
  #text = Buffer.allocUnsafeSlow(512 * 1024);
  #ids = Buffer.allocUnsafeSlow(64 * 1024);
  #textEnd = 0;
  #idsEnd = 0;
  #marked = false;

  constructor(words: WordSet) {
    this.#words = words;
  }

  /** Where the next text begins; `bytes` is the length of all that will be added. */
  begin(bytes: number): void {
    if (bytes > this.#text.length) {
      this.#text = Buffer.allocUnsafeSlow(bytes);
    }
    if (bytes > this.#ids.length * 2) {
      this.#ids = Buffer.allocUnsafeSlow(bytes);
    }
    this.#textEnd = 0;
    this.#idsEnd = 0;
    this.#marked = false;
  }

  /** One line, `bytes[start .. end)`: no word goes over its ends. */
  add(bytes: Uint8Array, start: number, end: number): void {
    let copied = start;
    let i = start;
    while (i < end) {
      const byte = bytes[i] ?? 0;
      if (wordBytes[byte] === 0) {
        this.#marked ||= byte === marks.hex16 || byte === marks.hex32;
        i += 1;
        continue;
      }
      const wordEnd = endOfWord(bytes, i, end);
      this.#words.add(bytes, i, wordEnd);
      if (this.#takeId(bytes, i, wordEnd)) {
        this.#copy(bytes, copied, i);
        this.#text[this.#textEnd++] = wordEnd - i === 16 ? marks.hex16 : marks.hex32;
        copied = wordEnd;
      }
      i = wordEnd;
    }
    this.#copy(bytes, copied, end);
  }

  /** Undefined when the text held marks of its own: it must be kept as it was. Views until the next `begin`. */
  finish(): Squeezed | undefined {
    return this.#marked
      ? undefined
      : { text: this.#text.subarray(0, this.#textEnd), ids: this.#ids.subarray(0, this.#idsEnd) };
  }

  #takeId(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== 16 && end - start !== 32) {
      return false;
    }
    let at = this.#idsEnd;
    for (let i = start; i < end; i += 2) {
      const high = hexValues[bytes[i] ?? 0] ?? notHex;
      const low = hexValues[bytes[i + 1] ?? 0] ?? notHex;
      if (high === notHex || low === notHex) {
        return false;
      }
      this.#ids[at++] = (high << 4) | low;
    }
    this.#idsEnd = at;
    return true;
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    const at = this.#textEnd;
    if (end - start <= shortBytes) {
      for (let i = start; i < end; i++) {
        this.#text[at + i - start] = bytes[i] ?? 0;
      }
    } else {
      this.#text.set(bytes.subarray(start, end), at);
    }
    this.#textEnd = at + end - start;
  }
}

function endOfWord(bytes: Uint8Array, start: number, end: number): number {
  let i = start + 1;
  while (i < end && wordBytes[bytes[i] ?? 0] !== 0) {
    i += 1;
  }
  return i;
}

/** Puts the ids back; `bytes` is the length of the text before. Undefined when the parts do not fit each other. */
export function unsqueeze({ text, ids }: Squeezed, bytes: number): Buffer | undefined {
  const whole = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  let id = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] ?? 0;
    if (byte !== marks.hex16 && byte !== marks.hex32) {
      whole[at++] = byte;
      continue;
    }
    for (const end = id + byte * 8; id < end; id++) {
      const digits = (ids[id] ?? 0) * 2;
      whole[at++] = hexDigits[digits] ?? 0;
      whole[at++] = hexDigits[digits + 1] ?? 0;
    }
  }
  return at === bytes && id === ids.length ? whole : undefined;
}
