const quote = 34;
const backslash = 92;
const letterU = 117;
const replacement = 0xfffd;

/** What `\x` stands for, by x; 0 where JSON knows no such escape. */
const shortEscapes = new Uint8Array(256);
for (const [letter, value] of Object.entries({ '"': 34, '\\': 92, '/': 47, b: 8, f: 12, n: 10, r: 13, t: 9 })) {
  shortEscapes[letter.charCodeAt(0)] = value;
}

/** Reads the inside of a JSON string as bytes: no JS string is made. The result stands until the next `read`. */
export class Unescaper {
  /** Where the text is: the bytes that were read, when nothing was escaped, else memory of this object. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  #memory = Buffer.allocUnsafeSlow(32_768);

  /** `at` is behind the opening quote. Index behind the closing quote, or −1 when the string is broken or does not end before `end`. */
  read(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    while (i < end && bytes[i] !== quote && bytes[i] !== backslash) {
      i += 1;
    }
    if (i < end && bytes[i] === quote) {
      this.bytes = bytes;
      this.start = at;
      this.end = i;
      return i + 1;
    }
    return i < end ? this.#readEscaped(bytes, at, i, end) : -1;
  }

  #readEscaped(bytes: Uint8Array, at: number, firstEscape: number, end: number): number {
    // An escape never stands for more bytes than it takes.
    if (this.#memory.length < end - at) {
      this.#memory = Buffer.allocUnsafeSlow(2 * (end - at));
    }
    const memory = this.#memory;
    memory.set(bytes.subarray(at, firstEscape));
    let out = firstEscape - at;
    let i = firstEscape;
    while (i < end) {
      const byte = bytes[i] ?? 0;
      if (byte === quote) {
        this.bytes = memory;
        this.start = 0;
        this.end = out;
        return i + 1;
      }
      if (byte !== backslash) {
        memory[out++] = byte;
        i += 1;
        continue;
      }
      const codePoint = escapedAt(bytes, i);
      if (codePoint < 0) {
        return -1;
      }
      i += bytes[i + 1] !== letterU ? 2 : codePoint > 0xffff ? 12 : 6;
      out = writeUtf8(memory, out, codePoint);
    }
    return -1;
  }
}

/** The code point of the escape at `at`, or −1 when it is none. */
function escapedAt(bytes: Uint8Array, at: number): number {
  const letter = bytes[at + 1] ?? 0;
  const short = shortEscapes[letter] ?? 0;
  if (short !== 0) {
    return short;
  }
  return letter === letterU ? codePointAt(bytes, at) : -1;
}

/** The code point of `\uXXXX` or of a surrogate pair at `at`; U+FFFD for half a pair; −1 where digits lack. */
function codePointAt(bytes: Uint8Array, at: number): number {
  const unit = hex4(bytes, at + 2);
  if (unit < 0xd800 || unit > 0xdfff) {
    return unit;
  }
  const isPair = unit < 0xdc00 && bytes[at + 6] === backslash && bytes[at + 7] === letterU;
  const low = isPair ? hex4(bytes, at + 8) : -1;
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : replacement;
}

function hex4(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0;
    const lower = byte | 32;
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : lower >= 97 && lower <= 102 ? lower - 87 : -1;
    if (digit < 0) {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

function writeUtf8(into: Uint8Array, at: number, codePoint: number): number {
  if (codePoint < 0x80) {
    into[at] = codePoint;
    return at + 1;
  }
  const count = codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  let rest = codePoint;
  for (let i = count - 1; i > 0; i--) {
    into[at + i] = 0x80 | (rest & 0x3f);
    rest >>= 6;
  }
  into[at] = ((0xf00 >> count) & 0xff) | rest;
  return at + count;
}
