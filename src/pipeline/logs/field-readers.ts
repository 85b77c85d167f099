import { accessLogFields } from '../../codec/access-log/access-log.ts';
import type { FieldValue } from '../../model/rum.ts';

type Fields = Iterable<readonly [name: string, value: FieldValue]>;

/** Takes fields out of a text; undefined where it is not of that form. */
export type FieldReader = (text: string) => Fields | undefined;

/** Objects within objects; what is deeper is kept as JSON. */
const deepest = 8;

/**
 * An object's members; those of objects within it with their path (`a.b`). Lists are kept as JSON, null is left out, and whole
 * numbers that a double cannot hold are kept as text.
 */
export function jsonFields(text: string): Fields | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{')) {
    return undefined;
  }
  try {
    const value: unknown = longNumber.test(trimmed) ? JSON.parse(trimmed, exactNumber) : JSON.parse(trimmed);
    return isObject(value) ? [...flattened(value, '', deepest)] : undefined;
  } catch {
    // Not JSON, or deeper than the stack.
    return undefined;
  }
}

/** Only these can be more than a double holds; to look at each value takes much longer. */
const longNumber = /\d{16}|\d[eE]\+?\d/;

function exactNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  const isInexact = typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined;
  return isInexact && (/^-?\d+$/.test(source) || !Number.isFinite(value)) ? source : value;
}

function* flattened(from: object, path: string, depth: number): Generator<readonly [string, FieldValue]> {
  for (const [key, value] of Object.entries(from) as [string, unknown][]) {
    const name = path === '' ? key : `${path}.${key}`;
    if (isObject(value) && depth > 1) {
      yield* flattened(value, name, depth - 1);
    } else if (typeof value === 'object' && value !== null) {
      yield [name, JSON.stringify(value)];
    } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      yield [name, value];
    }
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const pair = /([^\s="]{1,256})=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)/gy;
const blankOrWord = /\s+|[^\s]+/y;

/** `name=value name="value with \" in it"`; words without a value are passed over. Values are text. */
export function logfmtFields(text: string): Fields | undefined {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    pair.lastIndex = at;
    const found = pair.exec(text);
    if (found !== null) {
      const [, name = '', quoted, bare = ''] = found;
      fields.set(name, quoted === undefined ? bare : unescaped(quoted));
      at = pair.lastIndex;
      continue;
    }
    blankOrWord.lastIndex = at;
    blankOrWord.exec(text);
    at = Math.max(at + 1, blankOrWord.lastIndex);
  }
  return fields.size === 0 ? undefined : fields;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, mark: string) => escapes[mark] ?? mark);
}

export function accessLog(text: string): Fields | undefined {
  const fields = accessLogFields(Buffer.from(text));
  return fields && Object.entries(fields);
}
