import { RE2JS } from 're2js';

/** DataKit's `logging_extra_source_map`: other names for sources that nobody named. */
export class SourceNames {
  readonly #rules: readonly { readonly pattern: RE2JS; readonly name: string }[];
  /** Expressions that are none. */
  readonly wrong: readonly string[];

  constructor(map: Readonly<Record<string, string>>) {
    const rules = Object.entries(map).map(([expression, name]) => ({
      expression,
      pattern: compiled(expression),
      name,
    }));
    this.#rules = rules.flatMap(({ pattern, name }) => (pattern === undefined ? [] : [{ pattern, name }]));
    this.wrong = rules.filter(({ pattern }) => pattern === undefined).map(({ expression }) => expression);
  }

  /** Undefined: it is called as its container. */
  of(written: string | undefined, container: string): string | undefined {
    if (written !== undefined && written !== '') {
      return written;
    }
    const name = this.#rules.find(({ pattern }) => pattern.matcher(container).find())?.name ?? '';
    return name === '' ? undefined : name;
  }
}

function compiled(expression: string): RE2JS | undefined {
  try {
    return RE2JS.compile(expression);
  } catch {
    return undefined;
  }
}
