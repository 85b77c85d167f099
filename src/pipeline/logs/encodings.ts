import { isUtf8 } from 'node:buffer';
import type { LogEncoding } from './settings.ts';
import { bufferOf, type Text, wholeText } from './text.ts';

/** To UTF-8. */
export type Recode = (text: Text) => Text;

const replacement = /\ufffd/g;
/** Of TextDecoder: labels that mean another encoding than their name says. */
const cutsAtHalf: Readonly<Partial<Record<LogEncoding, 'first' | 'last'>>> = {
  'utf-16le': 'first',
  'utf-16be': 'last',
};

/** Undefined for `as-is`. `replaced` is told how many characters could not be read. */
export function recoder(encoding: LogEncoding, replaced: (characters: number) => void): Recode | undefined {
  if (encoding === 'as-is') {
    return undefined;
  }
  if (encoding === 'utf-8') {
    return (text) => {
      const bytes = bufferOf(text);
      return isUtf8(bytes) ? text : counted(bytes.toString(), replaced);
    };
  }
  const decoder = new TextDecoder(encoding);
  const half = cutsAtHalf[encoding];
  return (text) => counted(decoder.decode(bufferOf(half === undefined ? text : wholeUnits(text, half))), replaced);
}

function counted(text: string, replaced: (characters: number) => void): Text {
  const found = text.match(replacement)?.length ?? 0;
  if (found > 0) {
    replaced(found);
  }
  return wholeText(Buffer.from(text));
}

/**
 * A runtime cuts lines at the byte 0A. In UTF-16 that is half of a newline, so the other half, a 0, is at the beginning of
 * the next line (little endian) or at the end of this one.
 */
function wholeUnits({ bytes, start, end }: Text, half: 'first' | 'last'): Text {
  if ((end - start) % 2 === 0) {
    return { bytes, start, end };
  }
  return half === 'first' && bytes[start] === 0 ? { bytes, start: start + 1, end } : cutLast({ bytes, start, end });
}

function cutLast({ bytes, start, end }: Text): Text {
  return bytes[end - 1] === 0 ? { bytes, start, end: end - 1 } : { bytes, start, end };
}

/** The `\r` of a line that a program ended with `\r\n`. */
export function withoutCarriageReturn(text: Text): Text {
  const { bytes, start, end } = text;
  return end > start && bytes[end - 1] === 13 ? { bytes, start, end: end - 1 } : text;
}
