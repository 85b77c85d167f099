import { compiled } from './pattern-text.ts';
import { byteCount, durationSeconds } from './units.ts';

export type TemplateValue = string | number | boolean;

export interface TemplateFunction {
  /** Arguments that it takes. */
  readonly least: number;
  readonly most?: number;
  call(values: readonly TemplateValue[]): TemplateValue;
}

export function valueText(value: TemplateValue | undefined): string {
  return value === undefined ? '' : String(value);
}

export function truthOf(value: TemplateValue): boolean {
  return value !== '' && value !== 0 && value !== false;
}

function numberOf(value: TemplateValue | undefined): number {
  const number = Number(value);
  return Number.isNaN(number) ? 0 : number;
}

function texts(count: number, call: (...values: readonly string[]) => TemplateValue): TemplateFunction {
  return { least: count, call: (values) => call(...values.map(valueText)) };
}

function numbers(call: (a: number, b: number) => number): TemplateFunction {
  return { least: 2, most: 16, call: (values) => values.map(numberOf).reduce(call) };
}

function whole(call: (a: number, b: number) => number): TemplateFunction {
  return numbers((a, b) => Math.trunc(call(Math.trunc(a), Math.trunc(b))));
}

function comparison(call: (a: TemplateValue, b: TemplateValue) => boolean): TemplateFunction {
  return { least: 2, call: ([a = '', b = '']) => call(a, b) };
}

function trimmed(text: string, letters: string, ends: { readonly left: boolean; readonly right: boolean }): string {
  let from = 0;
  let to = text.length;
  while (ends.left && from < to && letters.includes(text[from] ?? '')) {
    from += 1;
  }
  while (ends.right && to > from && letters.includes(text[to - 1] ?? '')) {
    to -= 1;
  }
  return text.slice(from, to);
}

/** Go's `${1}` and `$1` → the matcher's own way. */
function goReplacement(text: string): string {
  return text.replaceAll(/\$\{(\w+)\}/g, '$$$1');
}

/** A line that grows past this is a mistake. */
const maxRepeated = 65_536;

const lower = texts(1, (text = '') => text.toLowerCase());
const upper = texts(1, (text = '') => text.toUpperCase());
const title = texts(1, (text = '') =>
  text.replaceAll(/(^|\s)(\p{L})/gu, (_, gap: string, letter: string) => gap + letter.toUpperCase()),
);
const trim = texts(1, (text = '') => text.trim());
const replaceAll = texts(3, (old = '', by = '', text = '') => text.replaceAll(old, () => by));

