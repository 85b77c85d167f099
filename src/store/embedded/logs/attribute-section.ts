import { BridgeError } from '../../../contract/errors.ts';
import type { LogAttributes } from '../../../model/log.ts';
import { type LineRun, linesOf } from './log-columns.ts';
import { byteClasses, hashBegin, hashNext, type WordSet } from './words.ts';

/**
 * The attributes of a block's lines before compression, little-endian: the length of each line's, plane by plane (4, first all
 * lowest bytes), then the JSON objects one behind the other.
 */
const planes = 4;
const backslash = 0x5c;
const escapedCode = 0x75;
/** Of `\n`, and of `\u0000`. */
const escapeBytes = 2;
const codeBytes = 6;
const noBytes = new Uint8Array(0);

/** Undefined when no line has any. */
export function encodeAttributes(runs: readonly LineRun[]): Buffer | undefined {
  const lines = linesOf(runs);
  const bytes = runs.reduce((sum, run) => sum + attributeBytesOf(run), 0);
  if (bytes === 0) {
    return undefined;
  }
  const section = Buffer.alloc(planes * lines + bytes);
  let line = 0;
  let at = planes * lines;
  for (const { block, from, to } of runs) {
    const { attributes } = block;
    for (let i = from; i < to; i++, line++) {
      const length = (attributes?.offsets[i + 1] ?? 0) - (attributes?.offsets[i] ?? 0);
      for (let plane = 0; plane < planes; plane++) {
        section[plane * lines + line] = length >>> (plane * 8);
      }
    }
    const text = attributes?.bytes.subarray(attributes.offsets[from], attributes.offsets[to]);
    section.set(text ?? [], at);
    at += text?.length ?? 0;
  }
  return section;
}

export function attributeBytesOf({ block: { attributes }, from, to }: LineRun): number {
  return (attributes?.offsets[to] ?? 0) - (attributes?.offsets[from] ?? 0);
}

/** Views of `section`. Throws BRIDGE_CORRUPT when they are not the attributes of so many lines. */
export function decodeAttributes(section: Buffer, lines: number): LogAttributes {
  const offsets = new Uint32Array(lines + 1);
  let end = 0;
  for (let line = 0; line < lines; line++) {
    for (let plane = 0; plane < planes; plane++) {
      end += (section[plane * lines + line] ?? 0) * 2 ** (plane * 8);
    }
    offsets[line + 1] = end;
  }
  if (planes * lines + end !== section.length) {
    throw new BridgeError('BRIDGE_CORRUPT', 'attributes that do not fit their lines');
  }
  return { offsets, bytes: section.subarray(planes * lines) };
}

/** Adds the words of the JSON objects, names and values, without the letters of escapes. */
export function addAttributeWords(words: WordSet, { block: { attributes }, from, to }: LineRun): void {
  const bytes = attributes?.bytes.subarray(attributes.offsets[from], attributes.offsets[to]) ?? noBytes;
  for (let at = 0; at < bytes.length; ) {
    const end = addWord(words, bytes, at);
    at = end > at ? end : at + separatorBytes(bytes, at);
  }
}

/** The end of the word that begins there. */
function addWord(words: WordSet, bytes: Uint8Array, start: number): number {
  let hash = hashBegin;
  let at = start;
  for (; at < bytes.length; at++) {
    const byteClass = byteClasses[bytes[at] ?? 0] ?? 0;
    if (byteClass === 0) {
      break;
    }
    hash = hashNext(hash, byteClass);
  }
  if (at > start) {
    words.add(bytes, start, at, hash);
  }
  return at;
}

function separatorBytes(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== backslash) {
    return 1;
  }
  return bytes[at + 1] === escapedCode ? codeBytes : escapeBytes;
}
