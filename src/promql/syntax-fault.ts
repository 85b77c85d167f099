import type { SyntaxNode } from '@lezer/common';
import { durationMs } from '../lib/prometheus-duration.ts';
import { type PromqlError, syntaxError, unsupported } from './errors.ts';
import { laterFunctions } from './signatures.ts';

/** What a place in the grammar expects: at its beginning, and after that. */
const contexts: Readonly<Record<string, readonly [first: string, later: string]>> = {
  LabelMatchers: [' in label matching, expected identifier or "}"', ' in label matching, expected "," or "}"'],
  UnquotedLabelMatcher: [' in label matching, expected label matching operator', ' in label matching, expected string'],
  QuotedLabelMatcher: [' in label matching, expected label matching operator', ' in label matching, expected string'],
  GroupingLabels: [' in grouping opts, expected "("', ' in grouping opts, expected "," or ")"'],
  AggregateExpr: [' in aggregation', ''],
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
export function openString(query: string, end: number): number | undefined {
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
  const isCall = query.slice(error.from).trimStart().startsWith('(');
  if (!isCall || error.parent?.name === 'GroupingLabels') {
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

function unexpected(query: string, error: SyntaxNode): PromqlError {
  const gap = /^(?:\s|#.*$)*/m.exec(query.slice(error.from))?.[0].length ?? 0;
  const at = error.from + gap;
  const rest = query.slice(at);
  if (rest === '') {
    return atEnd(query, error);
  }
  if (rest.startsWith(')') && isUnopened(query.slice(0, at))) {
    return syntaxError(query, at + 1, "unexpected right parenthesis ')'");
  }
  return syntaxError(query, at, `unexpected ${tokenOf(rest)}${contextOf(query, error)}`);
}

/** What is still open is what is wrong. */
function atEnd(query: string, error: SyntaxNode): PromqlError {
  const open = openMarks(query);
  const last = open.at(-1);
  if (last === '{') {
    return syntaxError(query, query.length, 'unexpected end of input inside braces');
  }
  if (last !== undefined) {
    return syntaxError(query, query.length, open.includes('(') ? 'unclosed left parenthesis' : 'unclosed left bracket');
  }
  return syntaxError(query, query.length, `unexpected end of input${contextOf(query, error)}`);
}

function isUnopened(before: string): boolean {
  return !openMarks(before).includes('(');
}

/** The opening marks outside strings and comments that have no closing one. */
function openMarks(text: string): string[] {
  const open: string[] = [];
  for (const [mark] of text.matchAll(/#.*$|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`|[()[\]{}]/gm)) {
    if (mark === '(' || mark === '[' || mark === '{') {
      open.push(mark);
    } else if (mark === ')' || mark === ']' || mark === '}') {
      open.pop();
    }
  }
  return open;
}

function contextOf(query: string, error: SyntaxNode): string {
  const parent = error.parent;
  const expected = contexts[parent?.name ?? ''];
  if (parent === null || expected === undefined) {
    return '';
  }
  const before = query.slice(parent.from, error.from).trim();
  if (parent.name === 'GroupingLabels' && /[(,]$/.test(before)) {
    return ' in grouping opts, expected label';
  }
  const isFirst = before === '' || before === '{' || /^[\w:]+$/.test(before);
  return expected[isFirst ? 0 : 1];
}

const keywords = /^(?:by|without|on|ignoring|group_left|group_right|offset|bool|start|end)$/i;
const aggregations =
  /^(?:sum|avg|count|min|max|group|stddev|stdvar|topk|bottomk|count_values|quantile|limitk|limit_ratio)$/i;

/** A token as Prometheus shows it. */
function tokenOf(rest: string): string {
  const string = /^(?:"[^"\n]*"?|'[^'\n]*'?|`[^`]*`?)/.exec(rest)?.[0];
  if (string !== undefined) {
    return `string ${shortened(string)}`;
  }
  const word = /^[a-zA-Z_:][\w:]*/.exec(rest)?.[0];
  if (word !== undefined) {
    return wordOf(word);
  }
  const number = /^(?:\d[\w.]*|\.\d\w*)/.exec(rest)?.[0];
  if (number !== undefined) {
    return `${durationMs(number) === undefined ? 'number' : 'duration'} ${shortened(number)}`;
  }
  const operator = /^(?:=~|!~|!=|==|>=|<=|[-+*/%^<>@])/.exec(rest)?.[0];
  if (operator !== undefined) {
    return `<op:${operator}>`;
  }
  const mark = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  return /[(){}[\],=:]/.test(mark) ? JSON.stringify(mark) : `character: '${mark}'`;
}

function wordOf(word: string): string {
  const lower = word.toLowerCase();
  if (/^(?:and|or|unless|atan2)$/.test(lower)) {
    return `<op:${lower}>`;
  }
  if (aggregations.test(lower)) {
    return `<aggr:${lower}>`;
  }
  return keywords.test(lower) ? `<${lower}>` : `identifier ${JSON.stringify(word)}`;
}

/** Long texts are cut. */
function shortened(text: string): string {
  return text.length > 10 ? `${JSON.stringify(text.slice(0, 10))}...` : JSON.stringify(text);
}
