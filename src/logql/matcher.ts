import type { Matcher } from './ast.ts';
import { wholeMatch } from './pattern-text.ts';

export type TextTest = (value: string) => boolean;

/** Throws a syntax fault at a wrong expression. */
export function testOf({ op, value }: Matcher): TextTest {
  switch (op) {
    case '=':
      return (text) => text === value;
    case '!=':
      return (text) => text !== value;
    case '=~':
      return wholeMatch(value);
    case '!~': {
      const matches = wholeMatch(value);
      return (text) => !matches(text);
    }
    default:
      return op satisfies never;
  }
}
