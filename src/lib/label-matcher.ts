import { RE2JS } from 're2js';

/** `=~` and `!~` match whole values, in RE2's syntax. What lacks a label has the value '' of it. */
export interface LabelMatcher {
  readonly name: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** The label has one of these values. */
export function oneOf(name: string, values: readonly string[]): LabelMatcher {
  return { name, op: '=~', value: values.map((value) => RE2JS.quote(value)).join('|') };
}

/** Whether a value is matched. Throws RE2's error when the value of `=~` or `!~` is no regular expression. */
export function labelTest({ op, value }: Omit<LabelMatcher, 'name'>): (labelValue: string) => boolean {
  switch (op) {
    case '=':
      return (labelValue) => labelValue === value;
    case '!=':
      return (labelValue) => labelValue !== value;
    case '=~':
      return wholeMatch(value);
    case '!~': {
      const matches = wholeMatch(value);
      return (labelValue) => !matches(labelValue);
    }
    default:
      return op satisfies never;
  }
}

/** Every value is asked for once; the number of different ones that are remembered is bounded. */
const rememberedValues = 10_000;

function wholeMatch(expression: string): (value: string) => boolean {
  // Go's syntax for names of groups, which re2js knows as `(?<name>`.
  const pattern = RE2JS.compile(`^(?s:${expression.replaceAll('(?P<', '(?<')})$`);
  const known = new Map<string, boolean>();
  return (value) => {
    const before = known.get(value);
    if (before !== undefined) {
      return before;
    }
    const matched = pattern.matches(value);
    if (known.size < rememberedValues) {
      known.set(value, matched);
    }
    return matched;
  };
}
