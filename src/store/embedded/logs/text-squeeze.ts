import { byteClasses, hashBegin, hashNext, notHexBit, type WordSet } from './words.ts';

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
/** Below this many bytes a loop beats the call of `set`. */
const shortBytes = 24;

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
      let byteClass = byteClasses[byte] ?? 0;
      if (byteClass === 0) {
        this.#marked ||= byte === marks.hex16 || byte === marks.hex32;
        i += 1;
        continue;
      }
      const wordStart = i;
      let hash = hashBegin;
      let allClasses = 0;
      do {
        hash = hashNext(hash, byteClass);
        allClasses |= byteClass;
        i += 1;
        byteClass = i < end ? (byteClasses[bytes[i] ?? 0] ?? 0) : 0;
      } while (byteClass !== 0);
      this.#words.add(bytes, wordStart, i, hash);
      if (isId(allClasses, i - wordStart)) {
        this.#copy(bytes, copied, wordStart);
        this.#takeId(bytes, wordStart, i);
        copied = i;
      }
    }
    this.#copy(bytes, copied, end);
  }

  /** Undefined when the text held marks of its own: it must be kept as it was. Views until the next `begin`. */
  finish(): Squeezed | undefined {
    return this.#marked
      ? undefined
      : { text: this.#text.subarray(0, this.#textEnd), ids: this.#ids.subarray(0, this.#idsEnd) };
  }

  #takeId(bytes: Uint8Array, start: number, end: number): void {
    this.#text[this.#textEnd++] = end - start === 16 ? marks.hex16 : marks.hex32;
    for (let i = start; i < end; i += 2) {
      this.#ids[this.#idsEnd++] = (hexValue(bytes[i] ?? 0) << 4) | hexValue(bytes[i + 1] ?? 0);
    }
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

function isId(allClasses: number, length: number): boolean {
  return (length === 16 || length === 32) && (allClasses & notHexBit) === 0;
}

/** Of a digit of a hex number in small letters. */
function hexValue(digit: number): number {
  return digit < 0x60 ? digit - 0x30 : digit - 0x57;
}

/** Puts the ids back, into `whole`, which is as long as the text was before. False when the parts do not fit each other. */
export function unsqueeze({ text, ids }: Squeezed, whole: Buffer): boolean {
  const next = { hex16: nextMark(text, marks.hex16, 0), hex32: nextMark(text, marks.hex32, 0) };
  let from = 0;
  let at = 0;
  let id = 0;
  for (;;) {
    const mark = Math.min(next.hex16, next.hex32);
    at += text.copy(whole, at, from, mark);
    if (mark === text.length) {
      break;
    }
    const which = mark === next.hex16 ? 'hex16' : 'hex32';
    const end = id + (which === 'hex16' ? 8 : 16);
    for (; id < end; id++) {
      const digits = (ids[id] ?? 0) * 2;
      whole[at++] = hexDigits[digits] ?? 0;
      whole[at++] = hexDigits[digits + 1] ?? 0;
    }
    from = mark + 1;
    next[which] = nextMark(text, marks[which], from);
  }
  return at === whole.length && id === ids.length;
}

function nextMark(text: Buffer, mark: number, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at;
}
