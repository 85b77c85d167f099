const escapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
};
const numeric: readonly (readonly [shape: RegExp, radix: number, skip: number])[] = [
  [/^x([0-9a-fA-F]{2})/, 16, 1],
  [/^u([0-9a-fA-F]{4})/, 16, 1],
  [/^U([0-9a-fA-F]{8})/, 16, 1],
  [/^([0-7]{3})/, 8, 0],
];

/** A string literal with its quotes → its text; undefined when it is not closed or an escape in it is not Go's. */
export function unquoted(literal: string): string | undefined {
  const quote = literal[0] ?? '';
  if (literal.length < 2 || !literal.endsWith(quote)) {
    return undefined;
  }
  const inner = literal.slice(1, -1);
  if (quote === '`' || !inner.includes('\\')) {
    return quote !== '`' && inner.includes('\n') ? undefined : inner;
  }
  const bytes: number[] = [];
  for (let at = 0; at < inner.length; ) {
    const step = inner[at] === '\\' ? escaped(inner.slice(at + 1), bytes) : plainTo(inner, at, bytes);
    if (step === 0) {
      return undefined;
    }
    at += step;
  }
  return decoded(Uint8Array.from(bytes));
}

/** Text that is not UTF-8 matches nothing: its bytes become lone surrogates, which no label has. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc_00 + byte)).join('');
  }
}

/** The same text with such bytes as escapes. */
export function shownBytes(text: string): string {
  return text.replaceAll(/[\udc80-\udcff]/g, (unit) => `\\x${(unit.charCodeAt(0) - 0xdc_00).toString(16)}`);
}

/** Takes the text up to the next backslash; gives how much. */
function plainTo(inner: string, at: number, bytes: number[]): number {
  const next = inner.indexOf('\\', at);
  const text = inner.slice(at, next < 0 ? undefined : next);
  bytes.push(...new TextEncoder().encode(text));
  return text.length;
}

/** Takes one escape, whose backslash stands before `rest`; gives how much with the backslash, 0 when it is none. */
function escaped(rest: string, bytes: number[]): number {
  const simple = escapes[rest[0] ?? ''];
  if (simple !== undefined) {
    bytes.push(simple);
    return 2;
  }
  for (const [shape, radix, skip] of numeric) {
    const digits = shape.exec(rest)?.[1];
    if (digits !== undefined) {
      const code = Number.parseInt(digits, radix);
      if (code > 0x10_ff_ff || (radix === 8 && code > 255)) {
        return 0;
      }
      bytes.push(...(digits.length <= 3 ? [code] : new TextEncoder().encode(String.fromCodePoint(code))));
      return 1 + skip + digits.length;
    }
  }
  return 0;
}
