import { RE2JS, RE2JSException } from 're2js';
import type { FieldValue } from '../../model/rum.ts';
import { faulty } from './compiled.ts';
import { grokPatterns } from './grok-patterns.ts';

/** Fields in the order of the pattern; undefined where it does not fit. */
export type Grok = (line: string) => readonly (readonly [name: string, value: FieldValue])[] | undefined;

type Cast = 'string' | 'int' | 'float' | 'bool';

interface Field {
  readonly group: string;
  readonly name: string;
  readonly cast: Cast;
}

const casts: Readonly<Record<string, Cast>> = {
  string: 'string',
  str: 'string',
  int: 'int',
  integer: 'int',
  long: 'int',
  float: 'float',
  double: 'float',
  bool: 'bool',
  boolean: 'bool',
};
/** `%{NAME}`, `%{NAME:field}`, `%{NAME:field:type}`. */
const reference = /%\{([^{}:]*)(?::([^{}:]*))?(?::([^{}]*))?\}/g;
const deepest = 32;
/** Of a pattern with all names put in. */
const longest = 65_536;

/**
 * Compiles a grok pattern to one regular expression of linear time. Types are `int`, `float`, `bool` and `string`; groups that
 * are named as in `(?P<name>…)` are fields too. Throws BRIDGE_CONFIG that begins with `key` and says at which character of the
 * pattern what is wrong.
 */
export function compileGrok(key: string, pattern: string, define: Readonly<Record<string, string>> = {}): Grok {
  const fields: Field[] = [];
  const source = expand(pattern, { key, define, fields, path: [], place: undefined });
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (cause) {
    if (cause instanceof RE2JSException) {
      throw faulty(key, `"${pattern}" is not a pattern: ${cause.message}`, cause);
    }
    throw cause;
  }
  const groups = compiled.namedGroups();
  const lost = fields.find(({ group }) => !Object.hasOwn(groups, group));
  if (lost !== undefined) {
    throw faulty(key, `the field "${lost.name}" stands behind a backslash or within [ ], where no pattern can be`);
  }
  const own = Object.keys(groups).filter((name) => !fields.some(({ group }) => group === name));
  const all: readonly Field[] = [...fields, ...own.map((name): Field => ({ group: name, name, cast: 'string' }))];
  return (line) => {
    // Whether it fits is told much faster than where the groups are.
    if (!compiled.test(line)) {
      return undefined;
    }
    const matcher = compiled.matcher(line);
    return matcher.find() ? all.flatMap((field) => fieldOf(field, matcher.group(field.group))) : undefined;
  };
}

interface Expansion {
  readonly key: string;
  readonly define: Readonly<Record<string, string>>;
  readonly fields: Field[];
  /** Names that are being put in. */
  readonly path: readonly string[];
  /** Where the outermost of them stands. */
  readonly place: number | undefined;
}

function expand(pattern: string, expansion: Expansion): string {
  const { key, path, place } = expansion;
  let size = 0;
  return pattern.replace(reference, (whole: string, ...rest: unknown[]) => {
    const [name, field, type, offset] = rest as [string, string | undefined, string | undefined, number];
    const at = place ?? offset;
    const inner = expand(definitionOf(name, at, expansion), { ...expansion, path: [...path, name], place: at });
    size += inner.length;
    if (size > longest) {
      throw faulty(key, `${whole} at character ${at + 1} makes the pattern too long`);
    }
    return field === undefined || field === '' ? `(?:${inner})` : named(inner, { field, type, at }, expansion);
  });
}

function definitionOf(name: string, at: number, { key, define, path }: Expansion): string {
  const where = `at character ${at + 1}`;
  if (path.includes(name) || path.length >= deepest) {
    throw faulty(key, `%{${name}} ${where} contains itself`);
  }
  const known = [define, grokPatterns].find((patterns) => Object.hasOwn(patterns, name))?.[name];
  if (known === undefined) {
    throw faulty(key, `%{${name}} ${where} is not a known pattern${advice(name, define)}`);
  }
  return known;
}

function advice(name: string, define: Readonly<Record<string, string>>): string {
  const upper = name.toUpperCase();
  const near = [...Object.keys(define), ...Object.keys(grokPatterns)].find(
    (known) => known === upper || (upper.length >= 3 && (known.startsWith(upper) || upper.startsWith(known))),
  );
  return near === undefined ? '' : `; write %{${near}}`;
}

function named(
  inner: string,
  { field, type, at }: { field: string; type: string | undefined; at: number },
  { key, fields }: Expansion,
): string {
  const cast = type === undefined ? 'string' : casts[type.trim()];
  if (cast === undefined) {
    throw faulty(key, `"${type}" at character ${at + 1} is not a type; write int, float, bool or string`);
  }
  const group = `grok${fields.length}`;
  fields.push({ group, name: field.trim(), cast });
  return `(?P<${group}>${inner})`;
}

function fieldOf({ name, cast }: Field, text: string | null): readonly (readonly [string, FieldValue])[] {
  const value = text === null ? undefined : castValue(text, cast);
  return value === undefined ? [] : [[name, value]];
}

/** Text that is none stays text; nothing is not there. */
export function castValue(value: FieldValue, cast: Cast): FieldValue {
  switch (cast) {
    case 'string':
      return String(value);
    case 'bool':
      return asBool(value);
    case 'int':
      return typeof value === 'number' ? Math.trunc(value) : asNumber(value, Math.trunc);
    case 'float':
      return typeof value === 'number' ? value : asNumber(value, (number) => number);
    default:
      return cast satisfies never;
  }
}

function asNumber(value: string | boolean, round: (number: number) => number): FieldValue {
  const number = typeof value === 'boolean' || value.trim() === '' ? Number.NaN : Number(value);
  const rounded = round(number);
  return Number.isFinite(number) && (Number.isSafeInteger(rounded) || !Number.isInteger(rounded)) ? rounded : value;
}

function asBool(value: FieldValue): FieldValue {
  const text = String(value).toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(text)) {
    return true;
  }
  return ['false', '0', 'no', 'off'].includes(text) ? false : value;
}
