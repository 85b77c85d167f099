import { type LogLevel, logLevels } from '../../model/log.ts';

/** Words by level, lower case. */
const wordsOfLevel: Readonly<Record<LogLevel, readonly string[]>> = {
  unknown: [],
  trace: ['trace', 'trc', 'trce', 'finest', 'finer'],
  debug: ['debug', 'dbg', 'dbug', 'fine'],
  info: ['info', 'inf', 'notice', 'note', 'information'],
  warn: ['warn', 'warning', 'wrn'],
  error: ['error', 'err', 'severe', 'fail'],
  fatal: ['fatal', 'critical', 'crit', 'panic', 'emerg', 'alert', 'ftl'],
};
const levelOfWhole = new Map(
  logLevels.flatMap((level, index) => wordsOfLevel[level].map((word) => [word, index] as const)),
);
const levelOfWord = new Map([...levelOfWhole].map(([word, index]) => [packed(word), index] as const));
/** Each begins with an l, an s or an @, in whatever case. */
const levelKeys = [
  ...['level', 'severity', 'lvl', 'log.level', 'levelname', 'log_level', 'loglevel', 'logLevel', 'severityText'],
  ...['Level', 'Severity', 'LogLevel', 'SeverityText', '@l'],
].map((key) => Buffer.from(`${key}"`));

const unknown = 0;
const [trace, debug, info, warn, error, fatal] = [1, 2, 3, 4, 5, 6] as const;
/** Syslog severities 0 to 7 (RFC 5424). */
const syslogLevels = [fatal, fatal, fatal, error, warn, info, info, debug] as const;
/** pino and bunyan: 10, 20, ... 60. */
const tensLevels = [unknown, trace, debug, info, warn, error, fatal] as const;
/** klog and glog begin a line with one of these and the month and day. */
const klogLevels: Readonly<Record<string, number>> = { I: info, W: warn, E: error, F: fatal };

/** What stands around a word that is a field of its own: 1 by byte. */
const edges = new Uint8Array(256).fill(1, 0, 33);
for (const edge of '[]()<>|:,"\'') {
  edges[edge.charCodeAt(0)] = 1;
}

/** What sets a word apart: `[info]`, `<info>`, `|info|`, and tabs as Istio's agent writes them. */
const closers = new Uint8Array(256);
for (const pair of ['[]', '<>', '||', '\t\t']) {
  closers[pair.charCodeAt(0)] = pair.charCodeAt(1);
}

/** How far into a line of text, and into a JSON line, a level is looked for. */
const textReach = 64;
const jsonReach = 512;

/**
 * Index into `logLevels` of what the line says of itself near its beginning: a JSON key such as `level`, klog's first
 * letter, a word in capitals, in brackets or between tabs, or `level=`. Prose that merely mentions an error is not a level.
 */
export function sniffLevel(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] === 123) {
    return jsonLevel(bytes, start, Math.min(end, start + jsonReach));
  }
  return bytes[start] === 60
    ? priorityLevel(bytes, start, end) || wordLevel(bytes, start, end)
    : klogLevel(bytes, start) || prefixLevel(bytes, start, end) || wordLevel(bytes, start, end);
}

/** Index into `logLevels` of a level by name, such as `WARN` or `Warning`; 0 for any other word. */
export function levelOfName(name: string): number {
  return levelOfWhole.get(name.toLowerCase()) ?? unknown;
}

/** Of a value that names a level: a word in any case, pino's tens, a syslog severity; 0 (`unknown`) for any other. */
export function levelOfText(text: string): number {
  const bytes = Buffer.from(text.trim());
  const first = bytes[0] ?? 0;
  if (first >= 48 && first <= 57) {
    return bytes.length <= 2 ? levelOfValue(bytes, 0, bytes.length) : unknown;
  }
  return levelOfName(text.trim());
}

function jsonLevel(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    if (bytes[i] !== 34) {
      continue;
    }
    const next = (bytes[i + 1] ?? 0) | 32;
    if (next !== 108 && next !== 115 && next !== 96) {
      continue;
    }
    const value = valueOfLevelKey(bytes, i + 1, end);
    if (value >= 0) {
      return levelOfValue(bytes, value, end);
    }
  }
  return unknown;
}

