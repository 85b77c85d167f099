import compiler from 'toml/lib/compiler.js';
import parser, { type TomlNode } from 'toml/lib/parser.js';
import { type Fault, keyPathOf, type PathStep, type Place } from './fault.ts';
import { explainSyntax, foreignFormat, unclosedAbove } from './toml-syntax.ts';

/** A TOML text, and where in it each key stands. */
export interface TomlDocument {
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** The place of a key, or of the nearest table around it that is written down. */
  placeOf(path: readonly PathStep[]): Place;
}

export interface TomlSource {
  readonly file: string;
  readonly text: string;
  /** Line of the file on which the text begins, where it stands inside another file. Default 1. */
  readonly firstLine?: number;
  /** Put before every key path, such as `data."zipkin.conf"`. */
  readonly within?: string;
}

/** Never throws: text that is not TOML gives one fault, at the first place that can't be read. */
export function parseToml(source: TomlSource): TomlDocument | Fault {
  const lines = new LineIndex(source.text, source.firstLine ?? 1);
  const place = (line: number | undefined, keyPath: string): Place => ({
    file: source.file,
    ...(line === undefined ? {} : { line }),
    keyPath: [source.within ?? '', keyPath].filter((part) => part !== '').join(': '),
  });
  try {
    const nodes = parser.parse(source.text);
    const value = compiler.compile(nodes, source.text);
    const offsets = offsetsOf(nodes);
    return {
      file: source.file,
      value,
      placeOf: (path) => place(lines.at(nearestOffset(offsets, path)), keyPathOf(path)),
    };
  } catch (error) {
    const foreign = foreignFormat(source.text);
    return foreign === undefined
      ? { code: 'syntax', ...syntaxAdvice(error, lines, place) }
      : { code: 'syntax', ...place(undefined, ''), ...foreign };
  }
}

export function isFault(result: TomlDocument | Fault): result is Fault {
  return 'code' in result;
}

function syntaxAdvice(
  error: unknown,
  lines: LineIndex,
  place: (line: number | undefined, keyPath: string) => Place,
): Omit<Fault, 'code'> {
  const parserMessage = error instanceof Error ? error.message : String(error);
  const line = lineOfError(error, lines);
  const above = unclosedAbove(lines.all, (line ?? lines.first) - lines.first, parserMessage);
  if (above !== undefined) {
    const { index, ...advice } = above;
    return { ...place(lines.first + index, ''), ...advice };
  }
  return { ...place(line, ''), ...explainSyntax(lines.text(line), parserMessage) };
}

class LineIndex {
  readonly all: readonly string[];
  /** The number of the first line. */
  readonly first: number;
  readonly #starts: number[] = [];

  constructor(text: string, firstLine: number) {
    this.all = text.split('\n');
    this.first = firstLine;
    let start = 0;
    for (const line of this.all) {
      this.#starts.push(start);
      start += line.length + 1;
    }
  }

  at(offset: number | undefined): number | undefined {
    if (offset === undefined) {
      return undefined;
    }
    const after = this.#starts.findIndex((start) => start > offset);
    return this.first - 1 + (after === -1 ? this.#starts.length : after);
  }

  text(line: number | undefined): string {
    return this.all[(line ?? 0) - this.first] ?? '';
  }
}

/** Syntax errors carry `location`, errors of the second pass carry `line`. An error at a line's end belongs to that line. */
function lineOfError(error: unknown, lines: LineIndex): number | undefined {
  if (!(error instanceof Error)) {
    return undefined;
  }
  if ('location' in error) {
    const { location } = error;
    const start = typeof location === 'object' && location !== null && 'start' in location ? location.start : undefined;
    const offset = typeof start === 'object' && start !== null && 'offset' in start ? start.offset : undefined;
    return typeof offset === 'number' ? lines.at(offset) : undefined;
  }
  return 'line' in error && typeof error.line === 'number' ? (lines.at(0) ?? 1) - 1 + error.line : undefined;
}

const pathKey = (path: readonly PathStep[]): string => JSON.stringify(path);

function nearestOffset(offsets: ReadonlyMap<string, number>, path: readonly PathStep[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const offset = offsets.get(pathKey(path.slice(0, length)));
    if (offset !== undefined) {
      return offset;
    }
  }
  return undefined;
}

function asKeys(key: unknown): string[] {
  return (Array.isArray(key) ? key : [key]).filter((part) => typeof part === 'string');
}

/** Follows the headers as the compiler does: a path through a list of tables means its last element. */
function offsetsOf(nodes: readonly TomlNode[]): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  const lengths = new Map<string, number>();
  const note = (path: readonly PathStep[], offset: number): void => {
    for (let length = 1; length <= path.length; length++) {
      const key = pathKey(path.slice(0, length));
      if (!offsets.has(key)) {
        offsets.set(key, offset);
      }
    }
  };
  const resolved = (keys: readonly string[]): PathStep[] => {
    const path: PathStep[] = [];
    for (const key of keys) {
      path.push(key);
      const length = lengths.get(pathKey(path));
      if (length !== undefined) {
        path.push(length - 1);
      }
    }
    return path;
  };
  let table: PathStep[] = [];
  for (const node of nodes) {
    if (node.type === 'Assign') {
      const path = [...table, ...asKeys(node.key)];
      note(path, node.offset);
      noteValue(node.value, path, note);
      continue;
    }
    const keys = asKeys(node.value);
    if (node.type === 'ArrayPath') {
      const parent = [...resolved(keys.slice(0, -1)), ...keys.slice(-1)];
      lengths.set(pathKey(parent), (lengths.get(pathKey(parent)) ?? 0) + 1);
    }
    table = resolved(keys);
    note(table, node.offset);
  }
  return offsets;
}

function noteValue(
  node: unknown,
  path: readonly PathStep[],
  note: (path: readonly PathStep[], offset: number) => void,
) {
  if (typeof node !== 'object' || node === null || !('value' in node) || !Array.isArray(node.value)) {
    return;
  }
  const inline = 'type' in node && node.type === 'InlineTable';
  for (const [index, entry] of node.value.entries()) {
    const inner = [...path, ...(inline ? asKeys(entry.key) : [index])];
    note(inner, entry.offset);
    noteValue(inline ? entry.value : entry, inner, note);
  }
}
