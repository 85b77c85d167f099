/** Walks over the bytes of compact JSON without making anything of them. -1 stands for "not this, or not certain". */
const quote = 0x22;
const backslash = 0x5c;

/** 0: stands for itself inside a text. */
const special = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === quote || byte === backslash ? 1 : 0,
);
/** 1: lower-case hex digit. */
const hexDigit = Uint8Array.from({ length: 256 }, (_, byte) => (/[0-9a-f]/.test(String.fromCharCode(byte)) ? 1 : 0));

const escapes: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));

/** The place of the next byte that does not stand for itself, or the end. Four bytes at a time: this loop is most of the work. */
function plainEnd(bytes: Uint8Array, from: number): number {
  const last = bytes.length - 4;
  let at = from;
  while (at <= last && fourSpecial(bytes, at) === 0) {
    at += 4;
  }
  while (at < bytes.length && special[bytes[at] ?? 0] === 0) {
    at += 1;
  }
  return at;
}

function fourSpecial(bytes: Uint8Array, at: number): number {
  const first = (special[bytes[at] ?? 0] ?? 0) | (special[bytes[at + 1] ?? 0] ?? 0);
  return first | (special[bytes[at + 2] ?? 0] ?? 0) | (special[bytes[at + 3] ?? 0] ?? 0);
}

/** The place of the quote that ends the text whose first byte is at `from`; -1 where there is none, or a control character. */
export function textEnd(bytes: Uint8Array, from: number): number {
  let at = plainEnd(bytes, from);
  while (bytes[at] === backslash && escapes.has(bytes[at + 1] ?? 0)) {
    at = plainEnd(bytes, at + 2);
  }
  return bytes[at] === quote ? at : -1;
}

/** The same for a text of lower-case hex digits that are not all 0; -1 for any other. */
export function hexEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  let bits = 0;
  while (at < bytes.length && hexDigit[bytes[at] ?? quote] === 1) {
    bits |= (bytes[at] ?? 0) ^ 0x30;
    at += 1;
  }
  return bits !== 0 && bytes[at] === quote ? at : -1;
}

/** Behind the digits of a whole number from 1 to 2^53; -1 for any other. */
export function wholeEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && isDigit(bytes[at])) {
    at += 1;
  }
  const digits = at - from;
  const first = bytes[from];
  return digits > 0 && first !== 0x30 && (digits < 16 || (digits === 16 && first !== 0x39)) ? at : -1;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** The number whose digits stand there. */
export function wholeAt(bytes: Uint8Array, from: number, end: number): number {
  let number = 0;
  for (let at = from; at < end; at += 1) {
    number = number * 10 + ((bytes[at] ?? 0) - 0x30);
  }
  return number;
}

/** Do exactly these bytes stand there? */
export function standsAt(bytes: Uint8Array, from: number, wanted: Uint8Array): boolean {
  if (from + wanted.length > bytes.length) {
    return false;
  }
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[from + index] !== wanted[index]) {
      return false;
    }
  }
  return true;
}
