/** A value is not what its place asks for. Never leaves the codec: the outermost reader turns it into BRIDGE_DECODE. */
export class SpanFault extends Error {
  /** From the list's element on, such as `.tags.a`. */
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.name = 'SpanFault';
    this.path = path;
  }
}

/** A number with its digits as sent: where a text is expected, `1.0` must stay `1.0`. */
export class NumberLiteral {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** A number stands where a text is expected, and the list was parsed without the digits: parse it again with them. */
export class DigitsWanted extends Error {}

export type JsonObject = Readonly<Record<string, unknown>>;

const maxShownLength = 64;
/** int64 ends here. As a number this is what stands for its last value too. */
export const maxMicros = 2 ** 63;
const numeric = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A sender's text as an error may repeat it. */
export function shown(text: string): string {
  return JSON.stringify(text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text);
}

function kindOf(value: unknown): string {
  if (value === undefined) {
    return 'is missing';
  }
  if (value === null) {
    return 'is null';
  }
  if (typeof value === 'number' || value instanceof NumberLiteral) {
    return 'is a number';
  }
  return `is ${Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`}`;
}

export function unexpected(path: string, value: unknown, expected: string): SpanFault {
  return new SpanFault(path, `${kindOf(value)}; expected ${expected}`);
}

/** Puts `prefix` before the path of a fault on its way out. Anything else passes. */
export function within(prefix: string, error: unknown): unknown {
  return error instanceof SpanFault ? new SpanFault(prefix + error.path, error.message) : error;
}

/** A text, or a number as its digits. Throws SpanFault or DigitsWanted. */
export function readText(value: unknown, path: string): string {
  if (typeof value === 'string') {
    return value;
  }
  if (value instanceof NumberLiteral) {
    return value.source;
  }
  if (typeof value === 'number') {
    throw new DigitsWanted();
  }
  throw unexpected(path, value, 'a string');
}

function toNumber(value: unknown, path: string): number {
  if (typeof value === 'number') {
    return value;
  }
  const text = value instanceof NumberLiteral ? value.source : value;
  if (typeof text !== 'string') {
    throw unexpected(path, value, 'an integer');
  }
  if (!numeric.test(text.trim())) {
    throw new SpanFault(path, `is ${shown(text)}; expected an integer`);
  }
  return Number(text);
}

/** An integer of 64 bits, a numeric text or an integral float. Throws SpanFault. */
export function readInteger(value: unknown, path: string): number {
  const number = toNumber(value, path);
  if (!Number.isInteger(number) || Math.abs(number) > maxMicros) {
    throw new SpanFault(path, `is ${number}; expected an integer of 64 bits`);
  }
  return number;
}

/** A time or duration in µs; null, 0 and less mean that there is none. Throws SpanFault. */
export function readMicros(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const micros = readInteger(value, path);
  return micros > 0 ? micros : undefined;
}

/** Only `true` says something. Throws SpanFault. */
export function readFlag(value: unknown, path: string): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') {
    return value === true;
  }
  throw unexpected(path, value, 'true or false');
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberLiteral);
}
