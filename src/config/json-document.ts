import { type Fault, keyPathOf, type PathStep, type Place } from './fault.ts';
import type { TomlSource } from './toml-document.ts';

/** A JSON text, and where in it each value stands. */
export interface JsonDocument {
  readonly value: unknown;
  /** The place of a value, or of the nearest one around it that is written down. */
  placeOf(path: readonly PathStep[]): Place;
}

/** Never throws: text that is not JSON gives one fault, at the place where the reading stopped. */
export function parseJson({ file, text, firstLine = 1, within = '' }: TomlSource): JsonDocument | Fault {
  const place = (offset: number | undefined, keyPath: string): Place => ({
    file,
    ...(offset !== undefined && { line: firstLine + lineBreaksBefore(text, offset) }),
    keyPath: [within, keyPath].filter((part) => part !== '').join(': '),
  });
  try {
    const value: unknown = JSON.parse(text);
    const scanner = new OffsetScanner(text);
    return {
      value,
      placeOf: (path) => place(scanner.offsetOf(path), keyPathOf(path)),
    };
  } catch (error) {
    const at = offsetOfError(text, error);
    return { code: 'syntax', ...place(at, ''), message: 'is not JSON', hint: adviceFor(text, at) };
  }
}

/** V8 does not always say where; the shortest beginning that is wrong by itself does. */
function offsetOfError(text: string, error: unknown): number {
  const told = /at position (\d+)/.exec(error instanceof Error ? error.message : String(error))?.[1];
  if (told !== undefined) {
    return Number(told);
  }
  let [good, bad] = [0, text.length + 1];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isBeginning(text.slice(0, middle))) {
      good = middle;
    } else {
      bad = middle;
    }
  }
  return good;
}

function isBeginning(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return /end of JSON|Unterminated/.test(message) || message.includes(`at position ${text.length} `);
  }
}

function adviceFor(text: string, at: number): string {
  const before = text.slice(0, at).trimEnd();
  const here = text.slice(at).trimStart();
  if (/^[\]}]/.test(here) && before.endsWith(',')) {
    return 'remove the comma before the closing bracket';
  }
  if (here.startsWith("'")) {
    return 'write texts in double quotes';
  }
  if (here === '') {
    return 'it ends before its brackets are closed';
  }
  return `it cannot go on with ${JSON.stringify(here.slice(0, 12))}`;
}

function lineBreaksBefore(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length - 1;
}

/** Finds the place of a value in a text that is known to be JSON. */
class OffsetScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  offsetOf(path: readonly PathStep[]): number {
    this.#at = 0;
    this.#blank();
    let found = this.#at;
    for (const step of path) {
      if (!this.#enter(step)) {
        break;
      }
      found = this.#at;
    }
    return found;
  }

  /** Goes to the element or the value of that key; false where there is none. Of a key that stands twice the last counts. */
  #enter(step: PathStep): boolean {
    const isList = this.#text[this.#at] === '[';
    if (!isList && this.#text[this.#at] !== '{') {
      return false;
    }
    let found: number | undefined;
    this.#at += 1;
    for (let index = 0; this.#blank() !== ']' && this.#text[this.#at] !== '}'; index++) {
      const key = isList ? index : this.#key();
      if (key === step) {
        found = this.#at;
      }
      this.#skip();
      if (this.#blank() === ',') {
        this.#at += 1;
      }
    }
    this.#at = found ?? this.#at;
    return found !== undefined;
  }

  #key(): unknown {
    const start = this.#at;
    this.#string();
    const key: unknown = JSON.parse(this.#text.slice(start, this.#at));
    this.#blank();
    this.#at += 1;
    this.#blank();
    return key;
  }

  #skip(): void {
    let depth = 0;
    do {
      const here = this.#blank();
      if (here === '"') {
        this.#string();
        continue;
      }
      depth += here === '{' || here === '[' ? 1 : here === '}' || here === ']' ? -1 : 0;
      this.#at += 1;
      if (depth === 0 && here !== '}' && here !== ']') {
        this.#word();
      }
    } while (depth > 0);
  }

  /** The rest of a number or of true, false, null. */
  #word(): void {
    while (/[\w.+-]/.test(this.#text[this.#at] ?? '')) {
      this.#at += 1;
    }
  }

  #string(): void {
    this.#at += 1;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') {
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#at += 1;
  }

  #blank(): string | undefined {
    while (/[\s]/.test(this.#text[this.#at] ?? '')) {
      this.#at += 1;
    }
    return this.#text[this.#at];
  }
}
