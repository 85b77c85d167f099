import { bufferOf, type Text, wholeText } from './text.ts';

const escapeByte = 27;
const bell = 7;
const [openBracket, closeBracket, backslash] = [91, 93, 92] as const;

/**
 * Takes out what a terminal would act on (ECMA-48): CSI such as colours, OSC such as titles and links with their text kept, and
 * other escapes. Of a sequence that does not end, its beginning goes and the rest stays, so that no text is lost.
 */
export function withoutAnsi(text: Text): Text {
  const from = bufferOf(text);
  let at = from.indexOf(escapeByte);
  if (at < 0) {
    return text;
  }
  const to = Buffer.allocUnsafe(from.length);
  let length = 0;
  let kept = 0;
  while (at >= 0) {
    length += from.copy(to, length, kept, at);
    kept = sequenceEnd(from, at);
    at = from.indexOf(escapeByte, kept);
  }
  length += from.copy(to, length, kept);
  return wholeText(to.subarray(0, length));
}

function sequenceEnd(bytes: Buffer, at: number): number {
  const kind = bytes[at + 1];
  if (kind === openBracket) {
    return controlEnd(bytes, at + 2);
  }
  if (kind === closeBracket || kind === 80 || kind === 88 || kind === 94 || kind === 95) {
    return stringEnd(bytes, at + 2);
  }
  let end = at + 1;
  while (isIn(bytes[end], 0x20, 0x2f)) {
    end += 1;
  }
  return isIn(bytes[end], 0x30, 0x7e) ? end + 1 : end;
}

/** Parameters, intermediates and the final byte. */
function controlEnd(bytes: Buffer, start: number): number {
  let end = start;
  while (isIn(bytes[end], 0x20, 0x3f)) {
    end += 1;
  }
  return isIn(bytes[end], 0x40, 0x7e) ? end + 1 : end;
}

/** Behind BEL or ESC \. */
function stringEnd(bytes: Buffer, start: number): number {
  for (let i = start; i < bytes.length; i++) {
    if (bytes[i] === bell) {
      return i + 1;
    }
    if (bytes[i] === escapeByte) {
      return bytes[i + 1] === backslash ? i + 2 : i;
    }
  }
  return start;
}

function isIn(byte: number | undefined, first: number, last: number): boolean {
  return byte !== undefined && byte >= first && byte <= last;
}
