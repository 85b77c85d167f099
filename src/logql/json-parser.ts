import type { Extraction } from './ast.ts';
import { parseError } from './errors.ts';
import { type LineLabels, labelName } from './line-labels.ts';

const jsonFault = 'JSONParserErr';
/** Deeper than loggers nest. */
const maxDepth = 64;

export type LineParser = (text: string, labels: LineLabels) => void;

/** Every value but lists and nulls, under the keys on its way joined by `_`. */
export const jsonParser: LineParser = (text, labels) => {
  const value = objectIn(text, labels);
  if (value !== undefined) {
    extractAll(value, '', labels, 0);
  }
};

const objectShape = /^\s*\{/;

function objectIn(text: string, labels: LineLabels): object | undefined {
  if (!objectShape.test(text)) {
    labels.fail(jsonFault, 'it is no JSON object');
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value;
    }
  } catch (error) {
    labels.fail(jsonFault, error instanceof Error ? error.message : 'not JSON');
  }
  return undefined;
}

function extractAll(object: object, prefix: string, labels: LineLabels, depth: number): void {
  for (const [key, value] of Object.entries(object)) {
    const part = labelName(key);
    const name = prefix === '' ? part : `${prefix}_${part.replace(/^_(?=\d)/, '')}`;
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < maxDepth) {
      extractAll(value, name, labels, depth + 1);
    } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      labels.extract(name, String(value));
    }
  }
}

/** Only what the expressions name; '' where the line lacks it. */
export function jsonExpressionParser(extractions: readonly Extraction[]): LineParser {
  const paths = extractions.map(({ name, from }) => ({ name, path: pathOf(from) }));
  return (text, labels) => {
    const object = objectIn(text, labels);
    for (const { name, path } of object === undefined ? [] : paths) {
      const value = path.reduce<unknown>((inner, key) => memberOf(inner, key), object);
      const shown = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
      labels.extract(name, shown);
    }
  };
}

function memberOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) {
    return undefined;
  }
  return Reflect.get(value, key);
}

/** `a.b["c d"][0]` → its keys. */
function pathOf(expression: string): (string | number)[] {
  const path: (string | number)[] = [];
  const part = /\.?([a-zA-Z_][\w-]*)|\[(\d+)\]|\[(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)\]/gy;
  while (part.lastIndex < expression.length) {
    const match = part.exec(expression);
    if (match === null) {
      throw parseError(`cannot parse expression [${expression}]: syntax error`);
    }
    const [, name, index, quoted, raw] = match;
    path.push(index === undefined ? (name ?? raw ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? '') : Number(index));
  }
  return path;
}

/** The line that `pack` once made: its values as labels, and as its text what stands under `_entry`. */
export function unpacked(text: string, labels: LineLabels): string {
  const object = objectIn(text, labels);
  let entry = text;
  for (const [key, value] of Object.entries(object ?? {})) {
    if (typeof value === 'string') {
      if (key === '_entry') {
        entry = value;
      } else {
        labels.extract(labelName(key), value);
      }
    }
  }
  return entry;
}
