import { unquoted } from './go-string.ts';
import { type LabelMatcher, labelTest } from './label-matcher.ts';

interface Test {
  readonly name: string;
  readonly holds: (value: string) => boolean;
  /** `!=` and `!~` want it of all values, the others of one. */
  readonly ofAll: boolean;
}

/** Conditions that must all hold, ready to be held against labels. */
export class Selector {
  /** As it was written. */
  readonly text: string;
  readonly matchers: readonly LabelMatcher[];
  readonly #tests: readonly Test[];

  /** Throws RE2's error at a wrong expression: `parseSelector` says it as a fault. */
  constructor(text: string, matchers: readonly LabelMatcher[]) {
    this.text = text;
    this.matchers = matchers;
    this.#tests = matchers.map((matcher) => ({
      name: matcher.name,
      holds: labelTest(matcher),
      ofAll: matcher.op === '!=' || matcher.op === '!~',
    }));
  }

  /**
   * `valuesOf` gives what a thing has of a label; nothing, and an empty list, is ''. Of several, such as the services of a span,
   * `=` and `=~` want one that fits, `!=` and `!~` that all do.
   */
  matches(valuesOf: (name: string) => string | readonly string[] | undefined): boolean {
    return this.#tests.every((test) => holdsOf(test, valuesOf(test.name)));
  }

  /**
   * The same where not all labels are known: undefined means that nothing is known of that one. `no` as soon as one condition
   * fails whatever the rest may be.
   */
  verdict(known: (name: string) => string | undefined): 'yes' | 'no' | 'unknown' {
    let verdict: 'yes' | 'unknown' = 'yes';
    for (const { name, holds } of this.#tests) {
      const value = known(name);
      if (value === undefined) {
        verdict = 'unknown';
      } else if (!holds(value)) {
        return 'no';
      }
    }
    return verdict;
  }
}

function holdsOf({ holds, ofAll }: Test, found: string | readonly string[] | undefined): boolean {
  if (found === undefined || typeof found === 'string') {
    return holds(found ?? '');
  }
  if (found.length === 0) {
    return holds('');
  }
  return ofAll ? found.every(holds) : found.some(holds);
}

/** What is wrong with a selector, as half a sentence, and where: an offset into the text. */
export interface SelectorFault {
  readonly message: string;
  readonly at: number;
}

export type ParsedSelector =
  | { readonly selector: Selector; readonly fault?: never }
  | { readonly fault: SelectorFault; readonly selector?: never };

const blank = /\s*/y;
const bareName = /[A-Za-z_][\w.]*/y;
const literal = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/y;
const operator = /=~|!~|!=|=/y;

/**
 * `{namespace="prod", pod=~"reviews-.*", app!="x"}`: label matchers as in Prometheus and Loki, without a metric's name before
 * them and with names in quotes where they are no identifiers (a dot needs none). `{}` matches all.
 */
export function parseSelector(text: string): ParsedSelector {
  try {
    const matchers = new Reading(text).matchers();
    return { selector: new Selector(text, matchers) };
  } catch (error) {
    if (error instanceof Wrong) {
      return { fault: { message: error.message, at: error.at } };
    }
    throw error;
  }
}

class Wrong extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

class Reading {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  matchers(): readonly LabelMatcher[] {
    this.#expect('{', 'a selector begins with {, such as {namespace="prod"}');
    const found: LabelMatcher[] = [];
    while (!this.#skip('}')) {
      if (found.length > 0) {
        this.#expect(',', 'a comma or } is wanted');
        if (this.#skip('}')) {
          break;
        }
      }
      found.push(this.#matcher());
    }
    if (this.#at < this.#text.length) {
      throw new Wrong(`nothing may follow the selector, and here is ${this.#rest()}`, this.#at);
    }
    return found;
  }

  #matcher(): LabelMatcher {
    const name = this.#take(bareName) ?? this.#string();
    if (name === undefined || name === '') {
      throw new Wrong(`the name of a label is wanted, and here is ${this.#rest()}`, this.#at);
    }
    const op = this.#take(operator);
    if (op !== '=' && op !== '!=' && op !== '=~' && op !== '!~') {
      throw new Wrong(`behind ${name} one of =, !=, =~ and !~ is wanted, and here is ${this.#rest()}`, this.#at);
    }
    const from = this.#at;
    const value = this.#string();
    if (value === undefined) {
      throw new Wrong(`behind ${name}${op} a text in quotes is wanted, and here is ${this.#rest()}`, from);
    }
    const matcher: LabelMatcher = { name, op, value };
    try {
      labelTest(matcher);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Wrong(`${JSON.stringify(value)} is no regular expression of RE2: ${reason}`, from);
    }
    return matcher;
  }

  #string(): string | undefined {
    const from = this.#at;
    const found = this.#take(literal);
    const value = found === undefined ? undefined : unquoted(found);
    if (found !== undefined && value === undefined) {
      throw new Wrong(`${found} has an escape that is none`, from);
    }
    return value;
  }

  #take(shape: RegExp): string | undefined {
    shape.lastIndex = this.#at;
    const found = shape.exec(this.#text)?.[0];
    if (found !== undefined) {
      this.#at += found.length;
      this.#blank();
    }
    return found;
  }

  #expect(sign: string, message: string): void {
    this.#blank();
    if (!this.#skip(sign)) {
      throw new Wrong(`${message}, and here is ${this.#rest()}`, this.#at);
    }
  }

  #skip(sign: string): boolean {
    const found = this.#text.startsWith(sign, this.#at);
    if (found) {
      this.#at += sign.length;
      this.#blank();
    }
    return found;
  }

  #blank(): void {
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#text)?.[0].length ?? 0;
  }

  #rest(): string {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    return rest === '' ? 'the end' : rest;
  }
}