/** Index of the value, when a level's key begins at `at`; else −1. */
function valueOfLevelKey(bytes: Uint8Array, at: number, end: number): number {
  const key = levelKeys.find((candidate) => startsWith(bytes, at, candidate));
  if (key === undefined) {
    return -1;
  }
  let i = at + key.length;
  while (i < end && (bytes[i] === 32 || bytes[i] === 58)) {
    i += 1;
  }
  return i > at + key.length && i < end ? i : -1;
}

function levelOfValue(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === 34) {
    return levelOfWord.get(packedAt(bytes, at + 1, wordEnd(bytes, at + 1, end))) ?? unknown;
  }
  const tens = (bytes[at] ?? 0) - 48;
  const ones = (bytes[at + 1] ?? 0) - 48;
  if (ones === 0) {
    return tensLevels[tens] ?? unknown;
  }
  return ones > 0 && ones <= 9 ? unknown : (syslogLevels[tens] ?? unknown);
}

/** Syslog's `<34>`: the severity is the rest by 8. */
function priorityLevel(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  let i = start + 1;
  for (; i < Math.min(end, start + 4) && isDigit(bytes[i]); i++) {
    value = value * 10 + (bytes[i] ?? 0) - 48;
  }
  return i > start + 1 && i < end && bytes[i] === 62 ? (syslogLevels[value % 8] ?? unknown) : unknown;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}

function klogLevel(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first !== 73 && first !== 87 && first !== 69 && first !== 70) {
    return unknown;
  }
  for (let i = start + 1; i < start + 5; i++) {
    const digit = (bytes[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) {
      return unknown;
    }
  }
  return bytes[start + 5] === 32 ? (klogLevels[String.fromCharCode(first)] ?? unknown) : unknown;
}

/** The console logger of .NET: `fail: ` in small letters. */
function prefixLevel(bytes: Uint8Array, start: number, end: number): number {
  const isPrefix = start + 5 < end && bytes[start + 4] === 58 && bytes[start + 5] === 32;
  return isPrefix && wordEnd(bytes, start, end) === start + 4
    ? (levelOfWord.get(packedAt(bytes, start, start + 4)) ?? unknown)
    : unknown;
}

function wordLevel(bytes: Uint8Array, start: number, end: number): number {
  const reach = Math.min(end, start + textReach);
  let i = start;
  while (i < reach) {
    const from = i;
    if (!isLetter(bytes[i] ?? 0)) {
      i += 1;
      continue;
    }
    i = wordEnd(bytes, i, end);
    const length = i - from;
    if (length < 3 || length > 8 || !standsOut(bytes, from, i, end)) {
      continue;
    }
    const level = levelOfWord.get(packedAt(bytes, from, i));
    if (level !== undefined) {
      return level;
    }
  }
  return unknown;
}

/** Capitals on their own, or set apart by what is around them. */
function standsOut(bytes: Uint8Array, from: number, end: number, lineEnd: number): boolean {
  const before = bytes[from - 1] ?? 32;
  const after = end < lineEnd ? (bytes[end] ?? 32) : 32;
  if (isUpper(bytes[from] ?? 0) && isUpper(bytes[from + 1] ?? 0) && isUpper(bytes[from + 2] ?? 0)) {
    return isEdge(before) && isEdge(after);
  }
  const isEnclosed = closers[before] === after && after !== 0;
  return isEnclosed || (isEdge(after) && isLevelAssignment(bytes, before === 34 ? from - 1 : from));
}

/** Ends what stands before `at` with `level=` or `lvl=`? */
function isLevelAssignment(bytes: Uint8Array, at: number): boolean {
  return bytes[at - 1] === 61 && bytes[at - 2] === 108 && (bytes[at - 3] === 101 || bytes[at - 3] === 118);
}

function isEdge(byte: number): boolean {
  return edges[byte] === 1;
}

function isUpper(byte: number): boolean {
  return byte >= 65 && byte <= 90;
}

function isLetter(byte: number): boolean {
  const lower = byte | 32;
  return lower >= 97 && lower <= 122;
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && isLetter(bytes[i] ?? 0)) {
    i += 1;
  }
  return i;
}

function startsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text[i]) {
      return false;
    }
  }
  return true;
}

/** A word as a number, capitals as small letters; of a longer one the first 10 letters, which is all that a double holds. */
function packedAt(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  const last = Math.min(end, start + 10);
  for (let i = start; i < last; i++) {
    value = value * 32 + ((bytes[i] ?? 0) & 31);
  }
  return value;
}

function packed(word: string): number {
  const bytes = Buffer.from(word);
  return packedAt(bytes, 0, bytes.length);
}
