import type { LineOp } from './ast.ts';
import { parseError } from './errors.ts';
import type { TextTest } from './matcher.ts';
import { literalsOf, partMatch } from './pattern-text.ts';

/** Does a line pass `op` with one of the values (none of them where the op says no)? */
export function lineTest(op: LineOp, values: readonly string[]): TextTest {
  const tests = values.map((value) => valueTest(op, value));
  const [only] = tests;
  const any: TextTest = tests.length === 1 && only !== undefined ? only : (text) => tests.some((test) => test(text));
  return op === '|=' || op === '|~' || op === '|>' ? any : (text) => !any(text);
}

function valueTest(op: LineOp, value: string): TextTest {
  switch (op) {
    case '|=':
    case '!=':
      return (text) => text.includes(value);
    case '|~':
    case '!~':
      return value === '' ? () => true : partMatch(value);
    default:
      return patternTest(value);
  }
}

/** Texts that stand in each line that passes. */
export function textsIn(op: LineOp, values: readonly string[]): readonly string[] {
  const [value = ''] = values;
  if (values.length !== 1 || value === '') {
    return [];
  }
  if (op === '|=') {
    return [value];
  }
  if (op === '|>') {
    return value.split('<_>').filter((text) => text !== '');
  }
  const literals = op === '|~' ? literalsOf(value) : undefined;
  return literals !== undefined && !literals.folded && literals.texts.length === 1 ? literals.texts : [];
}

/** `<_>` stands for any text; what stands at an end without it is the line's own end. */
function patternTest(pattern: string): TextTest {
  const parts = pattern.split('<_>');
  if (parts.slice(1, -1).includes('')) {
    throw parseError(`consecutive capture: ${JSON.stringify(pattern)}`);
  }
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  return (text) => {
    if (last === undefined) {
      return text === first;
    }
    let at = first.length;
    if (!text.startsWith(first) || !text.endsWith(last)) {
      return false;
    }
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found < 0) {
        return false;
      }
      at = found + part.length;
    }
    return text.length - last.length >= at;
  };
}