/** By the names that Loki gives them. The value that a pipeline passes on is the last argument. */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  ToLower: lower,
  lower,
  ToUpper: upper,
  upper,
  title,
  trim,
  TrimSpace: trim,
  Replace: {
    least: 4,
    call: ([text, old, by, count]) => {
      const parts = valueText(text).split(valueText(old));
      const most = numberOf(count) < 0 ? parts.length : numberOf(count) + 1;
      const kept = parts.slice(0, most);
      return [kept.join(valueText(by)), ...parts.slice(most)].join(valueText(old));
    },
  },
  replace: replaceAll,
  trimAll: texts(2, (letters = '', text = '') => trimmed(text, letters, { left: true, right: true })),
  Trim: texts(2, (text = '', letters = '') => trimmed(text, letters, { left: true, right: true })),
  TrimLeft: texts(2, (text = '', letters = '') => trimmed(text, letters, { left: true, right: false })),
  TrimRight: texts(2, (text = '', letters = '') => trimmed(text, letters, { left: false, right: true })),
  TrimPrefix: texts(2, (text = '', prefix = '') => (text.startsWith(prefix) ? text.slice(prefix.length) : text)),
  TrimSuffix: texts(2, (text = '', end = '') => (end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text)),
  trimPrefix: texts(2, (prefix = '', text = '') => (text.startsWith(prefix) ? text.slice(prefix.length) : text)),
  trimSuffix: texts(2, (end = '', text = '') => (end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text)),
  trunc: {
    least: 2,
    call: ([count, text]) => {
      const length = Math.trunc(numberOf(count));
      return length < 0 ? valueText(text).slice(length) : valueText(text).slice(0, length);
    },
  },
  substr: {
    least: 3,
    call: ([start, end, text]) => {
      const to = numberOf(end);
      return valueText(text).slice(Math.max(0, numberOf(start)), to < 0 ? undefined : to);
    },
  },
  repeat: {
    least: 2,
    call: ([count, text]) => valueText(text).repeat(Math.min(Math.max(0, Math.trunc(numberOf(count))), maxRepeated)),
  },
  contains: texts(2, (part = '', text = '') => text.includes(part)),
  hasPrefix: texts(2, (prefix = '', text = '') => text.startsWith(prefix)),
  hasSuffix: texts(2, (end = '', text = '') => text.endsWith(end)),
  count: texts(2, (pattern = '', text = '') => {
    const matcher = compiled(pattern).matcher(text);
    let found = 0;
    while (matcher.find()) {
      found += 1;
    }
    return found;
  }),
  regexReplaceAll: texts(3, (pattern = '', text = '', by = '') =>
    compiled(pattern).matcher(text).replaceAll(goReplacement(by)),
  ),
  regexReplaceAllLiteral: texts(3, (pattern = '', text = '', by = '') =>
    compiled(pattern).matcher(text).replaceAll(by.replaceAll(/[\\$]/g, '\\$&')),
  ),
  default: { least: 2, call: ([fallback = '', value = '']) => (truthOf(value) ? value : fallback) },
  len: { least: 1, call: ([value]) => new TextEncoder().encode(valueText(value)).length },
  b64enc: texts(1, (text = '') => btoa(String.fromCharCode(...new TextEncoder().encode(text)))),
  b64dec: texts(1, (text = '') => {
    try {
      return new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
    } catch {
      return text;
    }
  }),
  urlencode: texts(1, (text = '') => encodeURIComponent(text.toWellFormed()).replaceAll('%20', '+')),
  urldecode: texts(1, (text = '') => {
    try {
      return decodeURIComponent(text.replaceAll('+', ' '));
    } catch {
      return text;
    }
  }),
  int: { least: 1, call: ([value]) => Math.trunc(numberOf(value)) },
  float64: { least: 1, call: ([value]) => numberOf(value) },
  bytes: texts(1, (text = '') => byteCount(text) ?? 0),
  duration: texts(1, (text = '') => durationSeconds(text) ?? 0),
  duration_seconds: texts(1, (text = '') => durationSeconds(text) ?? 0),
  add: whole((a, b) => a + b),
  sub: whole((a, b) => a - b),
  mul: whole((a, b) => a * b),
  div: whole((a, b) => (b === 0 ? 0 : a / b)),
  mod: whole((a, b) => (b === 0 ? 0 : a % b)),
  addf: numbers((a, b) => a + b),
  subf: numbers((a, b) => a - b),
  mulf: numbers((a, b) => a * b),
  divf: numbers((a, b) => a / b),
  max: whole(Math.max),
  min: whole(Math.min),
  maxf: numbers(Math.max),
  minf: numbers(Math.min),
  floor: { least: 1, call: ([value]) => Math.floor(numberOf(value)) },
  ceil: { least: 1, call: ([value]) => Math.ceil(numberOf(value)) },
  eq: comparison((a, b) => a === b),
  ne: comparison((a, b) => a !== b),
  lt: comparison((a, b) => a < b),
  le: comparison((a, b) => a <= b),
  gt: comparison((a, b) => a > b),
  ge: comparison((a, b) => a >= b),
  not: { least: 1, call: ([value = '']) => !truthOf(value) },
  and: { least: 1, most: 16, call: (values) => values.find((value) => !truthOf(value)) ?? values.at(-1) ?? '' },
  or: { least: 1, most: 16, call: (values) => values.find(truthOf) ?? values.at(-1) ?? '' },
};
