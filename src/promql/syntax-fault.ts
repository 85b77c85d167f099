import type { SyntaxNode } from '@lezer/common';
import { type PromqlError, syntaxError, unsupported } from './errors.ts';
import { laterFunctions } from './signatures.ts';

const contexts: Readonly<Record<string, string>> = {
  LabelMatchers: ' in label matching, expected "," or "}"',
  UnquotedLabelMatcher: ' in label matching, expected string',
  QuotedLabelMatcher: ' in label matching, expected string',
  GroupingLabels: ' in grouping opts, expected label',
  AggregateExpr: ' in aggregation',
  MatrixSelector: ' in subquery or range selector, expected "]"',
  SubqueryExpr: ' in subquery selector, expected "]"',
  OffsetExpr: ' in offset, expected number, duration, step(), or range()',
  StepInvariantExpr: ' in @, expected timestamp',
};

/** What is wrong with the text, if the tree has an error in it. */
export function syntaxFault(query: string, root: SyntaxNode): PromqlError | undefined {
  if (query.replaceAll(/#.*$/gm, '').trim() === '') {
    return syntaxError(query, 0, 'no expression found in input');
  }
  const error = firstError(root);
  if (error === undefined) {
    return undefined;
  }
  const string = openString(query, error.from);
  if (string !== undefined) {
    return syntaxError(query, string, 'unterminated quoted string');
  }
  return unknownFunction(query, error) ?? unexpected(query, error);
}

function firstError(root: SyntaxNode): SyntaxNode | undefined {
  const cursor = root.cursor();
  do {
    if (cursor.type.isError) {
      return cursor.node;
    }
  } while (cursor.next());
  return undefined;
}

/** Where a string begins that is not closed before `end`. */
function openString(query: string, end: number): number | undefined {
  for (const match of query.matchAll(/#.*$|"(?:[^"\\\n]|\\.)*("?)|'(?:[^'\\\n]|\\.)*('?)|`[^`]*(`?)/gm)) {
    if (match.index > end) {
      return undefined;
    }
    if (!match[0].startsWith('#') && match[1] !== '"' && match[2] !== "'" && match[3] !== '`') {
      return match.index;
    }
  }
  return undefined;
}

/** `name(` of a name that the grammar does not know. */
function unknownFunction(query: string, error: SyntaxNode): PromqlError | undefined {
  if (!query.slice(error.from).trimStart().startsWith('(')) {
    return undefined;
  }
  const name = /([a-zA-Z_:][\w:]*)\s*$/.exec(query.slice(0, error.from));
  if (name?.[1] === undefined) {
    return undefined;
  }
  return laterFunctions.has(name[1])
    ? unsupported(query, name.index, `the function ${name[1]}()`)
    : syntaxError(query, name.index, `unknown function with name ${JSON.stringify(name[1])}`);
}

const words: Readonly<Record<string, string>> = {
  '(': 'left parenthesis "("',
  ')': 'right parenthesis ")"',
  '{': 'left brace "{"',
  '}': 'right brace "}"',
  '[': 'left bracket "["',
  ']': 'right bracket "]"',
  ',': 'comma ","',
  '=': '"="',
  ':': '":"',
};

function unexpected(query: string, error: SyntaxNode): PromqlError {
  const gap = /^(?:\s|#.*$)*/m.exec(query.slice(error.from))?.[0].length ?? 0;
  const at = error.from + gap;
  const rest = query.slice(at);
  if (rest === '') {
    return unclosed(query, error) ?? syntaxError(query, query.length, `unexpected end of input${contextOf(error)}`);
  }
  return syntaxError(query, at, `unexpected ${tokenOf(rest)}${contextOf(error)}`);
}

/** The end came before a parenthesis was closed; other contexts say what they expected. */
function unclosed(query: string, error: SyntaxNode): PromqlError | undefined {
  const parent = error.parent?.name ?? '';
  const inParentheses = parent === 'FunctionCallBody' || parent === 'ParenExpr';
  return inParentheses ? syntaxError(query, query.length, 'unclosed left parenthesis') : undefined;
}

function contextOf(error: SyntaxNode): string {
  return contexts[error.parent?.name ?? ''] ?? '';
}

function tokenOf(rest: string): string {
  const string = /^("[^"\n]*"?|'[^'\n]*'?|`[^`]*`?)/.exec(rest)?.[0];
  if (string !== undefined) {
    return `string ${JSON.stringify(string)}`;
  }
  const word = /^[a-zA-Z_:][\w:]*/.exec(rest)?.[0];
  if (word !== undefined) {
    return `identifier ${JSON.stringify(word)}`;
  }
  const number = /^[\d.]\w*/.exec(rest)?.[0];
  if (number !== undefined) {
    return `number ${JSON.stringify(number)}`;
  }
  const operator = /^(?:=~|!~|!=|==|>=|<=|[-+*/%^<>@])/.exec(rest)?.[0];
  if (operator !== undefined) {
    return `<op:${operator}>`;
  }
  const mark = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  return words[mark] ?? `character: ${JSON.stringify(mark)}`;
}
