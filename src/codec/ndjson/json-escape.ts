import type { ByteSink } from './byte-sink.ts';

const hexDigits = Buffer.from('0123456789abcdef');
/** By byte: 0 stands as it is, 1 needs `\u00XX`, else the letter behind the backslash. */
const escapes = new Uint8Array(256).fill(1, 0, 32);
for (const [byte, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
  [34, '"'],
  [92, '\\'],
] as const) {
  escapes[byte] = letter.charCodeAt(0);
}

/** The most bytes that one byte becomes. */
const longestEscape = 6;

/** Writes UTF-8 bytes as the inside of a JSON string. They must be whole characters. */
export function writeEscaped(sink: ByteSink, text: Uint8Array, start: number, end: number): void {
  sink.reserve((end - start) * longestEscape);
  const { bytes } = sink;
  let at = sink.at;
  for (let i = start; i < end; i++) {
    const byte = text[i] ?? 0;
    const letter = escapes[byte] ?? 0;
    if (letter === 0) {
      bytes[at++] = byte;
      continue;
    }
    bytes[at] = 92;
    if (letter === 1) {
      bytes.write('u00', at + 1, 'latin1');
      bytes[at + 4] = hexDigits[byte >> 4] ?? 0;
      bytes[at + 5] = hexDigits[byte & 15] ?? 0;
      at += 6;
    } else {
      bytes[at + 1] = letter;
      at += 2;
    }
  }
  sink.at = at;
}
