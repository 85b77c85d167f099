import type { SyntaxNode } from '@lezer/common';
import { unquoted } from '../lib/go-string.ts';
import type { Place } from './ast.ts';
import { syntaxError } from './errors.ts';

/** A query and where the walk through its tree stands. */
export interface Source {
  readonly query: string;
  readonly depth: number;
}

/** The children that are not comments. */
export function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'LineComment') {
      found.push(child);
    }
  }
  return found;
}

export function textOf(source: Source, node: Place): string {
  return source.query.slice(node.from, node.to);
}

/** The character behind the first backslash that has no meaning there, as Go shows it. */
function strangeEscape(literal: string): string {
  const strange = /^(?:[^\\]|\\(?:[abfnrtv\\'"]|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}))*\\(.)/su.exec(
    literal,
  );
  const character = strange?.[1] ?? '';
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `U+${code} '${character}'`;
}

export function stringValue(source: Source, node: SyntaxNode): string {
  const text = textOf(source, node);
  const value = unquoted(text);
  if (value === undefined) {
    const closed = text.length > 1 && text.endsWith(text[0] ?? '');
    const what = closed ? `unknown escape sequence ${strangeEscape(text)}` : 'unterminated quoted string';
    throw syntaxError(source.query, node.from, what);
  }
  return value;
}

export function labelNames(source: Source, node: SyntaxNode): string[] {
  return children(node).map((label) => {
    const text = textOf(source, label);
    return label.name === 'QuotedLabelName' ? stringValue(source, label.firstChild ?? label) : text;
  });
}
